-- One row: the sums over all calls that a question is about.
WITH
--include calls
SELECT
--include sums
FROM calls
