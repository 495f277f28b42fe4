-- The same for an evaluator with filters. A conversation's row is written anew when something is
-- added and when it is understood, so that one that fits only then has all its answers judged then.
WITH
--include reports/filtered
, fresh AS (
  SELECT tenant, conversation, position, id
  FROM messages
  WHERE project = {project:String}
    AND at >= {earliest:DateTime64(6, 'UTC')}
    AND (deleted
      OR kind = 'message' AND role = 'assistant' AND at >= {answered:DateTime64(6, 'UTC')})
    AND (tenant, conversation) IN (
      SELECT tenant, id
      FROM filtered
      WHERE version > {reached:UInt64}
        AND CRC32(concat(tenant, '\0', id)) % {shares:UInt32} < {share:UInt32})
  GROUP BY tenant, conversation, position, id
  HAVING argMax(deleted, version) = 0
)
--include unjudged
