-- The first day of the day, week (from Monday) or month of a moment, in the zone that is asked for.
at -> multiIf(
  {period:String} = 'week', toMonday(at, {zone:String}),
  {period:String} = 'month', toStartOfMonth(at, {zone:String}),
  toDate(at, {zone:String})) AS bucket_of
