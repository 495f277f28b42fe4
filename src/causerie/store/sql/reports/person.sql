-- Whoever has that user id, a row for each tenant: since when and how often, of all there ever was.
SELECT
  tenant,
  count() AS conversations,
  uniqExact(toDate(started_at, {zone:String})) AS days,
  min(started_at) AS first_seen,
  max(ended_at) AS last_seen
FROM conversations FINAL
WHERE project = {project:String} AND user = {user:String}
GROUP BY tenant
ORDER BY tenant
