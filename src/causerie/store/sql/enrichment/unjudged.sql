-- Conversations that are understood and about which a language model is still to be asked, the
-- latest first.
SELECT tenant, id
FROM conversations FINAL
WHERE project = {project:String}
  AND meaning = {generation:UInt64}
  AND judged != {judged:UInt64}
ORDER BY started_at DESC, tenant, id
LIMIT {limit:UInt32}
