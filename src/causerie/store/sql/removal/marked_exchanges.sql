-- How much is marked.
SELECT uniqExact(id) AS rows FROM exchanges WHERE
--include marks
