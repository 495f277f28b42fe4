-- The calls of a span through the gateway, the latest first.
SELECT
    id, at, api, key, endpoint, model, upstream, user, tenant, conversation, context,
    first_token_ms, total_ms, input_tokens, cached_tokens, output_tokens, reasoning_tokens,
    estimated, cost, currency, prices, finish_reason, status, error, streamed, partial
FROM exchanges FINAL
WHERE project = {project:String}
    AND at >= {since_64:DateTime64(6, 'UTC')}
    AND at < {until_64:DateTime64(6, 'UTC')}
    AND ({every_tenant:Bool} OR tenant = {tenant:String})
    AND ({failed:Bool} = false OR error != '')
ORDER BY at DESC, id DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
