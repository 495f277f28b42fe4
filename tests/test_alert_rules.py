"""When alerts fire: not on noise, not again and again, but on what people call an outage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import pi, sin
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.alert_rules import (
    HYSTERESIS,
    RECOVERY_MIN,
    Judged,
    Reading,
    Standing,
    judge,
)
from causerie.alerts import Alert, Rule, checked_alert
from causerie.errors import Invalid

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
STEP = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


def alert(**given: Any) -> Alert:
    return Alert(id="a", project="p", name="Outage", metric="conversations", **given)


def readings(
    values: Sequence[float | None], period: str = "day", samples: Sequence[int] | int = 100
) -> list[Reading]:
    sizes = [samples] * len(values) if isinstance(samples, int) else samples
    return [
        Reading(MONDAY + STEP[period] * at, value, size)
        for at, (value, size) in enumerate(zip(values, sizes, strict=True))
    ]


def fired(watched: Alert, series: list[Reading], kind: str = "mean", since: int = 0) -> list[int]:
    """At which readings it fires."""
    judged, _ = judge(watched, kind, series, Standing(), series[since].start)
    return [since + at for at, each in enumerate(judged) if each.fires]


# ---- thresholds ----------------------------------------------------------------------------------


def test_it_fires_when_the_number_is_above_or_below() -> None:
    assert fired(alert(rule=Rule.ABOVE, threshold=10), readings([9, 11, 12, 9])) == [1]
    assert fired(alert(rule=Rule.BELOW, threshold=10), readings([12, 11, 9, 8])) == [2]
    assert fired(alert(rule=Rule.ABOVE, threshold=10), readings([10, 10, 10])) == []


def test_noise_around_a_threshold_fires_once_where_a_naive_alert_fires_dozens_of_times() -> None:
    random = Random(4)
    values = [random.gauss(99, 4) for _ in range(24 * 30)]
    naive = sum(now > 100 >= before for before, now in pairwise(values))
    assert naive > 100
    found = fired(alert(rule=Rule.ABOVE, threshold=100, period="hour"), readings(values, "hour"))
    assert len(found) == 1


def test_noise_far_around_a_threshold_is_held_down_by_lasting_and_rest() -> None:
    random = Random(5)
    values = [random.gauss(85, 25) for _ in range(24 * 30)]
    naive = sum(now > 100 >= before for before, now in pairwise(values))
    assert naive > 100
    watched = alert(rule=Rule.ABOVE, threshold=100, period="hour", lasting=4, cooldown_h=24)
    assert len(fired(watched, readings(values, "hour"))) <= 6


def test_it_fires_again_only_after_it_has_recovered() -> None:
    watched = alert(rule=Rule.ABOVE, threshold=100, cooldown_h=0)
    # 95 is not above, but no recovery either; one good day is none yet.
    assert fired(watched, readings([120, 95, 120, 95, 120])) == [0]
    assert fired(watched, readings([120, 80, 120, 80, 95, 120])) == [0]
    assert fired(watched, readings([120, 80, 80, 120])) == [0, 3]


def test_it_rests_after_it_fired() -> None:
    watched = alert(rule=Rule.ABOVE, threshold=100, cooldown_h=24 * 7)
    assert fired(watched, readings([120, 80, 80, 120, 80, 80, 120, 120])) == [0, 7]


def test_it_waits_until_it_has_lasted() -> None:
    watched = alert(rule=Rule.ABOVE, threshold=100, lasting=3)
    assert fired(watched, readings([120, 120, 80, 120, 120, 120, 120])) == [5]


def test_small_samples_and_unknown_values_are_neither_bad_nor_good() -> None:
    watched = alert(rule=Rule.ABOVE, threshold=100, sample_min=20, lasting=2)
    series = readings([120, None, 120, 500, 120], samples=[50, 0, 50, 3, 50])
    assert fired(watched, series) == [2]
    assert fired(watched, readings([500, 500, 500], samples=19)) == []


def test_a_count_is_its_own_sample() -> None:
    watched = alert(rule=Rule.BELOW, threshold=5, sample_min=20)
    assert fired(watched, readings([30, 0], samples=[30, 0]), "count") == [1]


# ---- changes -------------------------------------------------------------------------------------


def test_a_change_is_against_the_same_day_a_week_before() -> None:
    week = [100.0, 100, 100, 100, 100, 50, 40]
    watched = alert(rule=Rule.CHANGE, threshold=0.3)
    assert fired(watched, readings(week * 4)) == []
    assert fired(watched, readings([*week, *week[:5], 80, 40])) == [12]
    assert (
        fired(alert(rule=Rule.CHANGE, threshold=0.3, direction="down"), readings([*week, 150]))
        == []
    )


# ---- what is unusual -----------------------------------------------------------------------------


def busy(hour: int) -> float:
    """How much goes on in an hour of the week."""
    weekend = 0.5 if hour // 24 % 7 > 4 else 1.0
    return 40 * (1.2 + sin(hour / 24 * 2 * pi)) * weekend


def counts(seed: int, length: int, noise: float = 0.0) -> list[float]:
    random = Random(seed)
    return [
        float(max(0, round(random.gauss(level, level**0.5 + noise * level))))
        for level in map(busy, range(length))
    ]


WEEK = 24 * 7


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_nights_and_weekends_are_usual(noise: float) -> None:
    watched = alert(period="hour")
    series = readings(counts(1, WEEK * 14, noise), "hour")
    assert len(fired(watched, series, "count", since=WEEK * 8)) <= 1


def test_an_outage_is_found_within_the_hour_by_day_and_never_invented_by_night() -> None:
    values = counts(2, WEEK * 9)
    noon = WEEK * 8 + 24 + 6
    values[noon : noon + 5] = [0.0] * 5
    assert fired(alert(period="hour"), readings(values, "hour"), "count", since=WEEK * 8) == [noon]


def test_a_day_like_others_on_another_weekday_is_unusual() -> None:
    week = [100.0, 104, 97, 101, 99, 30, 20]
    random = Random(6)
    values = [random.gauss(level, 4) for level in week * 10]
    values[-2] = 100.0
    assert fired(alert(), readings(values), "count", since=63) == [68]
    assert fired(alert(direction="down"), readings(values), "count", since=63) == []


def test_a_share_of_few_must_be_further_off_than_one_of_many() -> None:
    values = [0.1, 0.12, 0.08, 0.11, 0.09] * 14
    few = readings([*values, 0.3], samples=20)
    many = readings([*values, 0.3], samples=2000)
    assert fired(alert(), few, "share", since=len(values)) == []
    assert fired(alert(), many, "share", since=len(values)) == [len(values)]


def test_with_too_few_weeks_nothing_is_unusual() -> None:
    values = [100.0] * 26
    assert fired(alert(), readings([*values, 0.0])) == []
    assert fired(alert(), readings([100.0] * 35 + [0.0]), "count") == [35]


def test_what_was_expected_is_told() -> None:
    judged, _ = judge(
        alert(), "count", readings([100.0] * 57), Standing(), MONDAY + 56 * STEP["day"]
    )
    (latest,) = judged
    assert latest.range is not None
    assert 50 < latest.range.low < latest.range.calm_low < 100 < latest.range.calm_high
    assert latest.range.calm_high < latest.range.high < 160


# ---- what always holds ---------------------------------------------------------------------------

numbers = st.lists(st.one_of(st.none(), st.floats(0, 200)), min_size=1, max_size=60)
watched_ones = st.builds(
    lambda rule, lasting, rest: alert(rule=rule, threshold=100, lasting=lasting, cooldown_h=rest),
    st.sampled_from([Rule.ABOVE, Rule.BELOW]),
    st.integers(1, 4),
    st.integers(0, 100),
)


@given(numbers, watched_ones, st.data())
@settings(max_examples=150, deadline=None)
def test_judged_in_parts_is_judged_at_once(
    values: list[float | None], watched: Alert, data: st.DataObject
) -> None:
    series = readings(values)
    cut = data.draw(st.integers(0, len(series)))
    at_once, last = judge(watched, "mean", series, Standing(), MONDAY)
    first, between = judge(watched, "mean", series[:cut], Standing(), MONDAY)
    rest: list[Judged] = []
    end = between
    if cut < len(series):
        rest, end = judge(watched, "mean", series, between, series[cut].start)
    assert [*first, *rest] == at_once
    assert end == last


@given(numbers, watched_ones)
@settings(max_examples=150, deadline=None)
def test_between_two_firings_it_has_recovered_and_rested(
    values: list[float | None], watched: Alert
) -> None:
    found = fired(watched, readings(values))
    calm = 100 * (1 - HYSTERESIS) if watched.rule is Rule.ABOVE else 100 * (1 + HYSTERESIS)
    for earlier, later in pairwise(found):
        between = [value for value in values[earlier + 1 : later] if value is not None]
        well = [value <= calm if watched.rule is Rule.ABOVE else value >= calm for value in between]
        assert sum(well) >= max(watched.lasting, RECOVERY_MIN)
        assert (later - earlier) * 24 >= watched.cooldown_h


def test_what_cannot_be_watched_is_refused() -> None:
    wrongs: tuple[dict[str, Any], ...] = (
        {"name": ""},
        {"period": "month"},
        {"lasting": 0},
        {"cooldown_h": -1},
        {"threshold": float("nan")},
        {"rule": Rule.CHANGE, "threshold": 0},
        {"direction": "left"},
    )
    right: dict[str, Any] = {"id": "a", "project": "p", "name": "n", "metric": "m"}
    for wrong in wrongs:
        with pytest.raises(Invalid):
            checked_alert(Alert(**{**right, **wrong}))
