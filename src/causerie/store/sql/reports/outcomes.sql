-- What online evaluators said of the answers of a conversation.
SELECT message, evaluator, outcome, reason, said
FROM outcomes FINAL
WHERE project = {project:String}
  AND tenant = {tenant:String}
  AND conversation = {conversation:String}
ORDER BY position, message, evaluator
