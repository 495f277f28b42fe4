-- The same as of people, by what stands in their messages: events by name, and kinds of personal
-- data that was masked.
WITH
--include filtered
, marked AS (
  SELECT DISTINCT
    cityHash64(tenant, conversation) AS talk,
    mark.1 AS dimension,
    mark.2 AS value
  FROM messages FINAL
  ARRAY JOIN arrayConcat(
    if(kind = 'event', [('event', toString(name))], []),
    arrayMap(x -> ('masked', splitByChar(':', x)[1]), masked)) AS mark
  WHERE project = {project:String}
    -- No message of a conversation is older than its start.
    AND at >= {since:DateTime64(6, 'UTC')})
SELECT
  intDiv(dateDiff('day', toDate(started_at, {zone:String}), {last:Date}), {days:UInt32}) AS ago,
  dimension,
  value,
  uniqExact(if(user = '', cityHash64(tenant, id, 0), cityHash64(user))) AS people,
  count() AS conversations
FROM filtered
INNER JOIN marked ON cityHash64(filtered.tenant, filtered.id) = marked.talk
WHERE dateDiff('second', toStartOfDay(started_at, {zone:String}), started_at) < {day_seconds:UInt32}
GROUP BY ago, dimension, value
