"""How a number moved since the span before, and whether that could be chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import hypot, sqrt

from causerie.comparisons import beyond_chance, chance_of_table
from causerie.reports import Totals
from causerie.retention import Share

LEAP_SHARE = 9
"""From tenfold on, a percentage says less than the number before."""
RATE = 0.05
"""Of many changes that are called ones, so many are chance on average."""
SURE = 1.96
"""Standard deviations beyond which a change is shown as one: 19 times out of 20."""


@dataclass(frozen=True)
class Change:
    """A number now and before. `share` is the change as a part of what it was before."""

    now: float | None
    before: float | None
    share: float | None
    sure: bool
    interval: tuple[float, float] | None = None
    """Of two shares: between these their difference may be, 19 times out of 20."""
    chance: float = 1.0
    """Of two shares: of so large a difference where there is none."""

    @property
    def rises(self) -> bool:
        """Up, beyond chance."""
        return self.sure and (self.now or 0) > (self.before or 0)

    @property
    def leaps(self) -> bool:
        """Up so much that the number before says more than a percentage."""
        return self.rises and (self.share or 0) >= LEAP_SHARE

    @property
    def falls(self) -> bool:
        """Down, beyond chance."""
        return self.sure and (self.now or 0) < (self.before or 0)


@dataclass(frozen=True)
class Changes:
    """The changes that the overview shows."""

    conversations: Change
    messages: Change
    users: Change
    rating: Change
    mood: Change


def compare(now: Totals, before: Totals) -> Changes:
    """Every change between two spans."""
    return Changes(
        conversations=count_change(now.conversations, before.conversations),
        # Messages come in conversations, not one by one, so they scatter more than counts do.
        messages=count_change(now.messages, before.messages, _messages_each(now, before)),
        users=count_change(now.users, before.users),
        rating=share_change(now.thumbs_up, now.rated, before.thumbs_up, before.rated),
        mood=mood_change(now, before),
    )


def _messages_each(now: Totals, before: Totals) -> float:
    conversations = now.conversations + before.conversations
    return (now.messages + before.messages) / conversations if conversations else 1.0


def count_change(now: int, before: int, clump: float = 1.0) -> Change:
    """Two counts of things that happen independently, or in clumps of the given mean size."""
    share = (now - before) / before if before else None
    sure = abs(now - before) > SURE * sqrt(max(clump, 1.0) * (now + before))
    return Change(now, before, share, sure)


def share_change(now: int, of_now: int, before: int, of_before: int) -> Change:
    """Two shares, such as thumbs up among thumbs; unknown where there were none."""
    first = now / of_now if of_now else None
    second = before / of_before if of_before else None
    if first is None or second is None:
        return Change(first, second, None, sure=False)
    pooled = (now + before) / (of_now + of_before)
    error = sqrt(pooled * (1 - pooled) * (1 / of_now + 1 / of_before))
    return Change(first, second, first - second, abs(first - second) > SURE * error > 0)


def exact_share_change(now: int, of_now: int, before: int, of_before: int) -> Change:
    """Two shares that may be of few: with the interval of their difference (Newcombe), and how
    likely it is where there is none (Fisher). Whether it is sure is told together with others.
    """
    if not of_now or not of_before:
        return Change(
            now / of_now if of_now else None,
            before / of_before if of_before else None,
            None,
            sure=False,
        )
    first, second = Share(now, of_now), Share(before, of_before)
    difference = first.value - second.value
    (low, high), (low_before, high_before) = first.interval, second.interval
    interval = (
        difference - hypot(first.value - low, high_before - second.value),
        difference + hypot(high - first.value, second.value - low_before),
    )
    chance = chance_of_table(now, before, of_now, of_before)
    return Change(first.value, second.value, difference, False, interval, chance)


def sure_together(changes: Mapping[str, Change]) -> dict[str, Change]:
    """The same, with those sure that are beyond chance of all that were looked at: of those that
    are called so, 1 in 20 is chance on average.
    """
    known = {name: change for name, change in changes.items() if change.interval is not None}
    sure = beyond_chance([change.chance for change in known.values()], RATE)
    told = {
        name: replace(change, sure=is_sure)
        for (name, change), is_sure in zip(known.items(), sure, strict=True)
    }
    return {**changes, **told}


def mood_change(now: Totals, before: Totals) -> Change:
    """Two moods, by how much those of conversations differ; `share` is the difference."""
    if now.sentiment is None or before.sentiment is None:
        return Change(now.sentiment, before.sentiment, None, sure=False)
    moved = now.sentiment - before.sentiment
    if now.spread is None or before.spread is None:
        return Change(now.sentiment, before.sentiment, moved, sure=False)
    error = sqrt(now.spread / now.felt + before.spread / before.felt)
    return Change(now.sentiment, before.sentiment, moved, abs(moved) > SURE * error > 0)
