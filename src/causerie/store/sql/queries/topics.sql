-- A row per topic that messages of users are about, over all time.
SELECT
  __topic.1 AS topic,
  __topic.2 AS theme,
  count() AS messages,
  uniqExact(__own.tenant, __own.conversation) AS conversations,
  uniqExactIf((__own.tenant, __own.user), __own.user != '') AS users,
  avg(__own.sentiment) AS mood,
  toTimeZone(min(__own.at), {zone:String}) AS first_seen,
  toTimeZone(max(__own.at), {zone:String}) AS last_seen
FROM meanings AS __own FINAL
ARRAY JOIN arrayDistinct(arrayFilter(__pair -> __pair.1 != '', arrayMap(
  __id -> (
    transform(__id, {topic_ids:Array(String)}, {topic_names:Array(String)}, ''),
    transform(__id, {topic_ids:Array(String)}, {topic_themes:Array(String)}, '')),
  arrayPushBack(__own.topics, __own.suggested)))) AS __topic
--include own
WHERE __own.role = 'user'
GROUP BY __topic
