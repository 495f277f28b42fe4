-- Rows of a user or a conversation that are not newer than the marks, in any table that names them.
SELECT sum(rows) AS rows
FROM (
  SELECT count() AS rows FROM conversations
  WHERE project = {project:String} AND version <= {version:UInt64}
    AND ({every_tenant:Bool} OR tenant = {tenant:String})
    AND if({scope:String} = 'user', user, id) IN {names:Array(String)}
  UNION ALL
  SELECT count() AS rows FROM meanings
  WHERE project = {project:String} AND version <= {version:UInt64}
    AND ({every_tenant:Bool} OR tenant = {tenant:String})
    AND if({scope:String} = 'user', user, conversation) IN {names:Array(String)}
  UNION ALL
  SELECT count() AS rows FROM messages
  WHERE project = {project:String} AND version <= {version:UInt64}
    AND ({every_tenant:Bool} OR tenant = {tenant:String})
    AND {scope:String} = 'conversation' AND conversation IN {names:Array(String)}
  UNION ALL
  SELECT count() AS rows FROM outcomes
  WHERE project = {project:String} AND version <= {version:UInt64}
    AND ({every_tenant:Bool} OR tenant = {tenant:String})
    AND {scope:String} = 'conversation' AND conversation IN {names:Array(String)}
  UNION ALL
  SELECT count() AS rows FROM exchanges
  WHERE project = {project:String} AND version <= {version:UInt64}
    AND ({every_tenant:Bool} OR tenant = {tenant:String})
    AND if({scope:String} = 'user', user, conversation) IN {names:Array(String)}
)
