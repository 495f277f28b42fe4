-- One row: when the latest conversation began, and the longest time between two that followed upon
-- each other, in hours.
WITH
--include filtered
SELECT
  count() AS conversations,
  max(started_at) AS latest,
  arrayMax(arrayDifference(arraySort(groupArray(toFloat64(started_at))))) / 3600 AS longest_h
FROM filtered
