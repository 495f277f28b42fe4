-- The sums of a span and of the one before it, of each as a whole and by day, week or month: all are
-- read together, for a statement costs more than a month of conversations. Where clocks change, the
-- spans may overlap.
WITH
--include filtered
,
--include bucketing
SELECT
  is_now,
  grouping(bucket) AS whole,
  bucket_of(started_at) AS bucket,
--include sums
FROM filtered
ARRAY JOIN arrayConcat(
  if(started_at >= {began:DateTime64(6, 'UTC')}, [1], []),
  if(started_at < {ended:DateTime64(6, 'UTC')}, [0], [])) AS is_now
GROUP BY GROUPING SETS ((is_now), (is_now, bucket))
