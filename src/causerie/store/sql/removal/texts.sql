-- What was said in them, each text once.
SELECT DISTINCT text FROM messages FINAL
WHERE project = {project:String} AND text != '' AND (tenant, conversation) IN
--include marked
