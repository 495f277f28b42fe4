-- A row per day, week (from Monday) or month in UTC that has any conversation.
WITH
--include filtered
SELECT
  multiIf(
    {period:String} = 'week', toMonday(started_at),
    {period:String} = 'month', toStartOfMonth(started_at),
    toDate(started_at)) AS bucket,
  count() AS conversations,
  sum(messages) AS messages,
  sum(user_messages) AS user_messages,
  sum(assistant_messages) AS assistant_messages,
  uniqExactIf(cityHash64(user), user != '') AS users,
  sum(thumbs_up) AS thumbs_up,
  sum(thumbs_down) AS thumbs_down,
  sum(sentiment * scored) AS feeling,
  sumIf(scored, isNotNull(sentiment)) AS scored_messages,
  count(sentiment) AS felt,
  varSampStable(sentiment) AS spread
FROM filtered
GROUP BY bucket
ORDER BY bucket
