-- Messages about a topic: some of the latest, and among many of the latest those that are nearest
-- to the middle of them. `away` is 0 in the middle; the places count from 1.
WITH
--include filtered
,
latest AS (
  SELECT tenant, conversation, position, message, at, user, language, sentiment, model,
    reinterpret(vector, 'Array(Int8)') AS vector
  FROM meanings FINAL
  -- Before versions are compared, which all have the same conversation.
  PREWHERE project = {project:String}
    AND cityHash64(tenant, conversation) IN (SELECT cityHash64(tenant, id) FROM filtered)
  WHERE at >= {since:DateTime64(6, 'UTC')}
    AND role = 'user'
    AND (hasAny(topics, {topics:Array(String)}) OR has({topics:Array(String)}, suggested))
  ORDER BY at DESC, tenant, conversation, position
  LIMIT {most:UInt32}
),
-- What two models say cannot be compared.
dated AS (
  SELECT *, argMax(model, at) OVER () AS newest
  FROM latest
),
gathered AS (
  SELECT *, avgForEachIf(vector, model = newest) OVER () AS middle
  FROM dated
),
placed AS (
  SELECT
    tenant, conversation, position, message, at, user, language, sentiment,
    if(model = newest AND notEmpty(vector),
       1 - arraySum((a, b) -> a * b, vector, arrayResize(middle, length(vector)))
         / greatest(1e-9, sqrt(arraySum(a -> toFloat64(a) * a, vector)) * sqrt(arraySum(a -> a * a, middle))),
       2) AS away,
    row_number() OVER (ORDER BY at DESC, tenant, conversation, position) AS place_latest
  FROM gathered
)
SELECT
  tenant, conversation, position, message, at, user, language, sentiment, place_latest,
  row_number() OVER (ORDER BY away, place_latest) AS place_typical
FROM placed
QUALIFY place_latest <= {limit:UInt32} OR place_typical <= {limit:UInt32}
ORDER BY place_latest
