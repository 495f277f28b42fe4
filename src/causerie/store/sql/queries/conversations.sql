-- A row per conversation.
SELECT
  __own.id AS id,
  __own.tenant AS tenant,
  __own.user AS user,
  toTimeZone(__own.started_at, {zone:String}) AS started_at,
  toTimeZone(__own.ended_at, {zone:String}) AS ended_at,
  __own.model AS model,
  __own.source AS source,
  __own.preview AS preview,
  __own.messages AS messages,
  __own.user_messages AS user_messages,
  __own.assistant_messages AS assistant_messages,
  __own.tools AS tools,
  __own.events AS events,
  __own.thumbs_up AS thumbs_up,
  __own.thumbs_down AS thumbs_down,
  __own.feedback AS feedback,
  __own.language AS language,
  __own.sentiment AS mood,
  __own.scored AS mood_messages,
  __own.trend AS mood_trend,
  __own.signals AS signals,
  arrayDistinct(arrayFilter(__name -> __name != '', arrayMap(
    __id -> transform(__id, {topic_ids:Array(String)}, {topic_names:Array(String)}, ''),
    arrayConcat(__own.topics, __own.suggested)))) AS topics,
  __own.metadata AS metadata
FROM conversations AS __own FINAL
--include own
