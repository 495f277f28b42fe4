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
  multiIf({sort:String} = 'messages', -toInt64(messages),
          {sort:String} = 'conversations', -toInt64(conversations),
          {sort:String} = 'rating', toInt64(thumbs_up) - toInt64(thumbs_down),
          {sort:String} = 'mood', toInt64(ifNull(mood, 2) * 1000000),
          {sort:String} = 'newest', -toInt64(toUnixTimestamp64Micro(first_seen)),
          -toInt64(toUnixTimestamp64Micro(last_seen))),
  user,
  tenant
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
