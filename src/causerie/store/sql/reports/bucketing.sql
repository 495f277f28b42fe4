-- The first day of the day, week (from Monday) or month of a moment, in the zone that is asked for.
-- Hours are counted from the beginning of the span, as days after 1970-01-01.
at -> (
--when period=week
  toMonday(at, {zone:String})
--end
--when period=month
  toStartOfMonth(at, {zone:String})
--end
--when period=hour
  toDate(toUInt16(1 + dateDiff('hour', {since:DateTime64(6, 'UTC')}, at)))
--end
--unless period=week period=month period=hour
  toDate(at, {zone:String})
--end
) AS bucket_of
