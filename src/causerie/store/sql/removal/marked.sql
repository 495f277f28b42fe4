-- The conversations that are marked, as a set.
(
  SELECT tenant, id FROM {source:Identifier}
  WHERE project = {project:String} AND deleted AND version IN {versions:Array(UInt64)}
)
