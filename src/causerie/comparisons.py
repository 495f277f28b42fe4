"""Whether some days differ from those before them by more than chance: amounts, shares, means.

How far days scatter is taken from the days before, never assumed: people who come often, noisy days
and weekends are in it. Small numbers are asked of exact distributions too, and the larger of both
probabilities counts. Days follow upon each other; what was before ends where now begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, sqrt

import numpy as np

WEEK = 7
WEEKDAYS_DAYS_MIN = 21
"""With so many days before, each weekday is compared with its like."""
DAYS_MIN = 7
"""Fewer days before tell nothing of how far days scatter."""
NEAR = 3 / 8
"""Anscombe's: what makes the root of a small count scatter as that of a large one does."""


@dataclass(frozen=True)
class Comparison:
    """A number now, what was to be expected of it, and how likely so large a difference is where
    nothing changed. `sample` and `sample_before` are what the two are made of.
    """

    now: float
    before: float
    chance: float
    sample: float
    sample_before: float

    @property
    def rises(self) -> bool:
        return self.now > self.before


@dataclass(frozen=True)
class Parts:
    """Some of all, or a sum over a weight, day by day."""

    hits: Sequence[float]
    of: Sequence[float]

    @property
    def totals(self) -> tuple[float, float]:
        return float(sum(self.hits)), float(sum(self.of))


def compare_amounts(
    now: Sequence[float], before: Sequence[float], *, counted: bool = True
) -> Comparison | None:
    """The sum of some days against as many usual ones, each weekday for itself where there are
    enough. `counted` are things that come one by one, else amounts such as money. None with fewer
    than `DAYS_MIN` days before.
    """
    if len(before) < DAYS_MIN:
        return None
    usual, scatter, freedom = _usual_days(before, counted=counted)
    places = [(len(before) + day) % WEEK for day in range(len(now))]
    expected, total = sum(usual[place] for place in places), float(sum(now))
    days_like = [len(range(place, len(before), WEEK)) for place in range(WEEK)]
    own = [places.count(place) for place in range(WEEK)]
    if len(before) < WEEKDAYS_DAYS_MIN:
        learnt = len(now) ** 2 * usual[0] / len(before)
    else:
        learnt = sum(own[at] ** 2 * usual[at] / days_like[at] for at in range(WEEK))
    variance = scatter * (expected + learnt)
    chance = _chance(_step(total, expected, variance), freedom)
    if counted:
        before_sum = float(sum(before))
        share = (
            expected / (expected + before_sum) if expected else len(now) / (len(now) + len(before))
        )
        chance = max(chance, _chance_of_split(total, before_sum, share))
    return Comparison(total, expected, chance, total, float(sum(before)))


def _usual_days(before: Sequence[float], *, counted: bool) -> tuple[list[float], float, int]:
    """The mean of each weekday, the variance as a multiple of the mean, its degrees of freedom."""
    days = np.asarray(before, float)
    if len(days) >= WEEKDAYS_DAYS_MIN:
        usual = np.array([days[place::WEEK].mean() for place in range(WEEK)])
        freedom = len(days) - WEEK
    else:
        usual = np.full(WEEK, days.mean())
        freedom = len(days) - 1
    expected = usual[np.arange(len(days)) % WEEK]
    known = expected > 0
    off = (days[known] - expected[known]) ** 2 / expected[known]
    scatter = float(off.sum() / freedom)
    return usual.tolist(), max(scatter, 1.0) if counted else scatter, freedom


def _step(total: float, expected: float, variance: float) -> float:
    """How many standard deviations apart, on the scale of roots."""
    if not variance:
        return 0.0 if total == expected else float("inf")
    near = NEAR if expected < 1e6 else 0.0
    level = sqrt(expected + near)
    return (sqrt(total + near) - level) * 2 * level / sqrt(variance)


def compare_shares(now: Parts, before: Parts, people: Parts | None = None) -> Comparison | None:
    """Some of all now against before. `people` are the same counts over the whole time, now and
    before, each person once: who comes every day is then one and not many. None where there is
    nothing to compare.
    """
    (hits, of), (hits_before, of_before) = now.totals, before.totals
    days = [(hit, all_) for hit, all_ in zip(before.hits, before.of, strict=True) if all_]
    if not of or len(days) < DAYS_MIN:
        return None
    usual, freedom = hits_before / of_before, len(days) - 1
    scatter = 1.0
    if 0 < usual < 1:
        off = sum((hit - all_ * usual) ** 2 / all_ for hit, all_ in days)
        scatter = max(off / (usual * (1 - usual)) / freedom, 1.0)
    error = sqrt(scatter * (1 / of + 1 / of_before))
    step = 2 * (_angle(hits, of) - _angle(hits_before, of_before)) / error
    once = people or Parts((hits, hits_before), (of, of_before))
    chance = max(_chance(step, freedom), chance_of_table(*once.hits, *once.of))
    return Comparison(hits / of, usual, chance, once.of[0], once.of[1])


def _angle(hits: float, of: float) -> float:
    return asin(sqrt((hits + NEAR) / (of + 2 * NEAR)))


def compare_means(now: Parts, before: Parts) -> Comparison | None:
    """The mean now against before, by how far the means of days scatter; `hits` are sums and `of`
    what they are over. None where too few days have any.
    """
    (sum_, of), (sum_before, of_before) = now.totals, before.totals
    days = [(all_, hit / all_) for hit, all_ in zip(before.hits, before.of, strict=True) if all_]
    if not of or len(days) < DAYS_MIN:
        return None
    usual, freedom = sum_before / of_before, len(days) - 1
    scatter = sum(all_ * (mean - usual) ** 2 for all_, mean in days) / freedom
    moved = sum_ / of - usual
    error = sqrt(scatter * (1 / of + 1 / of_before))
    step = moved / error if error else (0.0 if not moved else float("inf"))
    return Comparison(sum_ / of, usual, _chance(step, freedom), of, of_before)


def beyond_chance(chances: Sequence[float], rate: float) -> list[bool]:
    """Which of many may be told so that, of all that are, at most `rate` are chance on average
    (Benjamini and Hochberg). Where nothing changed at all, it is `rate` of the times that any is.
    """
    order = sorted(range(len(chances)), key=chances.__getitem__)
    told = 0
    for rank, at in enumerate(order, 1):
        if chances[at] <= rate * rank / len(chances):
            told = rank
    chosen = set(order[:told])
    return [at in chosen for at in range(len(chances))]


def _chance(step: float, freedom: int) -> float:
    """Of so many standard deviations or more, to either side (Student)."""
    # Not above: a server imports this, and would start later by a tenth.
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(step)))


def _chance_of_split(now: float, before: float, share: float) -> float:
    """Of so uneven a split of a sum whose parts fall to now with that probability."""
    from scipy.special import betainc

    total = now + before
    if not total:
        return 1.0
    more = betainc(now, total - now + 1, share) if now else 1.0
    fewer = 1 - betainc(now + 1, total - now, share) if now < total else 1.0
    return float(min(1.0, 2 * min(more, fewer)))


def chance_of_table(hits: float, hits_before: float, of: float, of_before: float) -> float:
    """Of so uneven a table, each margin as it is (Fisher), twice the smaller side."""
    hits, hits_before, of, of_before = map(round, (hits, hits_before, of, of_before))
    drawn = hits + hits_before
    least, most = max(0, drawn - of_before), min(drawn, of)
    taken = np.arange(least, most + 1)
    logs = (
        _log_ways(of, taken)
        + _log_ways(of_before, drawn - taken)
        - _log_ways(of + of_before, drawn)
    )
    likely = np.exp(logs)
    at = hits - least
    return float(min(1.0, 2 * min(likely[: at + 1].sum(), likely[at:].sum())))


def _log_ways(of: int, taken: np.ndarray | int) -> np.ndarray:
    from scipy.special import gammaln

    found: np.ndarray = gammaln(of + 1) - gammaln(taken + 1) - gammaln(of - taken + 1)
    return found
