-- What a split of calls asks their conversations for.
talks AS (
  SELECT
    cityHash64(tenant, id) AS talk,
--when split=language
    any(toString(language)) AS spoken,
--end
--when split=mood
    any(sentiment) AS mood,
--end
--when split=signal
    any(arrayMap(v -> toString(v), signals)) AS heard,
--end
--when split=topic
    any(arrayConcat(topics, suggested)) AS about,
--end
--when split=rating
    any(thumbs_up) AS up,
    any(thumbs_down) AS down,
--end
--when split=source
    any(toString(source)) AS source,
--end
--when split=meta
    any(metadata[{split_key:String}]) AS told,
--end
    any(meaning > 0) AS is_understood,
    any(toDate(started_at, {zone:String})) AS began
  FROM conversations FINAL
  WHERE project = {project:String}
  GROUP BY talk
)
