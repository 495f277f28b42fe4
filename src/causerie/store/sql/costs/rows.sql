-- A page of the models, users, keys or endpoints that calls were made of, by or with; and how many
-- of them there are in all. Users of different tenants are different users.
WITH
--include calls
SELECT
  multiIf(
    {by:String} = 'user', user,
    {by:String} = 'key', toString(key),
    {by:String} = 'endpoint', toString(endpoint),
    toString(model)) AS name,
  if({by:String} = 'user', tenant, '') AS within,
  count() OVER () AS total,
--include sums
FROM calls
GROUP BY name, within
ORDER BY
  multiIf({sort:String} = 'calls', toFloat64(calls),
          {sort:String} = 'tokens', toFloat64(input_tokens + output_tokens),
          {sort:String} = 'slowest', toFloat64(ifNull(total_p95_ms, 0)),
          toFloat64(costs[{currency:String}])) DESC,
  calls DESC,
  name,
  within
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
