-- The latest messages of users in which one of some signals was found.
WITH
--include filtered
SELECT tenant, conversation, position, message, at, user, language, sentiment, signals
FROM meanings FINAL
WHERE project = {project:String}
  AND at >= {since:DateTime64(6, 'UTC')}
  AND role = 'user'
  -- Said again, because it leaves less to look through.
  AND (empty({users:Array(String)}) OR has({users:Array(String)}, user))
  AND hasAny(signals, {sought:Array(String)})
  AND cityHash64(tenant, conversation) IN (SELECT cityHash64(tenant, id) FROM filtered)
ORDER BY at DESC, tenant, conversation, position
LIMIT {limit:UInt32}
