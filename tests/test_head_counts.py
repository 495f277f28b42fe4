"""How long a count of people stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from causerie.head_counts import HeadCount

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def stands(took_s: float, age_s: float, of: str = "t") -> bool:
    ended = NOON + timedelta(seconds=took_s)
    count = HeadCount(NOON, ended, {"topics": ["t"]}, {})
    return count.stands(ended + timedelta(seconds=age_s), {"topics": [of]})


def test_a_count_stands_thirty_times_as_long_as_it_took_between_a_second_and_a_minute() -> None:
    assert stands(0.01, 0.9) and not stands(0.01, 1.1)
    assert stands(1, 29) and not stands(1, 31)
    assert stands(10, 59) and not stands(10, 61)


def test_a_count_of_other_topics_or_of_a_clock_that_went_back_does_not_stand() -> None:
    assert stands(10, 0)
    assert not stands(10, 0, of="another") and not stands(10, -1)
