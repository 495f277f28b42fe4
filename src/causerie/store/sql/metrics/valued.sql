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
    p.first AS first,
    -- Other names than those of the sums, which would be taken for them.
    c.messages AS said,
    c.user_messages AS asked,
    c.assistant_messages AS answered,
    c.thumbs_up AS up,
    c.thumbs_down AS down,
    toFloat64(c.sentiment) AS mood,
    if(isNull(c.sentiment), 0, c.scored) AS weight,
    toString(c.language) AS spoken,
    c.signals AS heard,
    c.meaning > 0 AS is_understood,
    multiIf(
      {split:String} = 'topic', arrayMap(v -> (v, ''), multiIf(
        not is_understood, [],
        empty(ancestry(arrayConcat(c.topics, c.suggested)) AS about), [''],
        about)),
      {split:String} = 'signal', arrayMap(v -> (v, ''), multiIf(
        not is_understood, [],
        empty(c.signals), [''],
        arrayMap(v -> toString(v), c.signals))),
      {split:String} = 'rating', arrayMap(v -> (v, ''), multiIf(
        c.thumbs_up > 0 AND c.thumbs_down > 0, ['up', 'down'],
        c.thumbs_up > 0, ['up'],
        c.thumbs_down > 0, ['down'],
        ['none'])),
      {split:String} = 'user', [(c.user, if(c.user = '', '', c.tenant))],
      {split:String} = 'conversation', [(c.id, c.tenant)],
      {split:String} = '', [],
      [(multiIf(
        {split:String} = 'language', if(spoken = 'und', '', spoken),
        {split:String} = 'model', toString(c.model),
        {split:String} = 'meta', c.metadata[{split_key:String}],
        {split:String} = 'tenant', c.tenant,
        {split:String} = 'source', toString(c.source),
        {split:String} = 'mood', multiIf(
          isNull(c.sentiment), '',
          c.sentiment > {margin:Float64}, 'positive',
          c.sentiment < -{margin:Float64}, 'negative',
          'neutral'),
        {split:String} = 'standing', came.standing,
        ''), '')]) AS values
  FROM filtered AS c
  LEFT JOIN people AS p ON cityHash64(c.tenant, c.user) = p.who
  LEFT JOIN came ON cityHash64(c.tenant, c.user, toDate(c.started_at, {zone:String})) = came.visit
)
