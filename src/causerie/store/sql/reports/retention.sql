-- How many of the people who first came in a day or week came back, by how many of those later. Only
-- conversations that the question is about count, for the first time and for every other.
WITH
--include filtered
,
--include bucketing
, parted AS (
  SELECT
    tenant, user, started_at, id,
--when split=language
    toString(if(language = '', 'und', language)) AS part
--end
--when split=topic
    toString(if(empty(topics), if(empty(suggested), '', suggested[1]), topics[1])) AS part
--end
--when split=mood
    multiIf(
      isNull(sentiment), '',
      sentiment > {margin:Float64}, 'positive',
      sentiment < -{margin:Float64}, 'negative',
      'neutral') AS part
--end
--unless split=language split=topic split=mood
    '' AS part
--end
  FROM filtered
  WHERE user != ''),
firsts AS (
  SELECT tenant, user, min(started_at) AS first, argMin(part, (started_at, id)) AS part
  FROM parted
  GROUP BY tenant, user
  HAVING first >= {first_since_64:DateTime64(6, 'UTC')}
    AND first < {first_until_64:DateTime64(6, 'UTC')})
SELECT
  bucket_of(f.first) AS cohort,
  f.part AS part,
  intDiv(
    dateDiff('day', cohort, bucket_of(s.started_at)),
    if({period:String} = 'day', 1, 7)) AS later,
  uniqExact(f.tenant, f.user) AS users
FROM parted AS s
INNER JOIN firsts AS f ON s.tenant = f.tenant AND s.user = f.user
GROUP BY cohort, part, later
ORDER BY cohort, part, later
