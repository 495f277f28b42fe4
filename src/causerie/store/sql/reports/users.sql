-- A page of users with what they did within the span, and when they came first of all.
WITH
--include filtered
SELECT
  user,
  tenant,
  count() AS conversations,
  sum(user_messages) AS messages,
  sum(thumbs_up) AS thumbs_up,
  sum(thumbs_down) AS thumbs_down,
  min(came) AS first_seen,
  max(ended_at) AS last_seen,
  sum(sentiment * scored) / sumIf(scored, isNotNull(sentiment)) AS mood,
  sumIf(scored, isNotNull(sentiment)) AS scored_messages,
  -- The most frequent first.
  arrayMap(x -> x.1, arraySort(x -> (-x.2, x.1), arrayZip(
    mapKeys(sumMap(map(language, toUInt64(1))) AS spoken), mapValues(spoken)))) AS languages,
  count() OVER () AS total
FROM filtered
-- Global, because the conversations of a person are spread.
GLOBAL INNER JOIN (
  SELECT tenant AS came_of, user AS came_by, min(started_at) AS came
  FROM conversations FINAL
  WHERE project = {project:String}
    AND user != ''
--unless every_tenant
    AND tenant = {tenant:String}
--end
  GROUP BY came_of, came_by) AS ever ON ever.came_of = filtered.tenant AND ever.came_by = filtered.user
WHERE user != ''
GROUP BY user, tenant
ORDER BY
--when sort=messages
  messages DESC,
--end
--when sort=conversations
  conversations DESC,
--end
--when sort=rating
  toInt64(thumbs_up) - toInt64(thumbs_down),
--end
--when sort=mood
  toInt64(ifNull(mood, 2) * 1000000),
--end
--when sort=newest
  first_seen DESC,
--end
--unless sort=messages sort=conversations sort=rating sort=mood sort=newest
  last_seen DESC,
--end
  user,
  tenant
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
