-- Conversations whose users mean about the same as a vector, by the mean of all that each said, the
-- nearest first; never the one that is asked about.
WITH
--include reports/filtered
SELECT
  tenant,
  conversation,
  1 - cosineDistance(avgForEach(told), {vector:Array(Float32)}) AS best
FROM (
  -- A message has been written again whenever topics changed.
  SELECT tenant, conversation, message, any(reinterpret(vector, 'Array(Int8)')) AS told
  FROM meanings
  WHERE project = {project:String}
    AND at >= {earliest:DateTime64(6, 'UTC')}
    AND role = 'user'
    AND model = {embedder:String}
    AND length(vector) = length({vector:Array(Float32)})
    AND cityHash64(tenant, conversation) IN (SELECT cityHash64(tenant, id) FROM filtered)
    AND (tenant, conversation) != ({of_tenant:String}, {of:String})
  GROUP BY tenant, conversation, message
)
GROUP BY tenant, conversation
HAVING best >= {least:Float64}
ORDER BY best DESC, tenant, conversation
LIMIT {limit:UInt32}
