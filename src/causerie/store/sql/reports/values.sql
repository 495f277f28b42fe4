-- What can be filtered by: the models, tenants, metadata keys, events and so on seen, most used first.
-- Old versions of a row do no harm here.
SELECT 'model' AS dimension, model AS value, count() AS conversations
FROM conversations
WHERE project = {project:String} AND model != ''
GROUP BY value ORDER BY conversations DESC LIMIT 50
UNION ALL
SELECT 'tenant' AS dimension, tenant AS value, count() AS conversations
FROM conversations
WHERE project = {project:String} AND tenant != ''
GROUP BY value ORDER BY conversations DESC LIMIT 50
UNION ALL
SELECT 'metadata' AS dimension, arrayJoin(mapKeys(metadata)) AS value, count() AS conversations
FROM conversations
WHERE project = {project:String}
GROUP BY value ORDER BY conversations DESC LIMIT 50
UNION ALL
SELECT 'language' AS dimension, language AS value, count() AS conversations
FROM conversations
WHERE project = {project:String} AND language != ''
GROUP BY value ORDER BY conversations DESC LIMIT 50
UNION ALL
SELECT 'source' AS dimension, source AS value, count() AS conversations
FROM conversations
WHERE project = {project:String} AND source != ''
GROUP BY value ORDER BY conversations DESC LIMIT 50
UNION ALL
SELECT 'event' AS dimension, name AS value, count() AS conversations
FROM messages
WHERE project = {project:String} AND kind = 'event' AND name != ''
GROUP BY value ORDER BY conversations DESC LIMIT 50
UNION ALL
SELECT 'evaluation' AS dimension, evaluator AS value, count() AS conversations
FROM outcomes FINAL
WHERE project = {project:String}
GROUP BY value ORDER BY value LIMIT 50
UNION ALL
SELECT 'endpoint' AS dimension, endpoint AS value, count() AS conversations
FROM exchanges
WHERE project = {project:String} AND endpoint != ''
GROUP BY value ORDER BY conversations DESC LIMIT 50
