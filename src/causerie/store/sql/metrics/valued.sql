-- The conversations that a question is about, with what the split says of each: any number of
-- values, each with the tenant that it is within, which only users and conversations have. The empty
-- value is what is not known or none.
valued AS (
  SELECT
    c.started_at AS at,
    toDate(at, {zone:String}) AS day,
    bucket_of(at) AS bucket,
    cityHash64(c.tenant, c.user) AS person,
    c.user != '' AS named,
--when wants_people
    p.first AS first,
--end
    -- Other names than those of the sums, which would be taken for them.
    c.messages AS said,
    c.user_messages AS asked,
    c.assistant_messages AS answered,
    c.thumbs_up AS up,
    c.thumbs_down AS down,
    toFloat64(c.sentiment) AS mood,
    if(isNull(c.sentiment), 0, c.scored) AS weight,
    toString(c.language) AS spoken,
--when metric=pass_rate
    j.passed AS good,
    j.failed AS bad,
    j.undecided AS open,
--end
    c.signals AS heard,
    c.meaning > 0 AS is_understood,
--when split=topic
    arrayMap(v -> (v, ''), multiIf(
      not is_understood, [],
      empty(ancestry(arrayConcat(c.topics, c.suggested)) AS about), [''],
      about)) AS values
--end
--when split=signal
    arrayMap(v -> (v, ''), multiIf(
      not is_understood, [],
      empty(c.signals), [''],
      arrayMap(v -> toString(v), c.signals))) AS values
--end
--when split=rating
    arrayMap(v -> (v, ''), multiIf(
      c.thumbs_up > 0 AND c.thumbs_down > 0, ['up', 'down'],
      c.thumbs_up > 0, ['up'],
      c.thumbs_down > 0, ['down'],
      ['none'])) AS values
--end
--when split=user
    [(c.user, if(c.user = '', '', c.tenant))] AS values
--end
--when split=conversation
    [(c.id, c.tenant)] AS values
--end
--when split=language
    [(if(spoken = 'und', '', spoken), '')] AS values
--end
--when split=model
    [(toString(c.model), '')] AS values
--end
--when split=meta
    [(c.metadata[{split_key:String}], '')] AS values
--end
--when split=tenant
    [(c.tenant, '')] AS values
--end
--when split=source
    [(toString(c.source), '')] AS values
--end
--when split=mood
    [(multiIf(
      isNull(c.sentiment), '',
      c.sentiment > {margin:Float64}, 'positive',
      c.sentiment < -{margin:Float64}, 'negative',
      'neutral'), '')] AS values
--end
--when split=standing
    [(came.standing, '')] AS values
--end
--when split=evaluation
    arrayMap(v -> (v, ''), if(empty(e.outcomes), [''], e.outcomes)) AS values
--end
--unless split
    CAST([], 'Array(Tuple(String, String))') AS values
--end
  FROM filtered AS c
--when wants_people
  LEFT JOIN people AS p ON cityHash64(c.tenant, c.user) = p.who
--end
--when metric=pass_rate
  LEFT JOIN judged AS j ON cityHash64(c.tenant, c.id) = j.talk
--end
--when split=evaluation
  LEFT JOIN evaluated AS e ON cityHash64(c.tenant, c.id) = e.talk
--end
--when split=standing
  LEFT JOIN came ON cityHash64(c.tenant, c.user, toDate(c.started_at, {zone:String})) = came.visit
--end
)
