-- How much is marked.
SELECT uniqExact(evaluator, tenant, conversation, message) AS rows FROM outcomes WHERE
--include marks
