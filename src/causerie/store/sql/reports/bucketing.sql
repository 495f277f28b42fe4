-- The first day of the day, week (from Monday) or month of a moment, in the zone that is asked for.
-- Hours are counted from the beginning of the span, as days after 1970-01-01.
at -> multiIf(
  {period:String} = 'week', toMonday(at, {zone:String}),
  {period:String} = 'month', toStartOfMonth(at, {zone:String}),
  {period:String} = 'hour',
    toDate(toUInt16(1 + dateDiff('hour', {since:DateTime64(6, 'UTC')}, at))),
  toDate(at, {zone:String})) AS bucket_of
