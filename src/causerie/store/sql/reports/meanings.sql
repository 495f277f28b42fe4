-- What is understood of the messages of some conversations.
SELECT
  tenant, conversation, position, message, at, role, language, sentiment, signals, topics,
  suggested, translation
FROM meanings FINAL
-- Before versions are compared, which have all of this in common.
PREWHERE project = {project:String}
  AND tenant IN {tenants:Array(String)}
  AND conversation IN {ids:Array(String)}
ORDER BY tenant, conversation, position, message
