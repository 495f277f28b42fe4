-- The models whose calls took tokens and have no price, those with the most calls first.
WITH
--include calls
SELECT
  toString(model) AS model,
  toString(upstream) AS upstream,
  count() AS calls,
  sum(taken) + sum(given) AS tokens
FROM calls
WHERE cost IS NULL AND taken + given > 0
GROUP BY model, upstream
ORDER BY calls DESC, model, upstream
LIMIT {limit:UInt32}
