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
    AND ({user:String} = '' OR user = {user:String})
    AND ({model:String} = '' OR model = {model:String})
    AND ({key:String} = '' OR key = {key:String})
    AND ({endpoint:String} = '' OR endpoint = {endpoint:String})
    AND ({context:String} = '' OR context = {context:String})
    -- Global, because calls are not spread like conversations.
    AND ({every_conversation:Bool} OR cityHash64(tenant, conversation) GLOBAL IN (
      SELECT cityHash64(tenant, id)
      FROM conversations FINAL
      WHERE project = {project:String}
        -- Constant, so that none is read where none is sought.
        AND NOT {every_conversation:Bool}
        AND arrayAll((k, v) -> metadata[k] = v, {keys:Array(String)}, {values:Array(String)})
        AND multiIf(
          {rating:String} = 'up', thumbs_up > 0,
          {rating:String} = 'down', thumbs_down > 0,
          {rating:String} = 'none', thumbs_up + thumbs_down = 0,
          true)
        AND ({language:String} = '' OR language = {language:String})
        AND multiIf(
          {mood:String} = '', true,
          {mood:String} = 'positive', ifNull(sentiment > {margin:Float64}, false),
          {mood:String} = 'negative', ifNull(sentiment < -{margin:Float64}, false),
          {mood:String} = 'neutral', ifNull(abs(sentiment) <= {margin:Float64}, false),
          trend = {mood:String})
        AND ({signal:String} = '' OR has(signals, {signal:String}))
        AND (empty({topics:Array(String)})
          OR hasAny(topics, {topics:Array(String)})
          OR hasAny(suggested, {topics:Array(String)})
          OR (has({topics:Array(String)}, '') AND meaning > 0 AND empty(topics)
              AND empty(suggested)))
        AND ({text:String} = '' OR cityHash64(tenant, id) IN (
          SELECT cityHash64(tenant, conversation)
          FROM messages
          WHERE project = {project:String}
            AND {text:String} != ''
            AND positionCaseInsensitiveUTF8(text, {text:String}) > 0))))
)
