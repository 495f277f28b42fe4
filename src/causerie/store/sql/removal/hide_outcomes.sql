-- Marks what evaluators said of marked conversations.
INSERT INTO outcomes (project, evaluator, tenant, conversation, position, message, version, deleted)
SELECT project, evaluator, tenant, conversation, position, message, {version:UInt64}, 1
FROM outcomes FINAL
WHERE project = {project:String} AND (tenant, conversation) IN
--include marked
