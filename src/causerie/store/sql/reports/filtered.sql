-- The conversations that a question is about, newest version of each.
filtered AS (
  SELECT *
  FROM conversations FINAL
  WHERE project = {project:String}
    AND started_at >= {since:DateTime64(6, 'UTC')}
    AND started_at < {until:DateTime64(6, 'UTC')}
--unless every_tenant
    AND tenant = {tenant:String}
--end
--when conversation
    AND id = {conversation:String}
--end
--when users
    AND has({users:Array(String)}, user)
--end
--when without_users
    AND NOT has({without_users:Array(String)}, user)
--end
--when models
    AND has({models:Array(String)}, model)
--end
--when without_models
    AND NOT has({without_models:Array(String)}, model)
--end
--when endpoints
    -- Calls are spread otherwise than conversations, so that every shard gets all that fit.
    AND cityHash64(tenant, id) GLOBAL IN (
      SELECT cityHash64(tenant, conversation)
      FROM exchanges
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
        AND has({endpoints:Array(String)}, endpoint))
--end
--include fitting
)
