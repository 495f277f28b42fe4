-- Of fresh answers those that an evaluator has not judged as it asks now, in order.
SELECT tenant, conversation, position, id
FROM fresh
WHERE (tenant, conversation, position, id) NOT IN (
  SELECT tenant, conversation, position, message
  FROM outcomes FINAL
  WHERE project = {project:String}
    AND evaluator = {evaluator:String}
    AND revision = {revision:UInt32}
    AND (tenant, conversation) IN (SELECT tenant, conversation FROM fresh))
ORDER BY tenant, conversation, position, id
LIMIT {limit:UInt32}
