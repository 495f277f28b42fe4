-- The calls that a question is about, newest version of each.
calls AS (
  SELECT
    id, at, key, endpoint, model, upstream, user, tenant, conversation, first_token_ms, total_ms,
    -- Other names than those of the sums, which would be taken for them.
    input_tokens AS taken, cached_tokens AS reused, output_tokens AS given, estimated, cost,
    currency, status, error, streamed
  FROM exchanges FINAL
  WHERE project = {project:String}
    AND at >= {since:DateTime64(6, 'UTC')}
    AND at < {until:DateTime64(6, 'UTC')}
    AND ({every_tenant:Bool} OR tenant = {tenant:String})
    AND ({conversation:String} = '' OR conversation = {conversation:String})
    AND (empty({users:Array(String)}) OR has({users:Array(String)}, user))
    AND (empty({without_users:Array(String)}) OR NOT has({without_users:Array(String)}, user))
    AND (empty({models:Array(String)}) OR has({models:Array(String)}, model))
    AND (empty({without_models:Array(String)}) OR NOT has({without_models:Array(String)}, model))
    AND ({key:String} = '' OR key = {key:String})
    AND ({endpoint:String} = '' OR endpoint = {endpoint:String})
    AND (empty({endpoints:Array(String)}) OR has({endpoints:Array(String)}, endpoint))
    AND ({context:String} = '' OR context = {context:String})
    -- Global, because calls are not spread like conversations.
    AND ({every_conversation:Bool} OR cityHash64(tenant, conversation) GLOBAL IN (
      SELECT cityHash64(tenant, id)
      FROM conversations FINAL
      WHERE project = {project:String}
        -- Constant, so that none is read where none is sought.
        AND NOT {every_conversation:Bool}
--include reports/fitting
    ))
)
