-- One row: how much lacks meaning under this generation, and how much there is.
SELECT
  countIf(meaning != {generation:UInt64}) AS conversations,
  sumIf(messages, meaning != {generation:UInt64}) AS messages,
  sum(messages) AS all_messages
FROM conversations FINAL
WHERE project = {project:String}
