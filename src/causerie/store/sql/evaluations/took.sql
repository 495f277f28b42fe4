-- How long calls of some conversations took, and what they cost. An answer has the time of its call.
SELECT tenant, conversation, at, total_ms, cost, currency
FROM exchanges FINAL
WHERE project = {project:String}
  AND tenant IN {tenants:Array(String)}
  AND conversation IN {ids:Array(String)}
  AND error = ''
ORDER BY at, id
