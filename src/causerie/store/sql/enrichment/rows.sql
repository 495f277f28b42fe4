-- Whole rows of some conversations, to be written again with what is understood of them. Of an id
-- with two rows, while a start has just moved, the newest comes last.
SELECT * EXCEPT (project, deleted)
FROM conversations FINAL
WHERE project = {project:String}
  AND tenant IN {tenants:Array(String)}
  AND id IN {ids:Array(String)}
ORDER BY version
