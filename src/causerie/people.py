"""One person: since when they come, how often, what they ask, and how it goes for them.

A person is a user id of a tenant: the same id in two tenants is two people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from causerie.beside import Beside
from causerie.costs import Costs, Sums, calls_of
from causerie.meaning_reports import Breakdown, MeaningReports, Sample
from causerie.reports import Bucket, ConversationRow, Page, Question, Reports, Totals
from causerie.store.events import EventStore
from causerie.topic_trees import TopicTree
from causerie.visits import Standing, standing
from causerie.zones import day_of

UNEASY = ("reasked", "rejected", "gave_up", "complained")
"""Signals of people to whom it does not go well."""
UNEASY_SHOWN = 12


@dataclass(frozen=True)
class Person:
    """Somebody, and all they ever did."""

    user: str
    tenant: str
    conversations: int
    days: int
    """On which conversations of theirs began."""
    first_seen: datetime
    last_seen: datetime

    def standing(self, day: date, zone: str) -> Standing:
        """What they are on a day after their last, in that zone."""
        return standing(day_of(self.first_seen, zone), self.days, day)


@dataclass(frozen=True)
class Portrait:
    """A person within a span."""

    totals: Totals
    before: Totals
    """In as many days before."""
    series: list[Bucket]
    days: list[Bucket]
    """Each day of the span."""
    about: Breakdown
    page: Page[ConversationRow]
    uneasy: list[Sample]
    """What they asked again, rejected or complained about, the latest first."""
    calls: Sums
    """What answering them took, as far as it went through the gateway."""

    @property
    def active(self) -> int:
        """On how many days they came."""
        return sum(1 for day in self.days if day.totals.conversations)


class People:
    """Raises Unavailable when the analytics store cannot be reached."""

    def __init__(
        self,
        events: EventStore,
        reports: Reports,
        meanings: MeaningReports,
        costs: Costs,
        beside: Beside,
    ) -> None:
        self._events = events
        self._reports = reports
        self._meanings = meanings
        self._costs = costs
        self._beside = beside

    def named(self, project: str, user: str, zone: str) -> list[Person]:
        """Everybody of that id: one for each tenant that has one, the top-level one first. Days
        are those of the zone.
        """
        parameters = {"project": project, "user": user, "zone": zone}
        rows = self._events.select("reports/person", parameters)
        return [Person(user=user, **row) for row in rows]

    def portrait(self, question: Question, tree: TopicTree) -> Portrait:
        """One person, whom the question names by user and tenant."""
        parts = self._beside.start(partial(self._meanings.breakdown, question, tree))
        uneasy = self._beside.start(
            partial(self._meanings.signalled, question, UNEASY, UNEASY_SHOWN)
        )
        overview = self._reports.overview(question)
        by_day = question.period == "day"
        days = overview.series if by_day else self._reports.series(replace(question, period="day"))
        return Portrait(
            overview.now,
            overview.before,
            overview.series,
            days,
            parts(),
            self.conversations(question),
            uneasy(),
            self._costs.totals(calls_of(question)),
        )

    def conversations(self, question: Question) -> Page[ConversationRow]:
        """A page of theirs, the first when there are not that many."""
        found = self._reports.conversations(question)
        if found.rows or question.page == 1:
            return found
        return self._reports.conversations(replace(question, page=1))


def chosen(people: Sequence[Person], tenant: str | None) -> Person | None:
    """The person of that tenant; of any (None) the first."""
    return next((one for one in people if tenant is None or one.tenant == tenant), None)
