-- How many people came in each day, week or month, and conversations began, by what the people were
-- at each: somebody who was two things counts for both.
WITH
--include filtered
,
--include bucketing
SELECT
  bucket_of(f.started_at) AS bucket,
  v.standing AS standing,
  uniqExact(f.tenant, f.user) AS people,
  count() AS conversations
FROM (SELECT tenant, user, started_at FROM filtered WHERE user != '') AS f
INNER JOIN (
--include visits
) AS v ON f.tenant = v.tenant AND f.user = v.user AND toDate(f.started_at, {zone:String}) = v.day
GROUP BY bucket, standing
ORDER BY bucket, standing
