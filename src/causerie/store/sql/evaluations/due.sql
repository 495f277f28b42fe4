-- Answers that a judge has failed at and that it is to be asked about again by now.
SELECT tenant, conversation, position, message AS id, failures
FROM outcomes FINAL
WHERE project = {project:String}
  AND evaluator = {evaluator:String}
  AND revision = {revision:UInt32}
  AND again_at > toDateTime64(0, 6, 'UTC')
  AND again_at <= {now:DateTime64(6, 'UTC')}
ORDER BY again_at, tenant, conversation, position, id
LIMIT {limit:UInt32}
