-- Marks what was understood of marked conversations.
INSERT INTO meanings (project, tenant, conversation, position, message, version, deleted)
SELECT project, tenant, conversation, position, message, {version:UInt64}, 1
FROM meanings FINAL
WHERE project = {project:String} AND (tenant, conversation) IN
--include marked
