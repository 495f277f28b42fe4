-- The largest values of a split of calls, by what is counted.
WITH
--include costs/calls
,
--include reports/bucketing
,
--include reports/lineage
,
--when split=standing
--include came
,
--end
--when split=evaluation
--include evaluated
,
--end
--when wants_talks
--include talks
,
--end
--include called
SELECT
  value.1 AS name,
  value.2 AS within,
--when rank=input_tokens
  sum(taken) AS size
--end
--when rank=cached_tokens
  sum(ifNull(reused, 0)) AS size
--end
--when rank=output_tokens
  sum(given) AS size
--end
--when rank=tokens
  sum(taken + given) AS size
--end
--when rank=cost
  toFloat64(sumIf(ifNull(cost, 0), currency = {currency:String})) AS size
--end
--when rank=errors
  countIf(error != '') AS size
--end
--unless rank
  count() AS size
--end
FROM valued
ARRAY JOIN values AS value
GROUP BY value
ORDER BY size DESC, name, within
LIMIT {most:UInt32}
