-- How many answers of each conversation an online evaluator passed, failed, and could not judge.
judged AS (
  SELECT
    cityHash64(tenant, conversation) AS talk,
    countIf(outcome = 'pass') AS passed,
    countIf(outcome = 'fail') AS failed,
    countIf(outcome = 'inconclusive') AS undecided
  FROM outcomes FINAL
  WHERE project = {project:String}
    AND evaluator = {metric_key:String}
    AND at >= {earliest:DateTime64(6, 'UTC')}
  GROUP BY talk
)
