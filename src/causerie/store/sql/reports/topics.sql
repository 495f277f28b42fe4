-- A row per topic of the messages that a question is about; `*` is any message of a user, and the
-- empty id those about no topic. A message counts for all that its topics are a part of, once.
WITH
--include filtered
,
--include lineage
,
--include bucketing
,
counted AS (
  SELECT
    topic,
    language,
    bucket_of(at) AS bucket,
    count() AS messages,
    sum(sentiment) AS feeling,
    count(sentiment) AS scored,
    uniqExactStateIf(cityHash64(tenant, user), user != '') AS users,
    uniqExactState(cityHash64(tenant, conversation)) AS conversations
  FROM meanings FINAL
  ARRAY JOIN arrayConcat(
    if(role = 'user', ['*'], []),
    if(role = 'user' AND empty(topics) AND suggested = '', [''], []),
    ancestry(arrayPushBack(topics, suggested))) AS topic
  -- Before versions are compared, which all have the same conversation.
  PREWHERE project = {project:String}
    AND cityHash64(tenant, conversation) IN (SELECT cityHash64(tenant, id) FROM filtered)
  GROUP BY topic, language, bucket
)
SELECT
  topic,
  sum(counted.messages) AS messages,
  sum(counted.feeling) AS feeling,
  sum(counted.scored) AS scored,
  uniqExactMerge(counted.users) AS users,
  sumMap(map(language, counted.messages)) AS languages,
  sumMap(map(bucket, counted.messages)) AS messages_by_bucket,
  sumMap(map(bucket, counted.scored)) AS scored_by_bucket,
  sumMap(map(bucket, ifNull(counted.feeling, 0))) AS feeling_by_bucket,
  uniqExactMerge(counted.conversations) AS conversations
FROM counted
GROUP BY topic
