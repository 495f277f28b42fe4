-- From the ids of topics as they are kept to those that they count for: what each was made a part
-- of, and the themes that is in.
ids -> arrayDistinct(arrayFilter(id -> id != '', arrayConcat(
  arrayMap(id -> transform(toString(id), {kept_ids:Array(String)}, {targets:Array(String)}, toString(id)), ids),
  arrayMap(id -> transform(toString(id), {kept_ids:Array(String)}, {parents:Array(String)}, ''), ids),
  arrayMap(id -> transform(toString(id), {kept_ids:Array(String)}, {elders:Array(String)}, ''), ids)))) AS ancestry
