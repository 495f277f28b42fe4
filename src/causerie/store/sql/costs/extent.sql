-- One row: how many calls were made in a project, and when the first and the latest.
SELECT count() AS calls, min(at) AS first, max(at) AS latest
FROM exchanges FINAL
WHERE project = {project:String}
