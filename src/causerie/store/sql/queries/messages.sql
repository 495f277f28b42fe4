-- A row per message of a person or an assistant.
SELECT
  __own.conversation AS conversation,
  __own.id AS id,
  __own.tenant AS tenant,
  __own.position AS position,
  toTimeZone(__own.at, {zone:String}) AS at,
  __own.role AS role,
  __own.text AS text,
  __own.rating AS rating,
  __own.masked AS masked,
  __own.metadata AS metadata
FROM messages AS __own FINAL
--include own
WHERE __own.kind = 'message'
