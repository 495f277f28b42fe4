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
--when split=evaluation
--include evaluated
,
--end
--when wants_talks
--include talks
,
--end
--include called
,
--include parted
--when metric=latency_median metric=latency_p95 metric=first_token_median metric=first_token_p95
, (times, q) -> (length(times) * q - 1.96 * sqrt(length(times) * q * (1 - q))) AS rank_below
, (times, q) -> (length(times) * q + 1.96 * sqrt(length(times) * q * (1 - q)) + 1) AS rank_above
, (times, q) -> [
    if(rank_below(times, q) < 1, NULL, times[toUInt32(floor(rank_below(times, q)))]),
    if(rank_above(times, q) > length(times), NULL, times[toUInt32(ceil(rank_above(times, q)))])
  ] AS around
--end
SELECT
--when metric=latency_median metric=latency_p95
  around(all_times, 0.5) AS total_p50_around,
  around(all_times, 0.95) AS total_p95_around,
  * EXCEPT (all_times)
--end
--when metric=first_token_median metric=first_token_p95
  around(first_times, 0.5) AS first_p50_around,
  around(first_times, 0.95) AS first_p95_around,
  * EXCEPT (first_times)
--end
--unless metric=latency_median metric=latency_p95 metric=first_token_median metric=first_token_p95
  *
--end
FROM (
  SELECT
    part.1 AS kind,
    part.2 AS name,
    part.3 AS within,
    bucket,
--when metric=input_tokens metric=cached_share
    sum(toFloat64(taken) * taken) AS input_squared,
--end
--when metric=input_tokens metric=cached_share metric=tokens
    sum(taken) AS input_tokens,
--end
--when metric=cached_tokens metric=cached_share
    sumOrNullIf(reused, reused IS NOT NULL) AS cached_tokens,
    sumIf(taken, reused IS NOT NULL) AS told_tokens,
    sum(toFloat64(ifNull(reused, 0)) * ifNull(reused, 0)) AS cached_squared,
    countIf(reused IS NOT NULL) AS told,
--end
--when metric=output_tokens
    sum(toFloat64(given) * given) AS output_squared,
--end
--when metric=output_tokens metric=tokens
    sum(given) AS output_tokens,
--end
--when metric=tokens
    sum(toFloat64(taken + given) * (taken + given)) AS tokens_squared,
--end
--when metric=cost
    sumMapIf(map(currency, assumeNotNull(cost)), cost IS NOT NULL) AS costs,
    sumMapIf(map(toString(currency), toFloat64(assumeNotNull(cost)) * toFloat64(assumeNotNull(cost))),
      cost IS NOT NULL) AS costs_squared,
    countIf(cost IS NOT NULL) AS priced,
    countIf(cost IS NULL AND taken + given > 0) AS unpriced,
--end
--when metric=errors metric=error_share
    countIf(error != '') AS errors,
--end
--when metric=latency_median metric=latency_p95
    countIf(error = '') AS answered,
    quantileExactOrNullIf(0.5)(total_ms, error = '') AS total_p50_ms,
    quantileExactOrNullIf(0.95)(total_ms, error = '') AS total_p95_ms,
    arraySort(groupArrayIf(total_ms, error = '')) AS all_times,
--end
--when metric=first_token_median metric=first_token_p95
    countIf(error = '' AND streamed = 1 AND first_token_ms IS NOT NULL) AS streams,
    quantileExactOrNullIf(0.5)(assumeNotNull(first_token_ms),
      error = '' AND streamed = 1 AND first_token_ms IS NOT NULL) AS first_p50_ms,
    quantileExactOrNullIf(0.95)(assumeNotNull(first_token_ms),
      error = '' AND streamed = 1 AND first_token_ms IS NOT NULL) AS first_p95_ms,
    arraySort(groupArrayIf(assumeNotNull(first_token_ms),
      error = '' AND streamed = 1 AND first_token_ms IS NOT NULL)) AS first_times,
--end
    uniqExactIf(cityHash64(tenant, conversation), conversation != '') AS conversations,
    count() AS calls
  FROM parted
  ARRAY JOIN parts AS part
  GROUP BY GROUPING SETS ((part, bucket), (part))
)
ORDER BY kind, name, within, bucket
