-- How many people have talked about each topic, of all tenants and times. A topic counts for all
-- that it is a part of, and a conversation of nobody known is one of its own.
WITH
--include lineage
SELECT
  topic,
  uniqExact(if(user = '', cityHash64(tenant, id, 0), cityHash64(tenant, user))) AS people
FROM conversations FINAL
ARRAY JOIN ancestry(arrayConcat(topics, suggested)) AS topic
WHERE project = {project:String} AND meaning > 0
GROUP BY topic
