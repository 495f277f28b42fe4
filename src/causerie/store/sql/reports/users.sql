-- A page of users with what they did within the span.
WITH
--include filtered
SELECT
  user,
  tenant,
  count() AS conversations,
  sum(user_messages) AS messages,
  sum(thumbs_up) AS thumbs_up,
  sum(thumbs_down) AS thumbs_down,
  min(started_at) AS first_seen,
  max(ended_at) AS last_seen,
  sum(sentiment * scored) / sumIf(scored, isNotNull(sentiment)) AS mood,
  sumIf(scored, isNotNull(sentiment)) AS scored_messages,
  -- The most frequent first.
  arrayMap(x -> x.1, arraySort(x -> (-x.2, x.1), arrayZip(
    mapKeys(sumMap(map(language, toUInt64(1))) AS spoken), mapValues(spoken)))) AS languages,
  count() OVER () AS total
FROM filtered
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
