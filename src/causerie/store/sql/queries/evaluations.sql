-- A row per answer and online evaluator that has judged it.
SELECT
  __own.conversation AS conversation,
  __own.message AS message,
  __own.tenant AS tenant,
  __own.position AS position,
  toTimeZone(__own.at, {zone:String}) AS at,
  __own.evaluator AS evaluator,
  __own.outcome AS outcome,
  __own.reason AS reason,
  toTimeZone(__own.judged_at, {zone:String}) AS judged_at
FROM outcomes AS __own FINAL
--include own
