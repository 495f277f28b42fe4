-- A row per day, week (from Monday) or month in UTC in which any call was made.
WITH
--include calls
SELECT
  multiIf(
    {period:String} = 'week', toMonday(at),
    {period:String} = 'month', toStartOfMonth(at),
    toDate(at)) AS bucket,
--include sums
FROM calls
GROUP BY bucket
ORDER BY bucket
