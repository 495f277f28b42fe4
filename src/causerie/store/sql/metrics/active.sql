-- How many people came within some days, the last of which is each of `ends`; by part, and place in
-- `ends` from 1.
WITH
--include reports/filtered
,
--include reports/bucketing
,
--include reports/lineage
,
--when wants_people
--include people
,
--end
--when split=standing
--include came
,
--end
--when split=evaluation
--include evaluated
,
--end
--include valued
,
--include parted
, days AS (
  SELECT part, day, uniqExactState(person) AS persons
  FROM parted
  ARRAY JOIN parts AS part
  WHERE named
  GROUP BY part, day
)
SELECT
  part.1 AS kind,
  part.2 AS name,
  part.3 AS within,
  place,
  uniqExactMerge(persons) AS users
FROM days
ARRAY JOIN arrayFilter(
  n -> day <= toDate({ends:Array(String)}[n]) AND day > toDate({ends:Array(String)}[n]) - {window:UInt32},
  arrayEnumerate({ends:Array(String)})) AS place
GROUP BY kind, name, within, place
ORDER BY kind, name, within, place
