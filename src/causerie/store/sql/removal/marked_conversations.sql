-- How much is marked.
SELECT uniqExact(tenant, id) AS rows FROM conversations WHERE
--include marks
