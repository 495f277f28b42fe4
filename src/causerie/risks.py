"""Who is at risk of leaving: people who used to come, and come less or are in a worse mood.

The last four weeks are now, the eight before them are before. A person is compared with themselves
alone, and named only where the difference is beyond chance, of all people that were looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import sqrt
from statistics import mean, variance
from typing import Any

from causerie.comparisons import beyond_chance
from causerie.reports import Question
from causerie.store.events import EventStore
from causerie.zones import midnight

NOW_DAYS, BEFORE_DAYS = 28, 56
VISITS_MIN = 4
"""Whoever came on fewer days before did not use to come."""
KNOWN_DAYS_MIN = 14
"""Somebody who first came later than so many days before now has no before."""
MOODS_MIN = 4
"""Conversations whose mood is known, before and now; of fewer no mood is compared."""
SPREAD_MIN = 0.05
"""Moods of one person differ at least so much: equal ones are luck."""
RATE = 0.1
"""Of those who are named, so many are chance on average."""
WEEK = 7


@dataclass(frozen=True)
class Visits:
    """On how many days somebody came, of how many."""

    days: int
    of: int

    @property
    def a_week(self) -> float:
        """Per week."""
        return self.days * WEEK / self.of


@dataclass(frozen=True)
class Feeling:
    """The moods of some conversations."""

    mean: float
    spread: float
    """Their standard deviation."""
    count: int

    @property
    def margin(self) -> float:
        """The mean is within so much of the true one, 19 times out of 20."""
        # Not above: a server imports this, and would start later by a tenth.
        from scipy.special import stdtrit

        return float(stdtrit(self.count - 1, 0.975)) * self.spread / sqrt(self.count)


@dataclass(frozen=True)
class Risk:
    """Somebody who may leave, with the evidence."""

    user: str
    tenant: str
    last_seen: datetime
    visits_before: Visits
    visits_now: Visits
    mood_before: Feeling | None
    """None where too few conversations have one."""
    mood_now: Feeling | None
    thins: bool = False
    """Comes less."""
    sours: bool = False
    """Is in a worse mood."""

    @property
    def at_stake(self) -> float:
        """Visits a week that there are to lose: what they came before."""
        return self.visits_before.a_week


@dataclass(frozen=True)
class Windows:
    """The days that are now, from `turn` to `last`, and those before, from `begin` on."""

    begin: date
    turn: date
    last: date


@dataclass(frozen=True)
class Risks:
    """Those who are at risk, the most to lose first, of how many who were looked at."""

    windows: Windows
    people: int
    found: tuple[Risk, ...]


class RiskReport:
    """Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def risks(self, question: Question) -> Risks:
        """As of the last day of the question's span, whatever its first is."""
        rows = self._events.select("reports/comings", parameters(question))
        return risks_of(rows, windows_of(question))


def windows_of(question: Question) -> Windows:
    """The days that are compared."""
    turn = question.last_day - timedelta(days=NOW_DAYS - 1)
    return Windows(turn - timedelta(days=BEFORE_DAYS), turn, question.last_day)


def parameters(question: Question) -> dict[str, Any]:
    """What the statement is bound to."""
    windows = windows_of(question)
    both = replace(question, since=midnight(windows.begin, question.zone))
    return {**both.parameters(), "turn": windows.turn, "least": VISITS_MIN}


def risks_of(rows: Sequence[Mapping[str, Any]], windows: Windows) -> Risks:
    """The rows of the statement, judged together."""
    people = [one for one in (_compared(row, windows) for row in rows) if one is not None]
    felt = [one for one in people if one.mood_now]
    chances = [*map(chance_of_thinning, people), *map(chance_of_souring, felt)]
    sure = beyond_chance(chances, RATE)
    thin = {_key(one) for one, is_sure in zip(people, sure, strict=False) if is_sure}
    sour = {_key(one) for one, is_sure in zip(felt, sure[len(people) :], strict=True) if is_sure}
    named = [
        replace(one, thins=_key(one) in thin, sours=_key(one) in sour)
        for one in people
        if _key(one) in thin | sour
    ]
    order = sorted(named, key=lambda one: (-one.at_stake, _key(one)))
    return Risks(windows, len(people), tuple(order))


def _key(one: Risk) -> tuple[str, str]:
    return one.tenant, one.user


def _compared(row: Mapping[str, Any], windows: Windows) -> Risk | None:
    """What is known of a person; None where they did not use to come."""
    begin = windows.begin
    if row["first"] >= begin:
        # That they came on their first day is no luck: it is why they are known.
        begin = row["first"] + timedelta(days=1)
    of = (windows.turn - begin).days
    before = Visits(sum(begin <= day < windows.turn for day in row["days"]), of)
    if before.days < VISITS_MIN or of < KNOWN_DAYS_MIN:
        return None
    now = Visits(sum(day >= windows.turn for day in row["days"]), NOW_DAYS)
    moods = [
        feeling([mood for day, mood in row["moods"] if (day >= windows.turn) is is_now])
        for is_now in (False, True)
    ]
    both = moods if None not in moods else [None, None]
    return Risk(row["user"], row["tenant"], row["last_seen"], before, now, both[0], both[1])


def feeling(moods: Sequence[float]) -> Feeling | None:
    """Of some conversations; None of fewer than `MOODS_MIN`."""
    if len(moods) < MOODS_MIN:
        return None
    return Feeling(mean(moods), max(sqrt(variance(moods)), SPREAD_MIN), len(moods))


def chance_of_thinning(one: Risk) -> float:
    """Of so few visits now, if days on which they come fall as before: of all visits, so many or
    fewer would fall into now (binomial).
    """
    from scipy.special import bdtr

    total = one.visits_now.days + one.visits_before.days
    share = one.visits_now.of / (one.visits_now.of + one.visits_before.of)
    return float(bdtr(one.visits_now.days, total, share))


def chance_of_souring(one: Risk) -> float:
    """Of a mean mood so much lower now, by how far moods of their conversations differ (Welch)."""
    from scipy.special import stdtr

    now, before = one.mood_now, one.mood_before
    if now is None or before is None:
        return 1.0
    parts = [each.spread**2 / each.count for each in (now, before)]
    freedom = sum(parts) ** 2 / sum(
        part**2 / (each.count - 1) for part, each in zip(parts, (now, before), strict=True)
    )
    return float(stdtr(freedom, (now.mean - before.mean) / sqrt(sum(parts))))
