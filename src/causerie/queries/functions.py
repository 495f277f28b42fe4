"""What typed SQL may call: functions that only compute, in time that grows with what they get.

Left out is whatever reads a file, an address, a dictionary, a setting or another table, tells of
the server, waits, fails on purpose, or takes the name of a function or table as a text.
"""

from __future__ import annotations

AGGREGATES = """
    any anyLast argMax argMin avg avgWeighted boundingRatio corr count covarPop covarSamp deltaSum
    entropy first_value groupArray groupArraySample groupConcat groupUniqArray histogram kurtPop
    kurtSamp last_value max median min quantile quantileExact quantileExactWeighted
    quantileTDigest quantiles quantilesExact quantilesTDigest rankCorr retention
    simpleLinearRegression skewPop skewSamp stddevPop stddevSamp sum sumCount
    sumWithOverflow topK topKWeighted uniq uniqCombined uniqExact uniqUpTo varPop varSamp
    windowFunnel
"""
COMBINATORS = ("", "If", "Array", "ArrayIf", "Distinct", "DistinctIf", "OrNull", "OrNullIf", "Map")
WINDOWS = """
    cume_dist dense_rank lag lagInFrame lead leadInFrame nth_value ntile percent_rank rank
    row_number
"""
TIMES = """
    addDays addHours addMinutes addMonths addQuarters addSeconds addWeeks addYears age dateDiff
    dateName date_diff formatDateTime fromUnixTimestamp makeDate makeDateTime now now64
    parseDateTimeBestEffortOrNull parseDateTimeBestEffortOrZero subtractDays subtractHours
    subtractMinutes subtractMonths subtractQuarters subtractSeconds subtractWeeks subtractYears
    timeSlot toDate toDate32 toDateOrNull toDateTime toDateTime64 toDateTime64OrNull
    toDateTimeOrNull toDayOfMonth toDayOfWeek toDayOfYear toHour toISOWeek toISOYear
    toIntervalDay toIntervalHour toIntervalMinute toIntervalMonth toIntervalQuarter
    toIntervalSecond toIntervalWeek toIntervalYear toLastDayOfMonth toLastDayOfWeek toMinute
    toMonday toMonth toQuarter toRelativeDayNum toRelativeHourNum toRelativeMonthNum
    toRelativeWeekNum toSecond toStartOfDay toStartOfFifteenMinutes toStartOfFiveMinutes
    toStartOfHour toStartOfISOYear toStartOfInterval toStartOfMinute toStartOfMonth
    toStartOfQuarter toStartOfSecond toStartOfTenMinutes toStartOfWeek toStartOfYear toTimeZone
    toUnixTimestamp toUnixTimestamp64Micro toUnixTimestamp64Milli toWeek toYYYYMM toYYYYMMDD toYear
    toYearWeek today yesterday
"""
TEXTS = """
    base64Decode base64Encode char concat concatWithSeparator countSubstrings
    countSubstringsCaseInsensitive empty endsWith extract extractAll hasToken
    hasTokenCaseInsensitive initcap initcapUTF8 isValidUTF8 left leftPad leftPadUTF8 leftUTF8 length
    lengthUTF8 like ilike notLike notILike locate lower lowerUTF8 match notEmpty position
    positionCaseInsensitive positionCaseInsensitiveUTF8 positionUTF8 replace replaceAll replaceOne
    replaceRegexpAll replaceRegexpOne reverse reverseUTF8 right rightPad rightPadUTF8 rightUTF8
    splitByChar splitByNonAlpha splitByRegexp splitByString splitByWhitespace startsWith
    substring substringIndex substringUTF8 toValidUTF8 trim trimBoth trimLeft trimRight upper
    upperUTF8
    arrayStringConcat alphaTokens domain domainWithoutWWW path protocol queryString topLevelDomain
    cutQueryString decodeURLComponent encodeURLComponent extractURLParameter hex unhex
    cityHash64 xxHash64 sipHash64 MD5 SHA256
"""
LISTS = """
    array arrayAll arrayAvg arrayCompact arrayConcat arrayCount arrayCumSum arrayDifference
    arrayDistinct arrayElement arrayElementOrNull arrayEnumerate arrayEnumerateUniq arrayExists
    arrayFilter arrayFirst arrayFirstIndex arrayFlatten arrayIntersect arrayJoin arrayLast
    arrayLastIndex arrayMap arrayMax arrayMin arrayPopBack arrayPopFront arrayPushBack
    arrayPushFront arrayReverse arrayReverseSort arrayRotateLeft arraySlice arraySort arraySum
    arrayUniq arrayZip countEqual has hasAll hasAny indexOf map mapAdd mapContains mapFilter
    mapFromArrays mapKeys mapApply mapValues range tuple tupleElement
"""
NUMBERS = """
    abs acos asin atan atan2 bitAnd bitCount bitOr bitShiftLeft bitShiftRight bitXor cbrt ceil
    clamp cos degrees divide e exp exp10 exp2 factorial floor gcd greatest intDiv intDivOrZero
    isFinite isInfinite isNaN lcm least log log10 log1p log2 minus modulo multiply negate pi plus
    positiveModulo pow power radians rand randCanonical round roundBankers roundDown roundToExp2
    sign sin sqrt tan tanh truncate widthBucket formatReadableDecimalSize formatReadableQuantity
    formatReadableSize formatReadableTimeDelta bar
"""
CHOICES = """
    and assumeNotNull coalesce equals greater greaterOrEquals if ifNotFinite ifNull isDistinctFrom
    isNotNull isNull isZeroOrNull less lessOrEquals multiIf not notEquals nullIf or toNullable
    transform xor
"""
CONVERSIONS = """
    materialize toBool toDecimal32 toDecimal64 toDecimal128 toDecimal64OrNull
    toFixedString toFloat32 toFloat64 toFloat64OrNull toFloat64OrZero toInt8 toInt16 toInt32
    toInt32OrNull toInt32OrZero toInt64 toInt64OrNull toInt64OrZero toString toTypeName toUInt8
    toUInt16 toUInt32 toUInt32OrNull toUInt32OrZero toUInt64 toUInt64OrNull toUInt64OrZero
    toUUIDOrNull
"""
JSON = """
    JSONExtractArrayRaw JSONExtractBool JSONExtractFloat JSONExtractInt
    JSONExtractKeys JSONExtractKeysAndValues JSONExtractRaw JSONExtractString JSONExtractUInt
    JSONHas JSONLength JSONType isValidJSON simpleJSONExtractInt simpleJSONExtractString
    simpleJSONExtractFloat simpleJSONHas toJSONString
"""
COMPUTED = " ".join((TIMES, TEXTS, LISTS, NUMBERS, CHOICES, CONVERSIONS, JSON)).split()
FUNCTIONS = {
    name.lower(): name
    for name in (
        *COMPUTED,
        *WINDOWS.split(),
        *(name + suffix for name in AGGREGATES.split() for suffix in COMBINATORS),
    )
}
"""As the engine spells them, by their names in small letters."""
FUNCTIONS |= {"date": "toDate", "substr": "substring", "char_length": "lengthUTF8"}
UNIT_FIRST = frozenset({"datediff", "date_diff", "age", "datename"})
"""Whose first argument is a unit, which people write without quotes."""
UNITS = {
    unit: f"toInterval{unit.capitalize()}"
    for unit in ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
}
PARTS = {
    "year": "toYear",
    "quarter": "toQuarter",
    "month": "toMonth",
    "week": "toISOWeek",
    "day": "toDayOfMonth",
    "dow": "toDayOfWeek",
    "doy": "toDayOfYear",
    "hour": "toHour",
    "minute": "toMinute",
    "second": "toSecond",
}
"""What EXTRACT takes."""
TYPES = {
    name.lower(): name
    for name in [
        "Array",
        "Bool",
        "Date",
        "Date32",
        "DateTime",
        "DateTime64",
        "Decimal",
        "Decimal32",
        "Decimal64",
        "Decimal128",
        "FixedString",
        "Float32",
        "Float64",
        "Int8",
        "Int16",
        "Int32",
        "Int64",
        "LowCardinality",
        "Map",
        "Nullable",
        "String",
        "Tuple",
        "UInt8",
        "UInt16",
        "UInt32",
        "UInt64",
        "UUID",
    ]
} | {"integer": "Int64", "int": "Int64", "bigint": "Int64", "double": "Float64", "text": "String"}
TYPES |= {"float": "Float64", "varchar": "String", "boolean": "Bool", "timestamp": "DateTime"}
