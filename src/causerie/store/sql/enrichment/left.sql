-- One row: how much lacks meaning under this generation, and how much there is.
SELECT
  countIf(meaning != {generation:UInt64}) AS conversations,
  sumIf(c.messages, meaning != {generation:UInt64}) AS messages,
  sum(c.messages) AS all_messages
FROM conversations AS c FINAL
WHERE project = {project:String}
