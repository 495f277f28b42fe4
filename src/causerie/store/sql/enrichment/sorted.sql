-- One row: how many messages of users could have a topic, and how many have none.
SELECT count() AS messages, countIf(suggested = '') AS unsorted
FROM meanings FINAL
WHERE project = {project:String} AND model = {model:String} AND role = 'user'
