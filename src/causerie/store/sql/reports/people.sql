-- What was counted of each part of the conversations that a question is about, in each block of
-- some days, counted back from the last one. A person counts once in a block; a conversation of
-- nobody known is one of its own. Without a dimension it is everything.
WITH
--include filtered
,
--include lineage
SELECT
  intDiv(dateDiff('day', toDate(started_at, {zone:String}), {last:Date}), {days:UInt32}) AS ago,
  kind.1 AS dimension,
  kind.2 AS value,
  uniqExact(if(user = '', cityHash64(tenant, id, 0), cityHash64(user))) AS people,
  uniqExactIf(cityHash64(user), user != '') AS named,
  count() AS conversations,
  sumIf(scored, isNotNull(sentiment)) AS scored_messages,
  sum(ifNull(sentiment, 0) * scored) AS feeling,
  uniqExactIf(if(user = '', cityHash64(tenant, id, 0), cityHash64(user)), thumbs_down > 0) AS unhappy
FROM filtered
ARRAY JOIN arrayConcat(
  [('', '')],
  if(meaning > 0, [('understood', '')], []),
  if(language = '', [], [('language', toString(language))]),
  if(model = '', [], [('model', toString(model))]),
  if(tenant = '', [], [('tenant', tenant)]),
  arrayMap(x -> ('signal', toString(x)), signals),
  arrayMap(x -> ('topic', x), ancestry(arrayConcat(topics, suggested)))) AS kind
WHERE dateDiff('second', toStartOfDay(started_at, {zone:String}), started_at) < {day_seconds:UInt32}
GROUP BY ago, dimension, value
