-- Which conversations are on a page, in the order asked for, and how many there are in all. Only
-- what sorts and filters is read here; `reports/rows` reads the rest of the few on the page.
WITH
--include filtered
SELECT
  id, tenant, started_at, count() OVER () AS total
FROM filtered
ORDER BY
--when sort=oldest
  started_at,
--end
--when sort=longest
  messages DESC,
--end
--when sort=rating
  toInt64(thumbs_up) - toInt64(thumbs_down),
--end
--when sort=mood
  -- The unhappiest first, what has no mood last.
  toInt64(ifNull(sentiment, 2) * 1000000),
--end
  started_at DESC,
  tenant,
  id
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
