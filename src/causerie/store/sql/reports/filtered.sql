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
