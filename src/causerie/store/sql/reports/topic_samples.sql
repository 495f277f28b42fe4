-- Messages about a topic: some of the latest, and among many of the latest those that are nearest
-- to the middle of them. `away` is 0 in the middle.
WITH
--include filtered
,
latest AS (
  SELECT tenant, conversation, position, message, at, user, language, sentiment, model,
    reinterpret(vector, 'Array(Int8)') AS vector
  FROM meanings FINAL
  WHERE project = {project:String}
    AND at >= {since:DateTime64(6, 'UTC')}
    AND role = 'user'
    AND (hasAny(topics, {topics:Array(String)}) OR has({topics:Array(String)}, suggested))
    AND cityHash64(tenant, conversation) IN (SELECT cityHash64(tenant, id) FROM filtered)
  ORDER BY at DESC, tenant, conversation, position
  LIMIT {most:UInt32}
),
-- What two models say cannot be compared.
(SELECT argMax(model, at) FROM latest) AS newest,
(SELECT avgForEach(vector) FROM latest WHERE model = newest) AS middle
SELECT
  tenant, conversation, position, message, at, user, language, sentiment,
  if(model = newest AND notEmpty(vector),
     1 - arraySum((a, b) -> a * b, vector, arrayResize(middle, length(vector)))
       / greatest(1e-9, sqrt(arraySum(a -> toFloat64(a) * a, vector)) * sqrt(arraySum(a -> a * a, middle))),
     2) AS away
FROM latest
ORDER BY
--when sort=typical
  away,
--end
  at DESC, tenant, conversation, position
LIMIT {limit:UInt32}
