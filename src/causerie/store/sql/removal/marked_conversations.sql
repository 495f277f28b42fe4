SELECT uniqExact(tenant, id) AS rows FROM conversations WHERE
--include marks
