-- The models that made the vectors of a project's messages, the most used first.
SELECT model, count() AS messages
FROM meanings
WHERE project = {project:String} AND role = 'user' AND model != ''
GROUP BY model
ORDER BY messages DESC
