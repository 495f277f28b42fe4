"""How far a number may be off: intervals hold the true number 19 times out of 20, and say little of
little.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from causerie.uncertainty import UNKNOWN, Clumps, Value, clumped_share, counted, divided, share

SEED = 5
TRIES = 1_500


def clumps(numbers: np.ndarray, by: np.ndarray) -> Clumps:
    """The sums over conversations with these numbers."""
    products = (numbers**2, numbers * by, by**2)
    number, of, *rest = (float(each.sum()) for each in (numbers, by, *products))
    return Clumps(number, of, rest[0], rest[1], rest[2], int((by > 0).sum()))


def holds(value: Value, true: float) -> bool:
    return value.low is not None and value.high is not None and value.low <= true <= value.high


@pytest.mark.parametrize("rate", [3.0, 40.0])
def test_a_count_holds_what_it_counts(rate: float) -> None:
    source = np.random.default_rng(SEED)
    counts = [int(n) for n in source.poisson(rate, TRIES)]
    held = [holds(counted(n, float(n), n), rate) for n in counts]
    assert 0.92 < np.mean(held) < 0.99


def test_what_comes_in_clumps_scatters_more() -> None:
    source = np.random.default_rng(SEED)
    held = []
    for conversations in source.poisson(30, TRIES):
        sizes = source.geometric(0.2, conversations)
        held.append(holds(counted(int(sizes.sum()), float((sizes**2).sum()), 1), 150.0))
    assert 0.92 < np.mean(held) < 0.98


@pytest.mark.parametrize(("true", "of"), [(0.03, 40), (0.5, 12), (0.9, 200)])
def test_a_share_holds_the_true_one(true: float, of: int) -> None:
    found = np.random.default_rng(SEED).binomial(of, true, TRIES)
    held = [holds(share(int(part), of), true) for part in found]
    assert 0.91 < np.mean(held) < 0.99


def test_a_mean_over_conversations_that_differ_holds_the_true_one() -> None:
    source = np.random.default_rng(SEED)
    held = []
    for _ in range(TRIES):
        sizes = source.integers(1, 9, 40)
        moods = source.normal(0.1, 0.3, 40)
        held.append(holds(divided(clumps(moods * sizes, sizes), 1, -1, 1), 0.1))
    assert 0.91 < np.mean(held) < 0.98


def test_thumbs_of_one_conversation_are_not_as_many_opinions() -> None:
    source = np.random.default_rng(SEED)
    held = []
    for _ in range(TRIES):
        thumbs = source.integers(1, 9, 50)
        up = thumbs * (source.random(50) < 0.7)
        held.append(holds(clumped_share(clumps(up.astype(float), thumbs)), 0.7))
    assert 0.91 < np.mean(held) < 0.98


def test_nothing_is_known_of_nothing() -> None:
    assert share(0, 0) == divided(Clumps(0, 0, 0, 0, 0, 0), 0) == UNKNOWN
    assert counted(0, 0.0, 0).low == 0.0
    assert counted(0, 0.0, 0).high == pytest.approx(3.84, abs=0.01)


def test_one_conversation_tells_nothing_of_how_they_differ() -> None:
    alone = divided(Clumps(3, 4, 9, 12, 16, 1), 4)
    assert (alone.value, alone.low, alone.high) == (0.75, None, None)


def test_all_of_few_is_not_certain() -> None:
    assert share(3, 3).low == pytest.approx(0.44, abs=0.01)
    assert clumped_share(Clumps(3, 3, 9, 9, 9, 1)).low == pytest.approx(0.21, abs=0.01)


def test_money_stays_exact() -> None:
    assert counted(Decimal("0.1") + Decimal("0.2"), 0.05, 2).value == Decimal("0.3")


def test_numbers_differ_only_beyond_chance() -> None:
    def of(n: int) -> Value:
        return counted(n, float(n), n)

    assert not of(100).differs(of(115)) and of(100).differs(of(150))
    assert not UNKNOWN.differs(of(3)) and not of(3).differs(UNKNOWN)
    # As often as chance has it, two of the same are told to differ.
    source = np.random.default_rng(SEED)
    pairs = source.poisson(20, (TRIES, 2))
    assert np.mean([of(int(a)).differs(of(int(b))) for a, b in pairs]) < 0.06
