-- What an online evaluator said of the answers of each conversation, each outcome once.
evaluated AS (
  SELECT
    cityHash64(tenant, conversation) AS talk,
    arraySort(groupUniqArray(toString(outcome))) AS outcomes
  FROM outcomes FINAL
  WHERE project = {project:String}
    AND evaluator = {split_key:String}
    AND at >= {earliest:DateTime64(6, 'UTC')}
  GROUP BY talk
)
