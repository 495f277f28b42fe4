-- The largest values of a split, by what is counted.
WITH
--include reports/filtered
,
--include reports/bucketing
,
--include reports/lineage
,
--when split=standing
--include came
,
--end
--when metric=pass_rate
--include judged
,
--end
--when split=evaluation
--include evaluated
,
--end
--include valued
SELECT
  value.1 AS name,
  value.2 AS within,
--when rank=messages
  sum(said) AS size
--end
--when rank=user_messages
  sum(asked) AS size
--end
--when rank=assistant_messages
  sum(answered) AS size
--end
--when rank=users
  uniqExactIf(person, named) AS size
--end
--when rank=rated
  sum(up + down) AS size
--end
--when rank=decided
  sum(good + bad) AS size
--end
--when rank=scored
  sum(weight) AS size
--end
--unless rank
  count() AS size
--end
FROM valued
ARRAY JOIN values AS value
GROUP BY value
ORDER BY size DESC, name, within
LIMIT {most:UInt32}
