-- What was said in them, each text once, hidden or not.
SELECT DISTINCT text FROM messages
WHERE project = {project:String} AND text != '' AND (tenant, conversation) IN
--include marked
