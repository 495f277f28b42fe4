-- What is understood of the messages of one conversation.
SELECT position, message, at, role, language, sentiment, signals, topics, suggested, translation
FROM meanings FINAL
WHERE project = {project:String} AND tenant = {tenant:String} AND conversation = {id:String}
ORDER BY position, message
