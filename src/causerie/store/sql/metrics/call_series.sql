-- A row per part and bucket of the calls that a question is about, and one per part of the whole
-- span, whose bucket is 1970-01-01. Squares tell how much calls differ, and the ranks beside a
-- median or a 95th percentile between which calls it lies, 19 times out of 20.
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
--when wants_talks
--include talks
,
--end
--include called
,
--include parted
, (times, q) -> (length(times) * q - 1.96 * sqrt(length(times) * q * (1 - q))) AS rank_below
, (times, q) -> (length(times) * q + 1.96 * sqrt(length(times) * q * (1 - q)) + 1) AS rank_above
, (times, q) -> [
    if(rank_below(times, q) < 1, NULL, times[toUInt32(floor(rank_below(times, q)))]),
    if(rank_above(times, q) > length(times), NULL, times[toUInt32(ceil(rank_above(times, q)))])
  ] AS around
SELECT
  * EXCEPT (all_times, first_times),
  around(all_times, 0.5) AS total_p50_around,
  around(all_times, 0.95) AS total_p95_around,
  around(first_times, 0.5) AS first_p50_around,
  around(first_times, 0.95) AS first_p95_around
FROM (
  SELECT
    part.1 AS kind,
    part.2 AS name,
    part.3 AS within,
    bucket,
    sum(toFloat64(taken) * taken) AS input_squared,
    sum(toFloat64(ifNull(reused, 0)) * ifNull(reused, 0)) AS cached_squared,
    sum(toFloat64(given) * given) AS output_squared,
    sum(toFloat64(taken + given) * (taken + given)) AS tokens_squared,
    sumMapIf(map(toString(currency), toFloat64(assumeNotNull(cost)) * toFloat64(assumeNotNull(cost))),
      cost IS NOT NULL) AS costs_squared,
    countIf(cost IS NOT NULL) AS priced,
    countIf(reused IS NOT NULL) AS told,
    countIf(error = '') AS answered,
    countIf(error = '' AND streamed = 1 AND first_token_ms IS NOT NULL) AS streams,
    arraySort(groupArrayIf(total_ms, error = '')) AS all_times,
    arraySort(groupArrayIf(assumeNotNull(first_token_ms),
      error = '' AND streamed = 1 AND first_token_ms IS NOT NULL)) AS first_times,
--include costs/sums
  FROM parted
  ARRAY JOIN parts AS part
  GROUP BY GROUPING SETS ((part, bucket), (part))
)
ORDER BY kind, name, within, bucket
