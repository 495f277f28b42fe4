-- The calls that a question is about, with what the split says of each, as `valued` does of
-- conversations. A call that is of no conversation is of what is not known.
valued AS (
  SELECT
    c.*,
    bucket_of(c.at) AS bucket,
--when split=topic
    arrayMap(v -> (v, ''), multiIf(
      not t.is_understood, [],
      empty(ancestry(t.about) AS found), [''],
      found)) AS values
--end
--when split=signal
    arrayMap(v -> (v, ''), multiIf(
      not t.is_understood, [],
      empty(t.heard), [''],
      t.heard)) AS values
--end
--when split=rating
    arrayMap(v -> (v, ''), multiIf(
      t.up > 0 AND t.down > 0, ['up', 'down'],
      t.up > 0, ['up'],
      t.down > 0, ['down'],
      ['none'])) AS values
--end
--when split=user
    [(c.user, if(c.user = '', '', c.tenant))] AS values
--end
--when split=conversation
    [(c.conversation, if(c.conversation = '', '', c.tenant))] AS values
--end
--when split=language
    [(if(t.spoken = 'und', '', t.spoken), '')] AS values
--end
--when split=model
    [(toString(c.model), '')] AS values
--end
--when split=endpoint
    [(toString(c.endpoint), '')] AS values
--end
--when split=key
    [(toString(c.key), '')] AS values
--end
--when split=meta
    [(t.told, '')] AS values
--end
--when split=tenant
    [(c.tenant, '')] AS values
--end
--when split=source
    [(t.source, '')] AS values
--end
--when split=mood
    [(multiIf(
      t.talk = 0 OR isNull(t.mood), '',
      t.mood > {margin:Float64}, 'positive',
      t.mood < -{margin:Float64}, 'negative',
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
  FROM calls AS c
--when wants_talks
  LEFT JOIN talks AS t ON cityHash64(c.tenant, c.conversation) = t.talk
--end
--when split=evaluation
  LEFT JOIN evaluated AS e ON cityHash64(c.tenant, c.conversation) = e.talk
--end
--when split=standing
  -- What somebody is is told of the day on which the conversation began, for its calls too.
  LEFT JOIN came ON cityHash64(c.tenant, c.user, t.began) = came.visit
--end
)
