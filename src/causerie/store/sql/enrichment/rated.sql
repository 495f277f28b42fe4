-- The latest answers that somebody rated.
SELECT tenant, conversation, position, rating
FROM messages FINAL
WHERE project = {project:String} AND rating != 0 AND role = 'assistant'
ORDER BY at DESC, tenant, conversation, position
LIMIT {limit:UInt32}
