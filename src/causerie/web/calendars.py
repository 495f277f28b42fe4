"""A calendar of days as a drawing: a column for each week, the deeper a day, the more there was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from causerie.buckets import bucket_start
from causerie.reports import Bucket

WEEKS_MAX = 53
STEP = 14
"""From one day to the next, in the drawing's own units."""
SHADES = (1, 2, 4, 7)
"""From so many conversations on a day is a shade deeper."""


@dataclass(frozen=True)
class Day:
    """One day, and where it stands."""

    day: date
    conversations: int
    shade: int
    """0 for nothing, up to the number of `SHADES`."""
    x: int
    y: int
    door: str


@dataclass(frozen=True)
class Month:
    """Where a month begins."""

    first: date
    x: int


@dataclass(frozen=True)
class Calendar:
    """The days of a span, at most the last `WEEKS_MAX` weeks of it."""

    days: tuple[Day, ...]
    months: tuple[Month, ...]
    width: int
    height: int = 7 * STEP


def calendar(buckets: Sequence[Bucket], door: Callable[[date], str]) -> Calendar:
    """The days of some buckets; `door` tells where one leads."""
    if not buckets:
        return Calendar((), (), 0)
    last = bucket_start(buckets[-1].start, "week")
    begin = max(bucket_start(buckets[0].start, "week"), last - timedelta(weeks=WEEKS_MAX - 1))
    shown = [bucket for bucket in buckets if bucket.start >= begin]
    days = tuple(_day(bucket, begin, door) for bucket in shown)
    firsts = [shown[0].start, *(each.start for each in shown[1:] if each.start.day == 1)]
    months = [Month(first, _column(first, begin)) for first in firsts]
    # Two names at one place cannot be read: the month that has just begun stands.
    apart = [
        month
        for month, after in zip(months, [*months[1:], None], strict=True)
        if after is None or after.x - month.x >= 3 * STEP
    ]
    return Calendar(days, tuple(apart), ((last - begin).days // 7 + 1) * STEP)


def _day(bucket: Bucket, begin: date, door: Callable[[date], str]) -> Day:
    count = bucket.totals.conversations
    return Day(
        day=bucket.start,
        conversations=count,
        shade=sum(1 for least in SHADES if count >= least),
        x=_column(bucket.start, begin),
        y=bucket.start.weekday() * STEP,
        door=door(bucket.start),
    )


def _column(day: date, begin: date) -> int:
    return (day - begin).days // 7 * STEP
