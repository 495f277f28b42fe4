-- A row per part and bucket of the conversations that a question is about, and one per part of the
-- whole span, whose bucket is 1970-01-01. Squares tell how much conversations differ. Only what the
-- metric is worked out of is summed.
WITH
--include reports/filtered
,
--include reports/bucketing
,
--include reports/lineage
,
--when wants_people
--include people
,
--end
--when split=standing
--include came
,
--end
--when metric=pass_rate
--include judged
,
--end
--when split=evaluation
--include evaluated
,
--end
--include valued
,
--include parted
SELECT
  part.1 AS kind,
  part.2 AS name,
  part.3 AS within,
  bucket,
--when metric=messages metric=messages_per_conversation
  sum(said) AS messages,
  sum(toFloat64(said) * said) AS messages_squared,
--end
--when metric=user_messages
  sum(asked) AS user_messages,
  sum(toFloat64(asked) * asked) AS user_messages_squared,
--end
--when metric=assistant_messages
  sum(answered) AS assistant_messages,
  sum(toFloat64(answered) * answered) AS assistant_messages_squared,
--end
--when metric=users wants_people
  uniqExactIf(person, named) AS users,
--end
--when metric=daily_active_users
  uniqExactIf((person, day), named) AS user_days,
--end
--when wants_people
  uniqExactIf(person, named AND first >= {begun:DateTime64(6, 'UTC')}) AS new_in_span,
  uniqExactIf(person, named AND first >= {begun:DateTime64(6, 'UTC')}
    AND bucket_of(first) = bucket_of(at)) AS new_in_bucket,
--end
--when metric=rating metric=thumbs_up_share metric=rated_messages
  sum(up) AS thumbs_up,
  sum(down) AS thumbs_down,
  sum(toFloat64(up) * up) AS up_squared,
  sum(toFloat64(up) * (up + down)) AS up_rated,
  sum(toFloat64(up + down) * (up + down)) AS rated_squared,
  countIf(up + down > 0) AS raters,
--end
--when metric=pass_rate
  sum(good) AS passed,
  sum(good + bad) AS decided,
  sum(toFloat64(good) * good) AS passed_squared,
  sum(toFloat64(good) * (good + bad)) AS passed_decided,
  sum(toFloat64(good + bad) * (good + bad)) AS decided_squared,
  countIf(good + bad > 0) AS talks_decided,
  sum(open) AS undecided,
--end
--when metric=mood
  sum(ifNull(mood * weight, 0)) AS feeling,
  sum(weight) AS scored,
  sum(ifNull(mood * mood * weight * weight, 0)) AS feeling_squared,
  sum(ifNull(mood * weight * weight, 0)) AS feeling_scored,
  sum(toFloat64(weight) * weight) AS scored_squared,
--end
--when metric=mood metric=positive_share metric=negative_share
  count(mood) AS felt,
--end
--when metric=positive_share
  countIf(ifNull(mood > {margin:Float64}, false)) AS positive,
--end
--when metric=negative_share
  countIf(ifNull(mood < -{margin:Float64}, false)) AS negative,
--end
--when metric=languages told
  countIf(is_understood) AS understood,
--end
--when metric=languages
  uniqExactIf(spoken, spoken NOT IN ('', 'und')) AS languages,
--end
--when told
  sumForEach(arrayMap(s -> toUInt64(is_understood AND has(heard, s)), {told:Array(String)})) AS signalled,
--end
  count() AS conversations
FROM parted
ARRAY JOIN parts AS part
GROUP BY GROUPING SETS ((part, bucket), (part))
ORDER BY kind, name, within, bucket
