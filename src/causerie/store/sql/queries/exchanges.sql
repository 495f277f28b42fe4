-- A row per call of a model through the gateway.
SELECT
  __own.id AS id,
  toTimeZone(__own.at, {zone:String}) AS at,
  __own.api AS api,
  transform(__own.key, {key_ids:Array(String)}, {key_names:Array(String)}, toString(__own.key)) AS key,
  __own.endpoint AS endpoint,
  __own.model AS model,
  __own.upstream AS upstream,
  __own.user AS user,
  __own.tenant AS tenant,
  __own.conversation AS conversation,
  __own.context AS context,
  __own.first_token_ms AS first_token_ms,
  __own.total_ms AS total_ms,
  __own.input_tokens AS input_tokens,
  __own.cached_tokens AS cached_tokens,
  __own.output_tokens AS output_tokens,
  __own.reasoning_tokens AS reasoning_tokens,
  __own.estimated::Bool AS estimated,
  __own.cost AS cost,
  __own.currency AS currency,
  __own.finish_reason AS finish_reason,
  __own.status AS status,
  __own.error AS error,
  __own.streamed::Bool AS streamed,
  __own.partial::Bool AS partial
FROM exchanges AS __own FINAL
--include own
