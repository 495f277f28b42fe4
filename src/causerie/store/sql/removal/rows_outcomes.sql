-- What is marked, but for the marks and for what is newer.
project = {project:String} AND version <= {version:UInt64}
  AND NOT (deleted AND version IN {versions:Array(UInt64)})
  AND (tenant, conversation) IN
--include marked
