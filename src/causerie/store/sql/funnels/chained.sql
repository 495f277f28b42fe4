-- How far each conversation or user got: `best` is the longest chain of steps in their order, each an
-- item later than the one before and none later than the window after the first; of several the one
-- that began first, each next step being the earliest that there is. An item is (microseconds, rank,
-- position, tenant, conversation, steps that it can be).
talk AS (
  SELECT
    tenant, id, user, started_at,
--when split=model
    [toString(model)] AS parts
--end
--when split=language
    [toString(language)] AS parts
--end
--when split=meta
    [metadata[{split_key:String}]] AS parts
--end
--when split=topic
    if(empty(ancestry(arrayConcat(topics, suggested)) AS about), [''], about) AS parts
--end
--unless split
    CAST([], 'Array(String)') AS parts
--end
  FROM filtered
),
hit AS (
  -- A conversation begins before all that is in it.
  SELECT
    tenant, id AS conversation, started_at AS at, 0 AS rank, toUInt64(0) AS position,
    arrayFilter(i -> {kinds:Array(String)}[i] = 'first', arrayEnumerate({kinds:Array(String)})) AS steps
  FROM talk
  WHERE has({kinds:Array(String)}, 'first')
  UNION ALL
  SELECT
    tenant, conversation, at, 1 AS rank, position,
    arrayFilter(
      i -> {kinds:Array(String)}[i] = 'topic' AND (
        hasAny(topics, {members:Array(Array(String))}[i])
        OR has({members:Array(Array(String))}[i], suggested)),
      arrayEnumerate({kinds:Array(String)})) AS steps
  FROM meanings FINAL
  WHERE project = {project:String}
    AND at >= {earliest:DateTime64(6, 'UTC')}
    AND has({kinds:Array(String)}, 'topic')
    AND role = 'user'
  UNION ALL
  SELECT
    tenant, conversation, at, 1 AS rank, position,
    arrayFilter(
      i -> {kinds:Array(String)}[i] = 'event' AND {names:Array(String)}[i] = name,
      arrayEnumerate({kinds:Array(String)})) AS steps
  FROM messages FINAL
  WHERE project = {project:String}
    AND at >= {earliest:DateTime64(6, 'UTC')}
    AND kind = 'event'
    AND has({names:Array(String)}, name)
),
gathered AS (
  SELECT
    arraySlice(arraySort(groupArray((
      toUnixTimestamp64Micro(hit.at), hit.rank, hit.position, hit.tenant, hit.conversation,
      hit.steps))), 1, {most:UInt32}) AS items
  FROM hit
  INNER JOIN talk ON hit.tenant = talk.tenant AND hit.conversation = talk.id
  WHERE notEmpty(hit.steps) AND ({by:String} = 'conversation' OR talk.user != '')
  GROUP BY hit.tenant, if({by:String} = 'user', talk.user, hit.conversation)
),
chained AS (
  SELECT arraySort(
    chain -> (-toInt64(length(chain)), chain[1].1, chain[1].2, chain[1].3),
    arrayMap(
      start -> arrayFold(
        (chain, item) -> if(
          length(chain) < length({kinds:Array(String)})
            AND has(item.6, length(chain) + 1)
            AND item.1 - chain[1].1 <= {window:Int64},
          arrayPushBack(chain, item), chain),
        arraySlice(items, start + 1), [items[start]]),
      -- Without a window the first beginning gets as far as any.
      arraySlice(
        arrayFilter(i -> has(items[i].6, 1), arrayEnumerate(items)),
        1, if({by:String} = 'conversation', 1, {most:UInt32}))))[1] AS best
  FROM gathered
  WHERE arrayExists(item -> has(item.6, 1), items)
)
