-- A page of conversations in the order asked for.
WITH
--include filtered
SELECT
  id, tenant, started_at, ended_at, user, model, metadata, feedback, source, preview,
  messages, user_messages, assistant_messages, tools, events, thumbs_up, thumbs_down
FROM filtered
ORDER BY
  multiIf({sort:String} = 'oldest', toInt64(toUnixTimestamp64Micro(started_at)),
          {sort:String} = 'longest', -toInt64(messages),
          {sort:String} = 'rating', toInt64(thumbs_up) - toInt64(thumbs_down),
          -toInt64(toUnixTimestamp64Micro(started_at))),
  started_at DESC,
  tenant,
  id
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
