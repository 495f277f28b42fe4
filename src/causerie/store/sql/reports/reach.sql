-- Of some days, how many people came on each, in the 7 and the 30 days up to it, and on how many
-- days they did, summed over people.
WITH
--include filtered
SELECT
  ending AS day,
  countIf(came = ending) AS of_day,
  uniqExactIf(person, came > ending - 7) AS of_week,
  uniqExact(person) AS of_month,
  countIf(came > ending - 7) AS visits_of_week,
  count() AS visits_of_month
FROM (
  SELECT DISTINCT cityHash64(tenant, user) AS person, toDate(started_at, {zone:String}) AS came
  FROM filtered
  WHERE user != '')
ARRAY JOIN arrayFilter(day -> day >= came AND day < came + 30, {ends:Array(Date)}) AS ending
GROUP BY ending
ORDER BY ending
