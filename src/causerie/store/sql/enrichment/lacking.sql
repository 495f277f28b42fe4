-- Conversations that were not understood under this generation. Neighbours in the table of messages
-- come together: a granule of texts is read once for all of them. Scattered ones come in an order
-- that has nothing to do with what they are about, so that the first of them stand for all.
SELECT tenant, id
FROM conversations FINAL
WHERE project = {project:String} AND meaning != {generation:UInt64}
ORDER BY if({scattered:Bool}, cityHash64(tenant, id), 0), tenant, id
LIMIT {limit:UInt32}
