-- Answers of sampled conversations that came after a version and that an evaluator has not judged as
-- it asks now, in order. Old versions of a row do no harm: a mark is newer than what it takes away.
WITH fresh AS (
  SELECT tenant, conversation, position, id
  FROM messages
  WHERE project = {project:String}
    AND version > {reached:UInt64}
    AND (deleted
      OR kind = 'message' AND role = 'assistant' AND at >= {answered:DateTime64(6, 'UTC')})
    AND CRC32(concat(tenant, '\0', conversation)) % {shares:UInt32} < {share:UInt32}
  GROUP BY tenant, conversation, position, id
  HAVING argMax(deleted, version) = 0
)
--include unjudged
