-- What was said before the removal was asked for and came in while it went on.
SELECT count() AS rows FROM conversations FINAL
WHERE project = {project:String} AND started_at <= {asked:DateTime64(6, 'UTC')}
  AND ({every_tenant:Bool} OR tenant = {tenant:String})
  AND if({scope:String} = 'user', user, id) IN {names:Array(String)}
