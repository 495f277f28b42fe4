-- What is marked, but for the marks and for what is newer.
project = {project:String} AND version <= {version:UInt64}
  AND NOT (deleted AND version IN {versions:Array(UInt64)})
  AND id IN (
    SELECT id FROM {source:Identifier}
    WHERE project = {project:String} AND deleted AND version IN {versions:Array(UInt64)}
  )
