-- How many people came for the first time in each block of some days, counted back from the last.
-- Whoever came before the blocks is not new in them, so that all there ever was is read.
WITH
--include filtered
SELECT ago, count() AS people
FROM (
  SELECT intDiv(dateDiff('day', toDate(min(started_at), {zone:String}), {last:Date}), {days:UInt32}) AS ago
  FROM filtered
  WHERE user != ''
  GROUP BY user)
WHERE ago < {blocks:UInt32}
GROUP BY ago
