-- One row: how many conversations a project has, and when the first and the latest began.
SELECT count() AS conversations, min(started_at) AS first, max(started_at) AS latest
FROM conversations FINAL
WHERE project = {project:String}
