-- When the first conversation of a project, or of one tenant, began: read in the order of time, which
-- is short.
SELECT started_at AS first
FROM conversations FINAL
WHERE project = {project:String}
--unless every_tenant
  AND tenant = {tenant:String}
--end
ORDER BY started_at
LIMIT 1
