-- What was counted of the calls of each model, in each block of some days, counted back from the
-- last. Times are of calls that were answered, costs those in one currency.
WITH
--include calls
SELECT
  intDiv(dateDiff('day', toDate(at, {zone:String}), {last:Date}), {days:UInt32}) AS ago,
  toString(model) AS name,
  uniqExact(if(user = '', cityHash64(id, 0), cityHash64(user))) AS people,
  count() AS calls_made,
  countIf(error != '') AS errors,
  countIf(error = '') AS timed,
  sumIf(log(greatest(total_ms, 1)), error = '') AS log_ms,
  ifNull(quantileExactOrNullIf(0.5)(total_ms, error = ''), 0) AS median_ms,
  countIf(isNotNull(cost) AND currency = {currency:String}) AS priced,
  sumIf(toFloat64(ifNull(cost, 0)), currency = {currency:String}) AS spent
FROM calls
WHERE dateDiff('second', toStartOfDay(at, {zone:String}), at) < {day_seconds:UInt32}
GROUP BY ago, name
