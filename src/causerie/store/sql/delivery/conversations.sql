-- What is kept of some conversations, to be added to; the newest row of each last.
SELECT
  id, tenant, started_at, metadata, feedback, source,
  language, sentiment, scored, trend, signals, topics, suggested, meaning, judged
FROM conversations FINAL
WHERE project = {project:String} AND id IN {ids:Array(String)}
ORDER BY version
