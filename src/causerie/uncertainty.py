"""Value: a number with what it is made of, and how far it may be off by chance.

Each interval is where the number would be 19 times out of 20 if what was counted were a sample of
what could have happened. What comes in clumps (messages in conversations, calls in turns) counts
as the clumps do.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

SURE = 1.96
"""Standard errors that hold the true number 19 times out of 20."""
SAMPLE_MIN = 10
"""A mean or share that is made of fewer is shown as a small sample."""
Number = int | float | Decimal


@dataclass(frozen=True)
class Value:
    """A number; None where nothing is known of it."""

    value: Number | None
    sample: int = 0
    """How many conversations, messages, thumbs or calls it is made of."""
    low: float | None = None
    """Where the interval begins and ends; None where it has no such end, or none can be told."""
    high: float | None = None
    missing: int = 0
    """How many more it would be made of, if more were known of them: calls without a price."""

    def differs(self, other: Value) -> bool:
        """Whether two numbers are further apart than chance brings them."""
        if self.value is None or other.value is None:
            return False
        apart = abs(float(self.value) - float(other.value))
        one, two = self._half(other.value), other._half(self.value)
        return one is not None and two is not None and apart > sqrt(one**2 + two**2)

    def _half(self, towards: Number) -> float | None:
        """How far the interval reaches on the side of another number."""
        assert self.value is not None
        end = self.high if float(towards) > float(self.value) else self.low
        return None if end is None else abs(end - float(self.value))


UNKNOWN = Value(None)


def counted(value: Number, squares: float, sample: int, per: float = 1.0) -> Value:
    """A sum over what happens independently; `squares` is the sum of the squares of what was added
    up, and the number is told for each of `per`.
    """
    total = float(value)
    clump = squares / total if total else 1.0
    happened, spread = total / clump, SURE**2 / 2
    half = SURE * sqrt(happened + SURE**2 / 4)
    told = value if per == 1.0 else total / per
    low, high = (clump * max(happened + spread + side, 0.0) / per for side in (-half, half))
    return Value(told, sample, low, high)


def share(part: int, of: int, clump: float = 1.0) -> Value:
    """A part of what was counted, by Wilson; None of nothing. `clump` is how many go together."""
    if not of:
        return UNKNOWN
    value, weight = part / of, SURE**2 * max(clump, 1.0) / of
    middle = (value + weight / 2) / (1 + weight)
    half = sqrt(weight * value * (1 - value) + weight**2 / 4) / (1 + weight)
    return Value(value, of, max(middle - half, 0.0), min(middle + half, 1.0))


@dataclass(frozen=True)
class Clumps:
    """Sums over conversations, of a number, of what it is divided by, and of their products."""

    number: float
    by: float
    squared: float
    crossed: float
    by_squared: float
    count: int

    @property
    def error(self) -> float | None:
        """The standard error of the quotient; None where one conversation is all there is."""
        if self.count < 2 or not self.by:
            return None
        mean = self.number / self.by
        left = self.squared - 2 * mean * self.crossed + mean**2 * self.by_squared
        return sqrt(max(left, 0.0) * self.count / (self.count - 1)) / self.by


def divided(
    sums: Clumps, sample: int, least: float | None = None, most: float | None = None
) -> Value:
    """A mean over conversations that differ; None of nothing, and never beyond its ends."""
    if not sums.by:
        return UNKNOWN
    value, error = sums.number / sums.by, sums.error
    if error is None:
        return Value(value, sample)
    low, high = value - SURE * error, value + SURE * error
    return Value(
        value,
        sample,
        low if least is None else max(low, least),
        high if most is None else min(high, most),
    )


def clumped_share(sums: Clumps) -> Value:
    """A share of things that come in clumps: by how much the clumps differ, or all of each alike
    where that cannot be told.
    """
    if not sums.by:
        return UNKNOWN
    value, error = sums.number / sums.by, sums.error
    chance = value * (1 - value) / sums.by
    clump = error**2 / chance if error and chance else sums.by_squared / sums.by
    return share(round(sums.number), round(sums.by), clump)
