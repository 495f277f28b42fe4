"""Visits: the days on which people come, and whether somebody is new, returning or a veteran.

A person is a user id of a tenant; a visit is a day on which at least one conversation of theirs
began. What somebody is on a day follows from all conversations they ever had, whatever else is
asked: a person is new to the product, not to a filter.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

NEW_DAYS = 7
"""Somebody is new on the day of their first conversation and the days after it, so many in all."""
VETERAN_DAYS = 28
"""A veteran's first conversation is at least so many days ago."""
VETERAN_VISITS = 4
"""And they came on at least so many days before this one."""


class Standing(StrEnum):
    """What somebody is on a day."""

    NEW = "new"
    RETURNING = "returning"
    VETERAN = "veteran"


def standing(first: date, earlier: int, day: date) -> Standing:
    """What somebody is on `day` who came for the first time on `first`, and on `earlier` days
    before `day`.
    """
    since = (day - first).days
    if since < NEW_DAYS:
        return Standing.NEW
    if since >= VETERAN_DAYS and earlier >= VETERAN_VISITS:
        return Standing.VETERAN
    return Standing.RETURNING


def parameters() -> dict[str, int]:
    """The definitions as the statements bind them."""
    return {
        "new_days": NEW_DAYS,
        "veteran_days": VETERAN_DAYS,
        "veteran_visits": VETERAN_VISITS,
    }
