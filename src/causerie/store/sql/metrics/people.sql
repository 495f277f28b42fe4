-- Who came when for the first time of all. Filters take no part: who is new is no matter of what
-- they talk about.
people AS (
  SELECT
    cityHash64(tenant, user) AS who,
    min(started_at) AS first
  FROM conversations FINAL
  WHERE project = {project:String}
    AND started_at < {until:DateTime64(6, 'UTC')}
    AND user != ''
  GROUP BY who
)
