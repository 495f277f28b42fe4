SELECT uniqExact(tenant, conversation, id) AS rows FROM messages WHERE
--include marks
