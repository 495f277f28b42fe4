SELECT DISTINCT tenant, id FROM conversations WHERE
--include marks
