-- A row per call of a tool.
SELECT
  __own.conversation AS conversation,
  __own.id AS id,
  __own.tenant AS tenant,
  __own.position AS position,
  toTimeZone(__own.at, {zone:String}) AS at,
  __own.name AS name,
  __own.thought AS thought,
  __own.input AS input,
  __own.observation AS observation,
  __own.metadata AS metadata
FROM messages AS __own FINAL
--include own
WHERE __own.kind = 'tool'
