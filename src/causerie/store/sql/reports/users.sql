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
  count() OVER () AS total
FROM filtered
WHERE user != ''
GROUP BY user, tenant
ORDER BY
  multiIf({sort:String} = 'messages', -toInt64(messages),
          {sort:String} = 'conversations', -toInt64(conversations),
          {sort:String} = 'rating', toInt64(thumbs_up) - toInt64(thumbs_down),
          {sort:String} = 'newest', -toInt64(toUnixTimestamp64Micro(first_seen)),
          -toInt64(toUnixTimestamp64Micro(last_seen))),
  user,
  tenant
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
