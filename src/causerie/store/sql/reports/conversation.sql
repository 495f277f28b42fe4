-- The rows of one id: one per tenant that uses it, or that of one tenant.
SELECT
  id, tenant, started_at, ended_at, user, model, metadata, feedback, source, preview,
  messages, user_messages, assistant_messages, tools, events, thumbs_up, thumbs_down,
  language, sentiment, scored, trend, signals, topics, suggested
FROM conversations FINAL
WHERE project = {project:String} AND id = {id:String}
--unless every_tenant
  AND tenant = {tenant:String}
--end
ORDER BY tenant
