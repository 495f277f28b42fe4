-- How many people of a tenant have talked about each topic, at any time. A topic counts for all
-- that it is a part of, and a conversation of nobody known is one of its own.
WITH
--include lineage
SELECT
  topic,
  uniqExact(if(user = '', cityHash64(id, 0), cityHash64(user))) AS people
FROM conversations FINAL
ARRAY JOIN ancestry(arrayConcat(topics, suggested)) AS topic
WHERE project = {project:String} AND tenant = {tenant:String} AND meaning > 0
GROUP BY topic
