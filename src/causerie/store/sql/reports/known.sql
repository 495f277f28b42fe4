-- One row: how many conversations a project has, and the newest.
SELECT count() AS conversations, max(ended_at) AS latest
FROM conversations FINAL
WHERE project = {project:String}
