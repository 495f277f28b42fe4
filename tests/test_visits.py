"""Who is new, returning and a veteran."""

from __future__ import annotations

from datetime import date, timedelta

from causerie.visits import NEW_DAYS, VETERAN_DAYS, VETERAN_VISITS, Standing, standing

FIRST = date(2026, 3, 1)


def on(days: int, earlier: int) -> Standing:
    return standing(FIRST, earlier, FIRST + timedelta(days=days))


def test_somebody_is_new_for_a_week_however_often_they_come() -> None:
    assert on(0, 0) is Standing.NEW
    assert on(NEW_DAYS - 1, NEW_DAYS - 1) is Standing.NEW
    assert on(NEW_DAYS, 1) is Standing.RETURNING


def test_a_veteran_came_long_ago_and_often() -> None:
    assert on(VETERAN_DAYS, VETERAN_VISITS) is Standing.VETERAN
    assert on(VETERAN_DAYS - 1, VETERAN_VISITS) is Standing.RETURNING
    assert on(VETERAN_DAYS, VETERAN_VISITS - 1) is Standing.RETURNING
