-- What every evaluator of a project has said so far, counted.
SELECT evaluator, outcome, count() AS answers
FROM outcomes FINAL
WHERE project = {project:String}
GROUP BY evaluator, outcome
