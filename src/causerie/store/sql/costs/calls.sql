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
--unless every_tenant
    AND tenant = {tenant:String}
--end
--when conversation
    AND conversation = {conversation:String}
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
--when key
    AND key = {key:String}
--end
--when endpoint
    AND endpoint = {endpoint:String}
--end
--when endpoints
    AND has({endpoints:Array(String)}, endpoint)
--end
--when context
    AND context = {context:String}
--end
--unless every_conversation
    -- Global, because calls are not spread like conversations.
    AND cityHash64(tenant, conversation) GLOBAL IN (
      SELECT cityHash64(tenant, id)
      FROM conversations FINAL
      WHERE project = {project:String}
--include reports/fitting
    )
--end
)
