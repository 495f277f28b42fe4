-- When the first conversation of a project began: read in the order of time, which is short.
SELECT started_at AS first
FROM conversations FINAL
WHERE project = {project:String}
ORDER BY started_at
LIMIT 1
