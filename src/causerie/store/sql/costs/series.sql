-- A row per day, week (from Monday) or month in which any call was made, in the zone asked for.
WITH
--include calls
,
--include reports/bucketing
SELECT
  bucket_of(at) AS bucket,
--include sums
FROM calls
GROUP BY bucket
ORDER BY bucket
