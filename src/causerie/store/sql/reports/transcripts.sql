-- The messages of some conversations, in order.
SELECT
  tenant, conversation, position, id, at, kind, role, text, rating, name, thought, input,
  observation, metadata, masked
FROM messages FINAL
-- Before versions are compared, which have all of this in common.
PREWHERE project = {project:String}
  AND tenant IN {tenants:Array(String)}
  AND conversation IN {ids:Array(String)}
ORDER BY tenant, conversation, position, id
