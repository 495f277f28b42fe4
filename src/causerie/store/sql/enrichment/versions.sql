-- The versions of some conversations: whoever is still at the one that was read has not changed.
SELECT tenant, id, max(version) AS newest
FROM conversations FINAL
WHERE project = {project:String}
  AND tenant IN {tenants:Array(String)}
  AND id IN {ids:Array(String)}
GROUP BY tenant, id
