-- Which conversations are still there.
SELECT tenant, id
FROM conversations FINAL
WHERE project = {project:String}
  AND tenant IN {tenants:Array(String)}
  AND id IN {ids:Array(String)}
