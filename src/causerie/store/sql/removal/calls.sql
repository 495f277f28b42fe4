-- Calls of a target, and of marked conversations.
project = {project:String}
  AND ((({every_tenant:Bool} OR tenant = {tenant:String})
      AND multiIf(
        {scope:String} = 'user', user IN {names:Array(String)},
        {scope:String} = 'conversation', conversation IN {names:Array(String)},
        at < {before:DateTime64(6, 'UTC')}))
    OR (tenant, conversation) IN
--include marked
  )
