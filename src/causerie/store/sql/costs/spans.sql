-- The sums of a span of calls and of the one before it, of each as a whole and by day, week or month:
-- all are read together. Where clocks change, the spans may overlap.
WITH
--include calls
,
--include reports/bucketing
SELECT
  is_now,
  grouping(bucket) AS whole,
  bucket_of(at) AS bucket,
--include sums
FROM calls
ARRAY JOIN arrayConcat(
  if(at >= {began:DateTime64(6, 'UTC')}, [1], []),
  if(at < {ended:DateTime64(6, 'UTC')}, [0], [])) AS is_now
GROUP BY GROUPING SETS ((is_now), (is_now, bucket))
