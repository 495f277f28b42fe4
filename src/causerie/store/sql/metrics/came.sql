-- What people were on the days on which they came, by a hash of tenant, user and day.
came AS (
  SELECT cityHash64(tenant, user, day) AS visit, standing
  FROM (
--include reports/visits
  )
)
