-- A row per user who said who they are. Users of different tenants are different users.
SELECT
  __own.user AS user,
  __own.tenant AS tenant,
  count() AS conversations,
  sum(__own.user_messages) AS messages,
  sum(__own.thumbs_up) AS thumbs_up,
  sum(__own.thumbs_down) AS thumbs_down,
  sum(__own.sentiment * __own.scored) / sumIf(__own.scored, isNotNull(__own.sentiment)) AS mood,
  groupUniqArrayIf(__own.language, __own.language NOT IN ('', 'und')) AS languages,
  toTimeZone(min(__own.started_at), {zone:String}) AS first_seen,
  toTimeZone(max(__own.ended_at), {zone:String}) AS last_seen
FROM conversations AS __own FINAL
--include own
WHERE __own.user != ''
GROUP BY __own.user, __own.tenant
