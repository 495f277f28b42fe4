-- What went wrong, by status and by what was said before the provider's own words.
WITH
--include calls
SELECT
  status,
  splitByString(': ', error)[1] AS kind,
  count() AS calls,
  uniqExactIf(cityHash64(tenant, user), user != '') AS users,
  uniqExactIf(cityHash64(tenant, conversation), conversation != '') AS conversations,
  max(at) AS latest,
  argMax(error, at) AS example
FROM calls
WHERE error != ''
GROUP BY status, kind
ORDER BY calls DESC, status, kind
LIMIT {limit:UInt32}
