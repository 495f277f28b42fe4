"""Buckets: the days, weeks and months of a time zone that a span is told in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from causerie.zones import DEFAULT_ZONE, day_of, midnight

Value = TypeVar("Value")
WHOLE = None
"""In the place of a bucket: all of a span."""


def bucket_starts(
    since: datetime, until: datetime, period: str, zone: str = DEFAULT_ZONE
) -> Iterator[date]:
    """The first days of all buckets that a span touches, in that zone."""
    start = bucket_start(day_of(since, zone), period)
    while midnight(start, zone) < until:
        yield start
        start = bucket_end(start, period)


def bucket_start(day: date, period: str) -> date:
    """The first day of the day's week (Monday) or month, or the day itself."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "month" else day


def bucket_end(start: date, period: str) -> date:
    """The first day after a bucket."""
    return bucket_start(start + timedelta(days={"day": 1, "week": 7, "month": 31}[period]), period)


def spans(
    rows: Iterable[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Value]
) -> tuple[dict[date | None, Value], dict[date | None, Value]]:
    """What the rows of a span and of the one before it come to, each by bucket and as a whole."""
    now: dict[date | None, Value] = {}
    before: dict[date | None, Value] = {}
    for row in rows:
        (now if row["is_now"] else before)[WHOLE if row["whole"] else row["bucket"]] = read(row)
    return now, before
