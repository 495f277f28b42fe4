-- Rows that are still there of what is marked, of whatever version.
SELECT count() AS rows FROM outcomes WHERE
--include rows_outcomes
