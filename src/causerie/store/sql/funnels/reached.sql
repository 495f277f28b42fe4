-- The conversations in which a step was reached, or after which nothing more was; the latest first.
WITH
--include reports/filtered
,
--include reports/lineage
,
--include chained
SELECT
  best[{step:UInt8}].4 AS tenant,
  best[{step:UInt8}].5 AS id,
  count() OVER () AS total
FROM chained
WHERE if({left:Bool}, length(best) = {step:UInt8}, length(best) >= {step:UInt8})
ORDER BY best[{step:UInt8}].1 DESC, tenant, id
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
