-- The largest values of a split, by what is counted.
WITH
--include reports/filtered
,
--include reports/bucketing
,
--include reports/lineage
,
--include people
,
--include came
,
--include valued
SELECT
  value.1 AS name,
  value.2 AS within,
  multiIf(
    {rank:String} = 'messages', sum(said),
    {rank:String} = 'user_messages', sum(asked),
    {rank:String} = 'assistant_messages', sum(answered),
    {rank:String} = 'users', uniqExactIf(person, named),
    {rank:String} = 'rated', sum(up + down),
    {rank:String} = 'scored', sum(weight),
    count()) AS size
FROM valued
ARRAY JOIN values AS value
GROUP BY value
ORDER BY size DESC, name, within
LIMIT {most:UInt32}
