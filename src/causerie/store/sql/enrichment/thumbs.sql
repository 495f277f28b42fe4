-- One row: how many thumbs a project has in all.
SELECT sum(thumbs_up) + sum(thumbs_down) AS thumbs
FROM conversations FINAL
WHERE project = {project:String}
