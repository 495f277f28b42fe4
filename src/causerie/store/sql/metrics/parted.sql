-- Each of `valued` with its parts: the whole (0), the named ones that are shown (1), and what else
-- there is (2).
parted AS (
  SELECT
    *,
--when split
    arrayConcat([(toUInt8(0), '', '')], arrayDistinct(arrayMap(
      v -> if(has(arrayZip({names:Array(String)}, {withins:Array(String)}), v),
              (toUInt8(1), v.1, v.2), (toUInt8(2), '', '')),
      values))) AS parts
--end
--unless split
    [(toUInt8(0), '', '')] AS parts
--end
  FROM valued
)
