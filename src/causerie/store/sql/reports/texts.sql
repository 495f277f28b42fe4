-- What some messages say.
SELECT tenant, conversation, id, text
FROM messages FINAL
-- Before versions are compared, which have all of this in common.
PREWHERE project = {project:String}
  AND tenant IN {tenants:Array(String)}
  AND conversation IN {ids:Array(String)}
  AND id IN {messages:Array(String)}
