-- The contexts that removed conversations were held in.
SELECT DISTINCT context FROM exchanges
WHERE project = {project:String} AND version <= {version:UInt64} AND context != ''
  AND id IN (
    SELECT id FROM exchanges WHERE
--include marks
  )
