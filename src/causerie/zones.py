"""Time zones: which there are, when a day begins in one, and which day it is there.

A day is from one midnight to the next, so that it has 23 or 25 hours when clocks change. Where no
clock shows midnight on such a day, it begins with the first moment that they show.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from causerie.errors import Invalid
from causerie.wording import say

DEFAULT_ZONE = "UTC"
AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)
"""What names of places begin with. Others are old names of theirs, or offsets with a wrong sign."""


@cache
def zone_names() -> tuple[str, ...]:
    """Every zone that can be chosen, UTC first, then by name."""
    named = (name for name in available_timezones() if name.partition("/")[0] in AREAS)
    return (DEFAULT_ZONE, *sorted(name for name in named if "/" in name))


def check_zone(name: str) -> str:
    """The name as it came. Raises Invalid where there is no such zone."""
    if name not in zone_names():
        raise Invalid(
            say("zone: the name of a time zone such as Europe/Paris is expected"), field="zone"
        )
    return name


def day_of(at: datetime, zone: str) -> date:
    """Which day it is there at that moment."""
    return at.astimezone(ZoneInfo(zone)).date()


def midnight(day: date, zone: str) -> datetime:
    """When a day begins there, in UTC."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def days_before(at: datetime, days: int, zone: str) -> datetime:
    """The moment at which clocks there showed the same so many days earlier, in UTC."""
    return (at.astimezone(ZoneInfo(zone)) - timedelta(days=days)).astimezone(UTC)


def days_between(since: datetime, until: datetime, zone: str) -> int:
    """How many days there are from one moment to another by the clocks there; begun ones count."""
    place = ZoneInfo(zone)
    shown = until.astimezone(place).replace(tzinfo=None) - since.astimezone(place).replace(
        tzinfo=None
    )
    return -(-shown // timedelta(days=1))
