-- Conversations in which a user said something that means about the same as a vector, the nearest
-- first, with the message that is nearest. Exact: every vector of the model is looked at.
WITH
--include reports/filtered
SELECT
  tenant,
  conversation,
  argMax(message, (cosine, message)) AS nearest,
  max(cosine) AS best
FROM (
  SELECT
    tenant, conversation, message,
    1 - cosineDistance(reinterpret(vector, 'Array(Int8)'), {vector:Array(Float32)}) AS cosine
  FROM meanings
  WHERE project = {project:String}
    AND at >= {earliest:DateTime64(6, 'UTC')}
    AND role = 'user'
    AND model = {embedder:String}
    AND length(vector) = length({vector:Array(Float32)})
    AND cityHash64(tenant, conversation) IN (SELECT cityHash64(tenant, id) FROM filtered)
)
GROUP BY tenant, conversation
HAVING best >= {least:Float64}
ORDER BY best DESC, tenant, conversation
LIMIT {limit:UInt32}
