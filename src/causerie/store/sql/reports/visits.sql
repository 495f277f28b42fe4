-- The days on which people came, each with what they were then: new, returning or veteran. It
-- follows from all there ever was, whatever else is asked.
SELECT
  tenant, user, day,
  multiIf(
    dateDiff('day', days[1], day) < {new_days:UInt16}, 'new',
    dateDiff('day', days[1], day) >= {veteran_days:UInt16} AND number > {veteran_visits:UInt16},
      'veteran',
    'returning') AS standing
FROM (
  SELECT tenant, user, arraySort(groupUniqArray(toDate(started_at, {zone:String}))) AS days
  FROM conversations FINAL
  WHERE project = {project:String} AND user != ''
  GROUP BY tenant, user)
ARRAY JOIN days AS day, arrayEnumerate(days) AS number
