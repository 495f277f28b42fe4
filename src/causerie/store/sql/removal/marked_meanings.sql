-- How much is marked.
SELECT uniqExact(tenant, conversation, message) AS rows FROM meanings WHERE
--include marks
