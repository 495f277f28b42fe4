-- How much people talk about each topic, by what they were when they did: conversations, with the
-- sums over people of squares and products that tell how far people differ. `*` is any topic or
-- none. Only what was understood counts.
WITH
--include filtered
,
--include lineage
SELECT
  standing,
  topic,
  count() AS people,
  sum(some) AS conversations,
  sum(some * some) AS squares,
  sum(some * every) AS products
FROM (
  SELECT
    v.standing AS standing,
    cityHash64(f.tenant, f.user) AS person,
    count() AS every,
    sumMap(f.counted) AS counts
  FROM (
    SELECT
      tenant, user, started_at,
      arrayConcat(['*'], ancestry(arrayConcat(topics, suggested))) AS about,
      mapFromArrays(about, arrayMap(one -> toUInt64(1), about)) AS counted
    FROM filtered
    WHERE user != '' AND meaning > 0) AS f
  INNER JOIN (
--include visits
  ) AS v ON f.tenant = v.tenant AND f.user = v.user AND toDate(f.started_at, {zone:String}) = v.day
  GROUP BY standing, person)
ARRAY JOIN mapKeys(counts) AS topic, mapValues(counts) AS some
GROUP BY standing, topic
