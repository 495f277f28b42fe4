-- Marks the conversations of a target, and those that an earlier try has marked and that came back.
INSERT INTO conversations (project, started_at, tenant, id, version, deleted)
SELECT project, started_at, tenant, id, {version:UInt64}, 1
FROM conversations FINAL
WHERE project = {project:String}
  AND ((({every_tenant:Bool} OR tenant = {tenant:String})
      AND multiIf(
        {scope:String} = 'user', user IN {names:Array(String)},
        {scope:String} = 'conversation', id IN {names:Array(String)},
        ended_at < {before:DateTime64(6, 'UTC')}))
    OR has(arrayZip({tenants:Array(String)}, {ids:Array(String)}), (tenant, id))
    OR (tenant, id) IN
--include marked
  )
LIMIT {limit:UInt64}
