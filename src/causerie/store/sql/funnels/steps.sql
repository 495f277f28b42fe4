-- A row per part and step: how many got there, and the median time since the step before, in
-- microseconds. The part `*` is all of them; a conversation of several topics is in the part of each.
WITH
--include reports/filtered
,
--include reports/lineage
,
--include chained
SELECT
  part.1 AS kind,
  part.2 AS name,
  step,
  count() AS reached,
  quantileExactInclusive(0.5)(if(step = 1, 0, best[step].1 - best[step - 1].1)) AS gap
FROM (
  SELECT best, parts, arrayJoin(arrayEnumerate(best)) AS step
  FROM chained
  INNER JOIN talk ON chained.best[1].4 = talk.tenant AND chained.best[1].5 = talk.id
)
ARRAY JOIN arrayConcat([('*', '')], arrayMap(name -> ('part', name), parts)) AS part
GROUP BY kind, name, step
ORDER BY kind, name, step
