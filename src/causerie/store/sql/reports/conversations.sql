-- Which conversations are on a page, in the order asked for, and how many there are in all. Only
-- what sorts and filters is read here; `reports/rows` reads the rest of the few on the page.
WITH
--include filtered
SELECT
  id, tenant, started_at, count() OVER () AS total
FROM filtered
ORDER BY
  multiIf({sort:String} = 'oldest', toInt64(toUnixTimestamp64Micro(started_at)),
          {sort:String} = 'longest', -toInt64(messages),
          {sort:String} = 'rating', toInt64(thumbs_up) - toInt64(thumbs_down),
          -- The unhappiest first, what has no mood last.
          {sort:String} = 'mood', toInt64(ifNull(sentiment, 2) * 1000000),
          -toInt64(toUnixTimestamp64Micro(started_at))),
  started_at DESC,
  tenant,
  id
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
