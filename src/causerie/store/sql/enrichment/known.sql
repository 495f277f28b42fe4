-- What is understood of the messages of some conversations.
SELECT
  tenant, conversation, position, message, at, role, language, sentiment, signals, topics,
  suggested, translation, model, vector, revision
FROM meanings FINAL
WHERE project = {project:String}
  AND tenant IN {tenants:Array(String)}
  AND conversation IN {ids:Array(String)}
