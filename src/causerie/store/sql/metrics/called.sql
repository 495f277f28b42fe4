-- The calls that a question is about, with what the split says of each, as `valued` does of
-- conversations. A call that is of no conversation is of what is not known.
valued AS (
  SELECT
    c.*,
    bucket_of(c.at) AS bucket,
    multiIf(
      {split:String} = 'topic', arrayMap(v -> (v, ''), multiIf(
        not t.is_understood, [],
        empty(ancestry(t.about) AS found), [''],
        found)),
      {split:String} = 'signal', arrayMap(v -> (v, ''), multiIf(
        not t.is_understood, [],
        empty(t.heard), [''],
        t.heard)),
      {split:String} = 'rating', arrayMap(v -> (v, ''), multiIf(
        t.up > 0 AND t.down > 0, ['up', 'down'],
        t.up > 0, ['up'],
        t.down > 0, ['down'],
        ['none'])),
      {split:String} = 'user', [(c.user, if(c.user = '', '', c.tenant))],
      {split:String} = 'conversation', [(c.conversation, if(c.conversation = '', '', c.tenant))],
      {split:String} = '', [],
      [(multiIf(
        {split:String} = 'language', if(t.spoken = 'und', '', t.spoken),
        {split:String} = 'model', toString(c.model),
        {split:String} = 'endpoint', toString(c.endpoint),
        {split:String} = 'key', toString(c.key),
        {split:String} = 'meta', t.told,
        {split:String} = 'tenant', c.tenant,
        {split:String} = 'source', t.source,
        {split:String} = 'mood', multiIf(
          t.talk = 0 OR isNull(t.mood), '',
          t.mood > {margin:Float64}, 'positive',
          t.mood < -{margin:Float64}, 'negative',
          'neutral'),
        {split:String} = 'standing', came.standing,
        ''), '')]) AS values
  FROM calls AS c
  LEFT JOIN talks AS t ON cityHash64(c.tenant, c.conversation) = t.talk
  -- What somebody is is told of the day on which the conversation began, for its calls too.
  LEFT JOIN came ON cityHash64(c.tenant, c.user, t.began) = came.visit
)
