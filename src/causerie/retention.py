"""Whether people come back: cohorts of those who first came in the same day or week, and the share
of each that came again so many days or weeks later.

A person is a user id of a tenant, and came in a period if a conversation of theirs began in it. A
share is of those whose period later is over: one that still runs is told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from typing import Any

from causerie.reports import Question
from causerie.store.events import EventStore
from causerie.zones import day_of

SPLITS = ("", "language", "topic", "mood")
"""What the first conversation of a person may be asked for."""
UNITS = {"day": timedelta(days=1), "week": timedelta(days=7)}
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
STANDARD_ERRORS = 1.96
"""19 times out of 20 the true share is within so many of them."""
LATER_MAX = 12
Counts = dict[date, dict[int, int]]
"""By cohort and periods later, how many people."""


@dataclass(frozen=True)
class Share:
    """How many of some people came back."""

    returned: int
    of: int

    @property
    def value(self) -> float:
        return self.returned / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %: between these the share may be if the people are a sample."""
        spread = STANDARD_ERRORS**2 / self.of
        middle = (self.value + spread / 2) / (1 + spread)
        half = STANDARD_ERRORS * sqrt(
            self.value * (1 - self.value) / self.of + spread / self.of / 4
        )
        return max(middle - half / (1 + spread), 0.0), min(middle + half / (1 + spread), 1.0)


@dataclass(frozen=True)
class Cohort:
    """Those who first came in one period."""

    start: date
    size: int
    shares: tuple[Share, ...]
    """By periods later, from the first after their own."""
    running: bool
    """Whether the last of the shares is of a period that is not over."""


@dataclass(frozen=True)
class Part:
    """Some people, told apart by their first conversation."""

    name: str
    size: int
    shares: tuple[Share, ...]
    """By periods later, of all cohorts for which that period is over."""


@dataclass(frozen=True)
class Retention:
    """What came of it."""

    period: str
    cohorts: tuple[Cohort, ...]
    whole: Part
    parts: tuple[Part, ...]
    """The largest first; none where nothing was asked for."""

    @property
    def most(self) -> int:
        """How many periods later there are at most."""
        return max((len(cohort.shares) for cohort in self.cohorts), default=0)

    def end_of(self, start: date) -> date:
        """The first day that is not in a period any more."""
        return start + UNITS[self.period]


class RetentionReport:
    """Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def retention(self, question: Question, split: str, now: datetime) -> Retention:
        """The cohorts that began within the question's span, as far as `now`."""
        rows = self._events.select("reports/retention", parameters(question, split, now))
        today = day_of(now, question.zone)
        return table(rows, period_of(question), today, split=bool(split))


def parameters(question: Question, split: str, now: datetime) -> dict[str, Any]:
    """What the statement is bound to. Whoever came before the span is not new in it, so that all
    there ever was is read.
    """
    until = max(now, question.until)
    ever = replace(question, since=BEGINNING, until=until, period=period_of(question))
    return {
        **ever.parameters(),
        "split": split,
        "first_since_64": question.since,
        "first_until_64": question.until,
    }


def period_of(question: Question) -> str:
    """Days or weeks: months are too few to tell anything."""
    return question.period if question.period in UNITS else "week"


def table(rows: Iterable[Mapping[str, Any]], period: str, today: date, *, split: bool) -> Retention:
    """The rows of the statement as cohorts and parts, as they are on that day."""
    unit = UNITS[period]
    counted: dict[str, Counts] = {}
    for row in rows:
        counts = counted.setdefault(str(row["part"]), {})
        counts.setdefault(row["cohort"], {})[int(row["later"])] = int(row["users"])
    every = _together(counted.values())
    cohorts = tuple(_cohort(start, every[start], unit, today) for start in sorted(every))
    parts = [_part(name, counts, unit, today) for name, counts in counted.items()] if split else []
    parts.sort(key=lambda part: (-part.size, part.name))
    return Retention(period, cohorts, _part("", every, unit, today), tuple(parts))


def _together(parts: Iterable[Counts]) -> Counts:
    every: Counts = {}
    for counts in parts:
        for start, users in counts.items():
            cohort = every.setdefault(start, {})
            for later, count in users.items():
                cohort[later] = cohort.get(later, 0) + count
    return every


def _cohort(start: date, users: Mapping[int, int], unit: timedelta, today: date) -> Cohort:
    begun = min(_periods(start, unit, today, begun=True), LATER_MAX)
    over = _periods(start, unit, today, begun=False)
    shares = tuple(Share(users.get(later, 0), users[0]) for later in range(1, begun + 1))
    return Cohort(start, users[0], shares, running=begun > over)


def _part(name: str, counts: Counts, unit: timedelta, today: date) -> Part:
    over = {start: _periods(start, unit, today, begun=False) for start in counts}
    most = min(max(over.values(), default=0), LATER_MAX)
    shares = tuple(
        _joined([users for start, users in counts.items() if over[start] >= later], later)
        for later in range(1, most + 1)
    )
    return Part(name, sum(users[0] for users in counts.values()), shares)


def _joined(cohorts: Sequence[Mapping[int, int]], later: int) -> Share:
    returned = sum(users.get(later, 0) for users in cohorts)
    return Share(returned, sum(users[0] for users in cohorts))


def _periods(start: date, unit: timedelta, today: date, *, begun: bool) -> int:
    """How many periods after the one at `start` have begun, or are over."""
    gone = (today - start) // unit
    return gone if begun else gone - 1
