-- A row per day, week (from Monday) or month that has any conversation, in the zone asked for.
WITH
--include filtered
,
--include bucketing
SELECT
  bucket_of(started_at) AS bucket,
--include sums
FROM filtered
GROUP BY bucket
ORDER BY bucket
