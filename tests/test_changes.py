"""Changes: an arrow only for what is beyond chance."""

from __future__ import annotations

from random import Random

import pytest

from causerie.reports import Totals
from causerie.web.changes import (
    Change,
    compare,
    count_change,
    exact_share_change,
    mood_change,
    share_change,
    sure_together,
)


@pytest.mark.parametrize(
    ("now", "before", "rises", "falls"),
    [
        (142, 100, True, False),
        (100, 142, False, True),
        (12, 9, False, False),
        (1000, 1010, False, False),
        (0, 0, False, False),
        (5, 0, True, False),
        (3, 0, False, False),
    ],
)
def test_a_count_moves_only_beyond_chance(now: int, before: int, rises: bool, falls: bool) -> None:
    change = count_change(now, before)
    assert (change.rises, change.falls) == (rises, falls)


def test_growth_from_nothing_has_no_percentage() -> None:
    assert count_change(5, 0).share is None
    assert count_change(150, 100).share == 0.5


def test_messages_that_come_in_conversations_scatter_more() -> None:
    assert count_change(1100, 1000).rises
    assert not count_change(1100, 1000, clump=10).rises
    changes = compare(
        Totals(conversations=110, messages=1100), Totals(conversations=100, messages=1000)
    )
    assert not changes.messages.rises


def test_a_share_of_few_does_not_move() -> None:
    assert not share_change(3, 4, 1, 4).rises
    assert share_change(300, 400, 200, 400).rises
    assert share_change(300, 400, 200, 400).share == pytest.approx(0.25)
    assert not share_change(4, 4, 4, 4).sure


def test_a_share_of_nobody_is_unknown() -> None:
    change = share_change(0, 0, 1, 2)
    assert (change.now, change.share, change.sure) == (None, None, False)


def test_a_tenfold_rise_is_told_by_the_number_before() -> None:
    assert count_change(5_000, 5).leaps and count_change(1_000, 100).leaps
    assert not count_change(999, 100).leaps and not count_change(3, 0).leaps


@pytest.mark.parametrize(
    ("before", "falls"), [(0.3, True), (-0.05, False)], ids=["beyond chance", "may be chance"]
)
def test_a_mood_falls_when_conversations_differ_less_than_it_does(
    before: float, falls: bool
) -> None:
    now = Totals(sentiment=-0.1, scored=80, felt=50, spread=0.2)
    change = mood_change(now, Totals(sentiment=before, scored=80, felt=50, spread=0.2))
    # The error is the root of 0.2 / 50 + 0.2 / 50: 0.089.
    assert (change.falls, change.rises) == (falls, False)


def test_a_mood_of_one_conversation_is_compared_with_none() -> None:
    one = Totals(sentiment=-0.9, scored=3, felt=1)
    assert not mood_change(one, Totals(sentiment=0.9, scored=9, felt=9, spread=0.0)).falls
    assert mood_change(one, Totals()).share is None


def test_the_interval_of_a_difference_is_newcombe_s() -> None:
    # The example of Newcombe, 1998, method 10: 56 of 70 against 48 of 80.
    change = exact_share_change(56, 70, 48, 80)
    assert change.interval is not None
    assert [round(end, 4) for end in change.interval] == [0.0524, 0.3339]
    assert exact_share_change(0, 0, 1, 2).interval is None


def test_of_many_changes_few_are_sure_by_chance() -> None:
    draw = Random(4)
    worlds = 0
    for _ in range(100):
        changes = {}
        for number in range(40):
            share = draw.uniform(0.02, 0.3)
            now, before = (sum(draw.random() < share for _ in range(150)) for _ in range(2))
            changes[str(number)] = exact_share_change(now, 150, before, 150)
        worlds += any(change.sure for change in sure_together(changes).values())
    assert worlds <= 10


def test_what_moved_is_found_among_many_that_did_not() -> None:
    same = {str(number): exact_share_change(20, 200, 20, 200) for number in range(60)}
    moved = {"up": exact_share_change(60, 200, 20, 200), "new": Change(0.1, None, None, sure=False)}
    told = sure_together({**same, **moved})
    assert [name for name, change in told.items() if change.sure] == ["up"]
    assert told["up"].rises
