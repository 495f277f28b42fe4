-- The latest conversations about each of some topics. A topic counts with those that are parts of it,
-- so that a conversation may be among the latest of several.
WITH
--include filtered
SELECT topic, id, tenant, started_at
FROM filtered
ARRAY JOIN arrayFilter(
  (name, parts) -> hasAny(topics, parts) OR hasAny(suggested, parts),
  {names:Array(String)}, {parts:Array(Array(String))}) AS topic
ORDER BY started_at DESC, tenant, id
LIMIT {count:UInt32} BY topic
