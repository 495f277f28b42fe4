-- The rows of some conversations, found by their sorting key.
SELECT
  id, tenant, started_at, ended_at, user, model, metadata, feedback, source, preview,
  messages, user_messages, assistant_messages, tools, events, thumbs_up, thumbs_down,
  language, sentiment, scored, trend, signals, topics, suggested
FROM conversations FINAL
-- Before versions are compared, which have all of this in common.
PREWHERE project = {project:String}
  AND started_at >= {since:DateTime64(6, 'UTC')}
  AND started_at <= {until:DateTime64(6, 'UTC')}
  AND tenant IN {tenants:Array(String)}
  AND id IN {ids:Array(String)}
