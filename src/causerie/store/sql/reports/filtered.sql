-- The conversations that a question is about, newest version of each.
filtered AS (
  SELECT *
  FROM conversations FINAL
  WHERE project = {project:String}
    AND started_at >= {since:DateTime64(6, 'UTC')}
    AND started_at < {until:DateTime64(6, 'UTC')}
    AND ({every_tenant:Bool} OR tenant = {tenant:String})
    AND ({conversation:String} = '' OR id = {conversation:String})
    AND (empty({users:Array(String)}) OR has({users:Array(String)}, user))
    AND (empty({without_users:Array(String)}) OR NOT has({without_users:Array(String)}, user))
    AND (empty({models:Array(String)}) OR has({models:Array(String)}, model))
    AND (empty({without_models:Array(String)}) OR NOT has({without_models:Array(String)}, model))
    AND (empty({endpoints:Array(String)})
      -- Calls are spread otherwise than conversations, so that every shard gets all that fit.
      OR cityHash64(tenant, id) GLOBAL IN (
        SELECT cityHash64(tenant, conversation)
        FROM exchanges
        WHERE project = {project:String}
          AND at >= {earliest:DateTime64(6, 'UTC')}
          AND notEmpty({endpoints:Array(String)})
          AND has({endpoints:Array(String)}, endpoint)))
--include fitting
)
