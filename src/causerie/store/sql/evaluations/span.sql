-- How far back the conversations go whose rows came after a version. Old versions do no harm.
SELECT min(started_at) AS first, max(started_at) AS latest, count() AS conversations
FROM conversations
WHERE project = {project:String} AND version > {reached:UInt64}
