-- One row: how many conversations a project has, of all tenants or of one, and when the first and the
-- latest began.
SELECT count() AS conversations, min(started_at) AS first, max(started_at) AS latest
FROM conversations FINAL
WHERE project = {project:String}
--unless every_tenant
  AND tenant = {tenant:String}
--end
