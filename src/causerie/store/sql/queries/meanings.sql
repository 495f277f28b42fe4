-- A row per message that was understood.
SELECT
  __own.conversation AS conversation,
  __own.message AS message,
  __own.tenant AS tenant,
  __own.position AS position,
  toTimeZone(__own.at, {zone:String}) AS at,
  __own.user AS user,
  __own.role AS role,
  __own.language AS language,
  __own.sentiment AS mood,
  __own.signals AS signals,
  arrayDistinct(arrayFilter(__name -> __name != '', arrayMap(
    __id -> transform(__id, {topic_ids:Array(String)}, {topic_names:Array(String)}, ''),
    arrayPushBack(__own.topics, __own.suggested)))) AS topics,
  __own.translation AS translation
FROM meanings AS __own FINAL
--include own
