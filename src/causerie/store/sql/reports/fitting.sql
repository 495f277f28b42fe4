-- What is asked of a conversation besides its time, tenant, user and model. What is not asked for is
-- constant, so that the engine neither reads a column nor looks into another table for it. No message
-- or call that counts is older than `earliest`.
    AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
    -- Of several values of one key any, of several keys all.
    AND (empty({keys:Array(String)})
      OR arrayAll((k, v) -> has(v, metadata[k]),
        {keys:Array(String)}, {values:Array(Array(String))}))
    AND (empty({without_keys:Array(String)})
      OR NOT arrayExists((k, v) -> mapContains(metadata, k) AND metadata[k] = v,
        {without_keys:Array(String)}, {without_values:Array(String)}))
    AND (empty({ratings:Array(String)})
      OR has({ratings:Array(String)}, 'up') AND thumbs_up > 0
      OR has({ratings:Array(String)}, 'down') AND thumbs_down > 0
      OR has({ratings:Array(String)}, 'none') AND thumbs_up + thumbs_down = 0)
    AND (empty({languages:Array(String)}) OR has({languages:Array(String)}, language))
    AND (empty({without_languages:Array(String)})
      OR NOT has({without_languages:Array(String)}, language))
    AND (empty({moods:Array(String)})
      OR has({moods:Array(String)}, 'positive') AND ifNull(sentiment > {margin:Float64}, false)
      OR has({moods:Array(String)}, 'negative') AND ifNull(sentiment < -{margin:Float64}, false)
      OR has({moods:Array(String)}, 'neutral') AND ifNull(abs(sentiment) <= {margin:Float64}, false)
      OR trend IN ('up', 'down') AND has({moods:Array(String)}, trend))
    AND (empty({signals:Array(String)}) OR hasAny(signals, {signals:Array(String)}))
    AND (empty({without_signals:Array(String)})
      OR NOT hasAny(signals, {without_signals:Array(String)}))
    -- The empty id asks for what was understood and is about no topic.
    AND (empty({topics:Array(String)})
      OR hasAny(topics, {topics:Array(String)})
      OR hasAny(suggested, {topics:Array(String)})
      OR (has({topics:Array(String)}, '') AND meaning > 0 AND empty(topics) AND empty(suggested)))
    AND (empty({without_topics:Array(String)})
      OR NOT (hasAny(topics, {without_topics:Array(String)})
        OR hasAny(suggested, {without_topics:Array(String)})
        OR (has({without_topics:Array(String)}, '') AND meaning > 0
          AND empty(topics) AND empty(suggested))))
    AND multiIf(
      {feedback:String} = 'any', feedback != '',
      {feedback:String} = 'none', feedback = '',
      {feedback:String} = 'says',
        positionCaseInsensitiveUTF8(feedback, {feedback_text:String}) > 0,
      true)
    AND (empty({messages_range:Array(Float64)})
      OR messages BETWEEN {messages_range:Array(Float64)}[1] AND {messages_range:Array(Float64)}[2])
    AND (empty({seconds_range:Array(Float64)})
      OR dateDiff('millisecond', started_at, ended_at) / 1000
        BETWEEN {seconds_range:Array(Float64)}[1] AND {seconds_range:Array(Float64)}[2])
    -- Where the first hour is after the last, the night between them is meant.
    AND (empty({hours_range:Array(Float64)})
      OR if({hours_range:Array(Float64)}[1] <= {hours_range:Array(Float64)}[2],
        toHour(toTimeZone(started_at, {zone:String})) >= {hours_range:Array(Float64)}[1]
          AND toHour(toTimeZone(started_at, {zone:String})) < {hours_range:Array(Float64)}[2],
        toHour(toTimeZone(started_at, {zone:String})) >= {hours_range:Array(Float64)}[1]
          OR toHour(toTimeZone(started_at, {zone:String})) < {hours_range:Array(Float64)}[2]))
    -- Global, because the conversations of a person are spread.
    AND ({standing:String} = '' OR cityHash64(tenant, user, toDate(started_at, {zone:String}))
      GLOBAL IN (
        SELECT cityHash64(tenant, user, day)
        FROM (
--include visits
        )
        WHERE standing = {standing:String}))
    -- A hash of 64 bits, because a set of numbers is ten times as fast as one of strings.
    AND (empty({said:Array(String)}) OR cityHash64(tenant, id) IN (
      SELECT cityHash64(tenant, conversation) AS talk
      FROM messages
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
        -- Constant, so that no message is read where no word is sought.
        AND notEmpty({said:Array(String)})
        AND multiMatchAny(text, {said:Array(String)})
      GROUP BY talk
      HAVING length(groupUniqArrayArray(multiMatchAllIndices(text, {said:Array(String)})))
        = length({said:Array(String)})))
    AND (empty({unsaid:Array(String)}) OR cityHash64(tenant, id) NOT IN (
      SELECT cityHash64(tenant, conversation)
      FROM messages
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
        AND notEmpty({unsaid:Array(String)})
        AND multiMatchAny(text, {unsaid:Array(String)})))
    AND ((empty({events:Array(String)}) AND empty({event_keys:Array(String)}))
      OR cityHash64(tenant, id) IN (
        SELECT cityHash64(tenant, conversation)
        FROM messages
        WHERE project = {project:String}
          AND at >= {earliest:DateTime64(6, 'UTC')}
          AND (notEmpty({events:Array(String)}) OR notEmpty({event_keys:Array(String)}))
          AND kind = 'event'
          AND (empty({events:Array(String)}) OR has({events:Array(String)}, name))
          AND arrayAll((k, v) -> metadata[k] = v,
            {event_keys:Array(String)}, {event_values:Array(String)})))
    AND (empty({without_events:Array(String)})
      OR cityHash64(tenant, id) NOT IN (
        SELECT cityHash64(tenant, conversation)
        FROM messages
        WHERE project = {project:String}
          AND at >= {earliest:DateTime64(6, 'UTC')}
          AND notEmpty({without_events:Array(String)})
          AND kind = 'event'
          AND has({without_events:Array(String)}, name)))
    AND ({masked:String} = ''
      OR ({masked:String} = 'yes') = (cityHash64(tenant, id) IN (
        SELECT cityHash64(tenant, conversation)
        FROM messages
        WHERE project = {project:String}
          AND at >= {earliest:DateTime64(6, 'UTC')}
          AND {masked:String} != ''
          AND notEmpty(masked))))
    -- Calls are spread otherwise than conversations, so that every shard gets all that fit.
    AND ({failed:String} = ''
      OR ({failed:String} = 'yes') = (cityHash64(tenant, id) GLOBAL IN (
        SELECT cityHash64(tenant, conversation)
        FROM exchanges
        WHERE project = {project:String}
          AND at >= {earliest:DateTime64(6, 'UTC')}
          AND {failed:String} != ''
          AND conversation != ''
          AND (status >= 400 OR error != ''))))
    AND (empty({cost_range:Array(Float64)})
      OR cityHash64(tenant, id) GLOBAL IN (
        SELECT cityHash64(tenant, conversation)
        FROM exchanges FINAL
        WHERE project = {project:String}
          AND at >= {earliest:DateTime64(6, 'UTC')}
          AND notEmpty({cost_range:Array(Float64)})
        GROUP BY tenant, conversation, currency
        HAVING count(cost) > 0 AND toFloat64(sum(cost))
          BETWEEN {cost_range:Array(Float64)}[1] AND {cost_range:Array(Float64)}[2]))
