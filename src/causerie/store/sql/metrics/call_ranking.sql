-- The largest values of a split of calls, by what is counted.
WITH
--include costs/calls
,
--include reports/bucketing
,
--include reports/lineage
,
--include came
,
--include talks
,
--include called
SELECT
  value.1 AS name,
  value.2 AS within,
  multiIf(
    {rank:String} = 'input_tokens', toFloat64(sum(taken)),
    {rank:String} = 'cached_tokens', toFloat64(sum(ifNull(reused, 0))),
    {rank:String} = 'output_tokens', toFloat64(sum(given)),
    {rank:String} = 'tokens', toFloat64(sum(taken + given)),
    {rank:String} = 'cost', toFloat64(sumIf(ifNull(cost, 0), currency = {currency:String})),
    {rank:String} = 'errors', toFloat64(countIf(error != '')),
    toFloat64(count())) AS size
FROM valued
ARRAY JOIN values AS value
GROUP BY value
ORDER BY size DESC, name, within
LIMIT {most:UInt32}
