-- On how many days of a week people come: a row for each number of days, with how many weeks of how
-- many people had it.
WITH
--include filtered
SELECT days, count() AS weeks, uniqExact(person) AS people
FROM (
  SELECT
    cityHash64(tenant, user) AS person,
    toMonday(started_at, {zone:String}) AS week,
    uniqExact(toDate(started_at, {zone:String})) AS days
  FROM filtered
  WHERE user != ''
  GROUP BY person, week)
GROUP BY days
ORDER BY days
