-- A row per language, signal and topic of the conversations that a question is about. A topic that
-- was made a part of another counts for that one, and for the themes that it is in.
WITH
--include filtered
,
--include lineage
SELECT
  kind.1 AS dimension,
  kind.2 AS value,
  count() AS conversations,
  uniqExactIf(cityHash64(tenant, user), user != '') AS users,
  sum(thumbs_up) AS thumbs_up,
  sum(thumbs_down) AS thumbs_down,
  sum(sentiment * scored) AS feeling,
  sumIf(scored, isNotNull(sentiment)) AS scored_messages
FROM filtered
ARRAY JOIN arrayConcat(
  if(language = '', [], [('language', toString(language))]),
  arrayMap(x -> ('signal', toString(x)), signals),
  arrayMap(x -> ('topic', x), ancestry(arrayConcat(topics, suggested)))) AS kind
GROUP BY dimension, value
ORDER BY dimension, conversations DESC, value
