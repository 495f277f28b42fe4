-- What is asked of a conversation besides its time, tenant, user and model. No message or call that
-- counts is older than `earliest`.
--when sources
    AND has({sources:Array(String)}, source)
--end
--when keys
    -- Of several values of one key any, of several keys all.
    AND arrayAll((k, v) -> has(v, metadata[k]), {keys:Array(String)}, {values:Array(Array(String))})
--end
--when without_keys
    AND NOT arrayExists((k, v) -> mapContains(metadata, k) AND metadata[k] = v,
      {without_keys:Array(String)}, {without_values:Array(String)})
--end
--when ratings
    AND (has({ratings:Array(String)}, 'up') AND thumbs_up > 0
      OR has({ratings:Array(String)}, 'down') AND thumbs_down > 0
      OR has({ratings:Array(String)}, 'none') AND thumbs_up + thumbs_down = 0)
--end
--when languages
    AND has({languages:Array(String)}, language)
--end
--when without_languages
    AND NOT has({without_languages:Array(String)}, language)
--end
--when moods
    AND (has({moods:Array(String)}, 'positive') AND ifNull(sentiment > {margin:Float64}, false)
      OR has({moods:Array(String)}, 'negative') AND ifNull(sentiment < -{margin:Float64}, false)
      OR has({moods:Array(String)}, 'neutral') AND ifNull(abs(sentiment) <= {margin:Float64}, false)
      OR trend IN ('up', 'down') AND has({moods:Array(String)}, trend))
--end
--when signals
    AND hasAny(signals, {signals:Array(String)})
--end
--when without_signals
    AND NOT hasAny(signals, {without_signals:Array(String)})
--end
--when topics
    -- The empty id asks for what was understood and is about no topic.
    AND (hasAny(topics, {topics:Array(String)})
      OR hasAny(suggested, {topics:Array(String)})
      OR (has({topics:Array(String)}, '') AND meaning > 0 AND empty(topics) AND empty(suggested)))
--end
--when without_topics
    AND NOT (hasAny(topics, {without_topics:Array(String)})
      OR hasAny(suggested, {without_topics:Array(String)})
      OR (has({without_topics:Array(String)}, '') AND meaning > 0
        AND empty(topics) AND empty(suggested)))
--end
--when feedback=any
    AND feedback != ''
--end
--when feedback=none
    AND feedback = ''
--end
--when feedback=says
    AND positionCaseInsensitiveUTF8(feedback, {feedback_text:String}) > 0
--end
--when messages_range
    AND messages BETWEEN {messages_range:Array(Float64)}[1] AND {messages_range:Array(Float64)}[2]
--end
--when seconds_range
    AND dateDiff('millisecond', started_at, ended_at) / 1000
      BETWEEN {seconds_range:Array(Float64)}[1] AND {seconds_range:Array(Float64)}[2]
--end
--when hours_range
    -- Where the first hour is after the last, the night between them is meant.
    AND if({hours_range:Array(Float64)}[1] <= {hours_range:Array(Float64)}[2],
      toHour(toTimeZone(started_at, {zone:String})) >= {hours_range:Array(Float64)}[1]
        AND toHour(toTimeZone(started_at, {zone:String})) < {hours_range:Array(Float64)}[2],
      toHour(toTimeZone(started_at, {zone:String})) >= {hours_range:Array(Float64)}[1]
        OR toHour(toTimeZone(started_at, {zone:String})) < {hours_range:Array(Float64)}[2])
--end
--when standing
    -- Global, because the conversations of a person are spread.
    AND cityHash64(tenant, user, toDate(started_at, {zone:String})) GLOBAL IN (
      SELECT cityHash64(tenant, user, day)
      FROM (
--include visits
      )
      WHERE standing = {standing:String})
--end
--when said
    -- A hash of 64 bits, because a set of numbers is ten times as fast as one of strings.
    AND cityHash64(tenant, id) IN (
      SELECT cityHash64(tenant, conversation) AS talk
      FROM messages
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
        AND multiMatchAny(text, {said:Array(String)})
      GROUP BY talk
      HAVING length(groupUniqArrayArray(multiMatchAllIndices(text, {said:Array(String)})))
        = length({said:Array(String)}))
--end
--when unsaid
    AND cityHash64(tenant, id) NOT IN (
      SELECT cityHash64(tenant, conversation)
      FROM messages
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
        AND multiMatchAny(text, {unsaid:Array(String)}))
--end
--when evaluators
    -- Of several outcomes of one evaluator any, of several evaluators all.
    AND cityHash64(tenant, id) IN (
      SELECT cityHash64(tenant, conversation) AS talk
      FROM outcomes FINAL
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
        AND arrayExists((e, o) -> e = evaluator AND has(o, outcome),
          {evaluators:Array(String)}, {outcomes:Array(Array(String))})
      GROUP BY talk
      HAVING uniqExact(evaluator) = length({evaluators:Array(String)}))
--end
--when events event_keys
    AND cityHash64(tenant, id) IN (
      SELECT cityHash64(tenant, conversation)
      FROM messages
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
        AND kind = 'event'
--when events
        AND has({events:Array(String)}, name)
--end
        AND arrayAll((k, v) -> metadata[k] = v,
          {event_keys:Array(String)}, {event_values:Array(String)}))
--end
--when without_events
    AND cityHash64(tenant, id) NOT IN (
      SELECT cityHash64(tenant, conversation)
      FROM messages
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
        AND kind = 'event'
        AND has({without_events:Array(String)}, name))
--end
--when masked
    AND ({masked:String} = 'yes') = (cityHash64(tenant, id) IN (
      SELECT cityHash64(tenant, conversation)
      FROM messages
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
        AND notEmpty(masked)))
--end
--when failed
    -- Calls are spread otherwise than conversations, so that every shard gets all that fit.
    AND ({failed:String} = 'yes') = (cityHash64(tenant, id) GLOBAL IN (
      SELECT cityHash64(tenant, conversation)
      FROM exchanges
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
        AND conversation != ''
        AND (status >= 400 OR error != '')))
--end
--when cost_range
    AND cityHash64(tenant, id) GLOBAL IN (
      SELECT cityHash64(tenant, conversation)
      FROM exchanges FINAL
      WHERE project = {project:String}
        AND at >= {earliest:DateTime64(6, 'UTC')}
      GROUP BY tenant, conversation, currency
      HAVING count(cost) > 0 AND toFloat64(sum(cost))
        BETWEEN {cost_range:Array(Float64)}[1] AND {cost_range:Array(Float64)}[2])
--end
