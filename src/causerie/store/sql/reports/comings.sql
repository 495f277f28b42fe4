-- Of each person who came often enough before the turn: on which days, in which moods their
-- conversations were, and when they first came at all.
WITH
--include filtered
SELECT
  c.tenant AS tenant, c.user AS user, f.first AS first, c.days AS days, c.moods AS moods,
  c.last_seen AS last_seen
FROM (
  SELECT
    tenant, user,
    arraySort(groupUniqArray(toDate(started_at, {zone:String}))) AS days,
    groupArrayIf(
      (toDate(started_at, {zone:String}), toFloat64(ifNull(sentiment, 0))),
      isNotNull(sentiment)) AS moods,
    max(ended_at) AS last_seen
  FROM filtered
  WHERE user != ''
  GROUP BY tenant, user
  HAVING length(arrayFilter(day -> day < {turn:Date}, days)) >= {least:UInt32}) AS c
INNER JOIN (
  SELECT tenant, user, toDate(min(started_at), {zone:String}) AS first
  FROM conversations FINAL
  WHERE project = {project:String} AND user != ''
  GROUP BY tenant, user) AS f ON c.tenant = f.tenant AND c.user = f.user
ORDER BY tenant, user
