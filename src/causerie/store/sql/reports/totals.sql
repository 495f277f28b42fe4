-- One row: the sums over everything that a question is about.
WITH
--include filtered
SELECT
  max(ended_at) AS latest,
--include sums
FROM filtered
