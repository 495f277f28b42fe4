-- What a split of calls asks their conversations for.
talks AS (
  SELECT
    cityHash64(tenant, id) AS talk,
    any(toString(language)) AS spoken,
    any(sentiment) AS mood,
    any(arrayMap(v -> toString(v), signals)) AS heard,
    any(arrayConcat(topics, suggested)) AS about,
    any(thumbs_up) AS up,
    any(thumbs_down) AS down,
    any(toString(source)) AS source,
    any(metadata[{split_key:String}]) AS told,
    any(meaning > 0) AS is_understood,
    any(toDate(started_at, {zone:String})) AS began
  FROM conversations FINAL
  WHERE project = {project:String}
    -- Constant, so that none is read where nobody asks.
    AND {wants_talks:Bool}
  GROUP BY talk
)
