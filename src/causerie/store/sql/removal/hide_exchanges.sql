-- Also calls of which no words were kept.
INSERT INTO exchanges (project, at, id, version, deleted)
SELECT project, at, id, {version:UInt64}, 1
FROM exchanges FINAL
WHERE project = {project:String}
  AND ((({every_tenant:Bool} OR tenant = {tenant:String})
      AND multiIf(
        {scope:String} = 'user', user IN {names:Array(String)},
        {scope:String} = 'conversation', conversation IN {names:Array(String)},
        at < {before:DateTime64(6, 'UTC')}))
    OR (tenant, conversation) IN
--include marked
  )
