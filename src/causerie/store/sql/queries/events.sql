-- A row per event that an app logged into a conversation.
SELECT
  __own.conversation AS conversation,
  __own.id AS id,
  __own.tenant AS tenant,
  __own.position AS position,
  toTimeZone(__own.at, {zone:String}) AS at,
  __own.name AS name,
  __own.text AS text,
  __own.metadata AS metadata
FROM messages AS __own FINAL
--include own
WHERE __own.kind = 'event'
