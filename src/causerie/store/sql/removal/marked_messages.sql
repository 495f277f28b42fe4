-- How much is marked.
SELECT uniqExact(tenant, conversation, id) AS rows FROM messages WHERE
--include marks
