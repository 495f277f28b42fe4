-- Takes away all that an evaluator said.
INSERT INTO outcomes (project, evaluator, tenant, conversation, position, message, version, deleted)
SELECT project, evaluator, tenant, conversation, position, message, {version:UInt64}, 1
FROM outcomes FINAL
WHERE project = {project:String} AND evaluator = {evaluator:String}
