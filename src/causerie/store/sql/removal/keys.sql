-- The conversations that are marked.
SELECT DISTINCT tenant, id FROM conversations WHERE
--include marks
