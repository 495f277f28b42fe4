-- Conversations that say all of some words, none of some others, the best first: what is rarer counts
-- for more, so does a whole word, and a short message (BM25, where each word counts once). `message`
-- is the best in it, `total` how many conversations there are.
WITH
--include reports/filtered
, hit AS (
  SELECT
    tenant, conversation, id, at, lengthUTF8(text) AS size,
    multiMatchAllIndices(text, {patterns:Array(String)}) AS words,
    multiMatchAllIndices(text, {whole_patterns:Array(String)}) AS whole
  FROM messages
  WHERE project = {project:String}
    AND at >= {earliest:DateTime64(6, 'UTC')}
    AND kind = 'message'
    AND multiMatchAny(text, {patterns:Array(String)})
    AND cityHash64(tenant, conversation) IN (SELECT cityHash64(tenant, id) FROM filtered)
),
scored AS (
  SELECT
    tenant, conversation, id, at, words,
    sumForEach(arrayMap(i -> toUInt64(has(words, i)), arrayEnumerate({patterns:Array(String)})))
      OVER () AS known,
    count() OVER () AS every,
    avg(size) OVER () AS usual,
    arraySum(i -> log(1 + (every - known[i] + 0.5) / (known[i] + 0.5)) * (1 + has(whole, i)), words)
      * 2.2 / (1 + 1.2 * (0.25 + 0.75 * size / usual)) AS score
  FROM hit
)
SELECT
  tenant,
  conversation,
  argMax(id, (score, -toUnixTimestamp64Micro(at), id)) AS message,
  max(score) AS best,
  count() OVER () AS total
FROM scored
GROUP BY tenant, conversation
HAVING length(groupUniqArrayArray(words)) = length({patterns:Array(String)})
ORDER BY best DESC, max(at) DESC, tenant, conversation
LIMIT {limit:UInt32}
