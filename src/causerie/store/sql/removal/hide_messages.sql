-- Marks the messages of marked conversations.
INSERT INTO messages (project, tenant, conversation, position, id, version, deleted)
SELECT project, tenant, conversation, position, id, {version:UInt64}, 1
FROM messages FINAL
WHERE project = {project:String} AND (tenant, conversation) IN
--include marked
