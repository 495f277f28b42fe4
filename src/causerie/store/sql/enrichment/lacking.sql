-- Conversations that were not understood under this generation. Neighbours in the table of messages
-- come together: a granule of texts is read once for all of them.
SELECT tenant, id
FROM conversations FINAL
WHERE project = {project:String} AND meaning != {generation:UInt64}
ORDER BY tenant, id
LIMIT {limit:UInt32}
