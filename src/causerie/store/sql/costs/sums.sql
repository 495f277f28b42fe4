-- What some calls took. Latencies are of calls that were answered whole; the time to the first
-- token only of those that streamed. A call that took no token needs no price.
  count() AS calls,
  uniqExactIf(cityHash64(tenant, user), user != '') AS users,
  uniqExactIf(cityHash64(tenant, conversation), conversation != '') AS conversations,
  sum(taken) AS input_tokens,
  sumOrNullIf(reused, reused IS NOT NULL) AS cached_tokens,
  sumIf(taken, reused IS NOT NULL) AS told_tokens,
  sum(given) AS output_tokens,
  countIf(estimated = 1) AS estimated,
  sumMapIf(map(currency, assumeNotNull(cost)), cost IS NOT NULL) AS costs,
  countIf(cost IS NULL AND taken + given > 0) AS unpriced,
  countIf(error != '') AS errors,
  quantileExactOrNullIf(0.5)(total_ms, error = '') AS total_p50_ms,
  quantileExactOrNullIf(0.95)(total_ms, error = '') AS total_p95_ms,
  quantileExactOrNullIf(0.5)(assumeNotNull(first_token_ms),
    error = '' AND streamed = 1 AND first_token_ms IS NOT NULL) AS first_p50_ms,
  quantileExactOrNullIf(0.95)(assumeNotNull(first_token_ms),
    error = '' AND streamed = 1 AND first_token_ms IS NOT NULL) AS first_p95_ms
