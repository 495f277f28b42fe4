-- A page of the models, users, keys or endpoints that calls were made of, by or with; and how many
-- of them there are in all. Users of different tenants are different users.
WITH
--include calls
SELECT
--when by=user
  user AS name,
  tenant AS within,
--end
--when by=key
  toString(key) AS name,
--end
--when by=endpoint
  toString(endpoint) AS name,
--end
--unless by=user by=key by=endpoint
  toString(model) AS name,
--end
--unless by=user
  '' AS within,
--end
  count() OVER () AS total,
--include sums
FROM calls
GROUP BY name, within
ORDER BY
--when sort=tokens
  toFloat64(input_tokens + output_tokens) DESC,
--end
--when sort=slowest
  ifNull(total_p95_ms, 0) DESC,
--end
--unless sort=calls sort=tokens sort=slowest
  toFloat64(costs[{currency:String}]) DESC,
--end
  calls DESC,
  name,
  within
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
