-- Before anything else is computed of a row: what is typed must not see others even to fail on them.
PREWHERE __own.project = {project:String}
  AND ({every_tenant:Bool} OR __own.tenant = {tenant:String})
