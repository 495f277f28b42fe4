-- Which custom events happened in the conversations of a question: in how many, and how often.
WITH
--include filtered
SELECT
  name,
  uniqExact(cityHash64(tenant, conversation)) AS conversations,
  -- A message may have been written twice.
  uniqExact(cityHash64(tenant, conversation, id)) AS times
FROM messages
WHERE project = {project:String}
  AND at >= {earliest:DateTime64(6, 'UTC')}
  AND kind = 'event'
  AND cityHash64(tenant, conversation) IN (SELECT cityHash64(tenant, id) FROM filtered WHERE events > 0)
GROUP BY name
ORDER BY conversations DESC, name
LIMIT 50
