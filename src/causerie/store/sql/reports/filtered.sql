-- The conversations that a question is about, newest version of each.
filtered AS (
  SELECT *
  FROM conversations FINAL
  WHERE project = {project:String}
    AND started_at >= {since:DateTime64(6, 'UTC')}
    AND started_at < {until:DateTime64(6, 'UTC')}
    AND ({every_tenant:Bool} OR tenant = {tenant:String})
    AND ({user:String} = '' OR user = {user:String})
    AND ({model:String} = '' OR model = {model:String})
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
    -- The empty id asks for what was understood and is about no topic.
    AND (empty({topics:Array(String)})
      OR hasAny(topics, {topics:Array(String)})
      OR hasAny(suggested, {topics:Array(String)})
      OR (has({topics:Array(String)}, '') AND meaning > 0 AND empty(topics) AND empty(suggested)))
    -- A hash of 64 bits, because a set of numbers is ten times as fast as one of strings.
    AND ({text:String} = '' OR cityHash64(tenant, id) IN (
      SELECT cityHash64(tenant, conversation)
      FROM messages
      WHERE project = {project:String}
        -- No message of a conversation is older than its start.
        AND at >= {since:DateTime64(6, 'UTC')}
        -- Constant, so that no message is read where no text is sought.
        AND {text:String} != ''
        AND positionCaseInsensitiveUTF8(text, {text:String}) > 0))
)
