-- In how many conversations, now and in the days before, each of some findings shows (counted from
-- 1; 0 is every conversation), of all and of those with some trait that enough have now. A finding
-- shows in a conversation that has its mark, if it is told by one, and is of its part, if it has one.
WITH
--include filtered
,
--include lineage
SELECT
  shows AS number,
  trait.1 AS dimension,
  trait.2 AS value,
  countIf(is_now) AS now,
  countIf(NOT is_now) AS before
FROM (
  SELECT
    is_now,
    kept,
    arrayFilter(
      (number, mark, mark_value, part, part_value) -> number = 0
        OR (mark = '' OR has(marks, (mark, mark_value))) AND (part = '' OR has(kept, (part, part_value))),
      range(toUInt32(length({marks:Array(String)}))),
      {marks:Array(String)}, {mark_values:Array(String)}, {parts:Array(String)}, {part_values:Array(String)}) AS numbers
  FROM (
    SELECT
      dateDiff('day', toDate(started_at, {zone:String}), {last:Date}) < {days:UInt32} AS is_now,
      arrayConcat(
        if(thumbs_down > 0, [('thumbs_down', '')], []),
        if(ifNull(sentiment < -{margin:Float64}, false), [('mood', 'less')], []),
        if(ifNull(sentiment > {margin:Float64}, false), [('mood', 'more')], []),
--when failed_models
        if(cityHash64(tenant, id) GLOBAL IN (
          SELECT cityHash64(tenant, conversation)
          FROM exchanges
          WHERE project = {project:String}
            AND at >= {since:DateTime64(6, 'UTC')}
            AND has({failed_models:Array(String)}, model)
            AND error != ''), [('errors', '')], []),
--end
--when slow_models
        if(cityHash64(tenant, id) GLOBAL IN (
          SELECT cityHash64(tenant, conversation)
          FROM exchanges
          WHERE project = {project:String}
            AND at >= {since:DateTime64(6, 'UTC')}
            AND has({slow_models:Array(String)}, model)
            AND error = ''
            AND total_ms > {slow_ms:Float64}), [('latency', '')], []),
--end
        arrayMap(x -> ('signal', toString(x)), signals)) AS marks,
      arrayConcat(
        [('', '')],
        if(language = '', [], [('language', toString(language))]),
        if(model = '', [], [('model', toString(model))]),
        if(tenant = '', [], [('tenant', tenant)]),
        arrayMap(x -> ('topic', x), ancestry(arrayConcat(topics, suggested))),
        arrayFilter(x -> NOT has(['meta:user_id', 'meta:model', 'meta:language', 'meta:tenant'], x.1),
          arrayMap((k, v) -> (concat('meta:', k), toString(v)), mapKeys(metadata), mapValues(metadata)))) AS kept
    FROM filtered
    WHERE dateDiff('second', toStartOfDay(started_at, {zone:String}), started_at) < {day_seconds:UInt32}))
ARRAY JOIN numbers AS shows
ARRAY JOIN kept AS trait
GROUP BY shows, trait
HAVING now >= {least:UInt32} OR trait.1 = ''
