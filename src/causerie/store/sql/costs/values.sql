-- What calls can be filtered by: the models and tenants of calls, the metadata keys of
-- conversations, most used first. Old versions of a row do no harm here.
SELECT 'model' AS dimension, toString(model) AS value, count() AS uses
FROM exchanges
WHERE project = {project:String} AND model != ''
GROUP BY value ORDER BY uses DESC LIMIT 50
UNION ALL
SELECT 'tenant' AS dimension, tenant AS value, count() AS uses
FROM exchanges
WHERE project = {project:String} AND tenant != ''
GROUP BY value ORDER BY uses DESC LIMIT 50
UNION ALL
SELECT 'metadata' AS dimension, toString(arrayJoin(mapKeys(metadata))) AS value, count() AS uses
FROM conversations
WHERE project = {project:String}
GROUP BY value ORDER BY uses DESC LIMIT 50
