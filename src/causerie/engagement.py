"""Engagement: how many people come, how often, what they were when they did, and what new people
talk about against what veterans do.

A visit is a day on which a conversation of a person began, in the question's zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import erfc, sqrt
from typing import Any

from causerie.buckets import bucket_starts
from causerie.comparisons import beyond_chance
from causerie.reports import Question
from causerie.store.events import EventStore
from causerie.topic_trees import TopicTree
from causerie.visits import Standing
from causerie.zones import midnight

WEEK, MONTH = 7, 30
"""Days."""
EVERY = "*"
PEOPLE_MIN = 10
"""Fewer new people, or veterans, are not compared."""
CONVERSATIONS_MIN = 10
"""A topic in fewer conversations of both is not compared."""
RATE = 0.05
"""Of the differences that are called ones, so many are chance on average."""
STANDARD_ERRORS = 1.96


@dataclass(frozen=True)
class Reach:
    """How many people came on a day, and in the days up to it."""

    day: date
    of_day: int = 0
    of_week: int = 0
    of_month: int = 0
    visits_of_week: int = 0
    """Their days in it, summed over people."""
    visits_of_month: int = 0
    whole: bool = True
    """Whether there was anything yet when its month began."""

    @property
    def daily_of_weekly(self) -> float | None:
        """People a day, in the mean over the week, among those who came in the week."""
        return self.visits_of_week / WEEK / self.of_week if self.of_week else None

    @property
    def daily_of_monthly(self) -> float | None:
        """People a day, in the mean over the month, among those who came in the month."""
        return self.visits_of_month / MONTH / self.of_month if self.of_month else None

    @property
    def weekly_of_monthly(self) -> float | None:
        """People of the week among those of the month."""
        return self.of_week / self.of_month if self.of_month else None


@dataclass(frozen=True)
class Habit:
    """Weeks in which somebody came on so many days."""

    days: int
    weeks: int
    people: int


@dataclass(frozen=True)
class Group:
    """Those who were one thing within a bucket."""

    people: int = 0
    conversations: int = 0


@dataclass(frozen=True)
class StandingBucket:
    """A day, week or month that starts on `start`."""

    start: date
    groups: Mapping[Standing, Group]


@dataclass(frozen=True)
class Talk:
    """How much some people talk about a topic."""

    people: int = 0
    conversations: int = 0
    squares: float = 0.0
    """Summed over people: the square of how many of their conversations are about it."""
    products: float = 0.0
    """The same times how many they have."""


@dataclass(frozen=True)
class Gap:
    """A topic among new people and among veterans: shares of their conversations."""

    topic: str
    new: Talk
    veteran: Talk
    of_new: Talk
    """Any conversation of theirs that was understood."""
    of_veteran: Talk
    sure: bool = False
    """Whether the difference is beyond chance, of all topics that were looked at."""

    @property
    def share_new(self) -> float:
        """Of the conversations of new people."""
        return self.new.conversations / self.of_new.conversations

    @property
    def share_veteran(self) -> float:
        """Of the conversations of veterans."""
        return self.veteran.conversations / self.of_veteran.conversations

    @property
    def difference(self) -> float:
        """New people's share less that of veterans."""
        return self.share_new - self.share_veteran

    @property
    def interval(self) -> tuple[float, float]:
        """Between these the difference may be, 19 times out of 20."""
        half = STANDARD_ERRORS * sqrt(
            variance(self.new, self.of_new, self.share_new)
            + variance(self.veteran, self.of_veteran, self.share_veteran)
        )
        return max(self.difference - half, -1.0), min(self.difference + half, 1.0)

    @property
    def chance(self) -> float:
        """Of so large a difference where there is none."""
        both = self.new.conversations + self.veteran.conversations
        share = both / (self.of_new.conversations + self.of_veteran.conversations)
        spread = variance(self.new, self.of_new, share) + variance(
            self.veteran, self.of_veteran, share
        )
        return erfc(abs(self.difference) / sqrt(2 * spread)) if spread else 1.0


@dataclass(frozen=True)
class Gaps:
    """New people against veterans, and how many of both there are."""

    of_new: Talk
    of_veteran: Talk
    gaps: tuple[Gap, ...]
    """Those least like chance first."""

    @property
    def enough(self) -> bool:
        """Whether there are enough of both to be compared."""
        return min(self.of_new.people, self.of_veteran.people) >= PEOPLE_MIN


def variance(part: Talk, of: Talk, share: float) -> float:
    """Of a share of conversations, when people are drawn and not conversations: who comes often
    says the same often. Never less than if each conversation were drawn for itself.
    """
    n, people = of.conversations, of.people
    if not n:
        return 0.0
    alone = share * (1 - share) / n
    if people < 2:
        return alone
    scatter = part.squares - 2 * share * part.products + share**2 * of.squares
    return max(alone, scatter * people / (people - 1) / n**2)


class Engagement:
    """Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def reach(self, question: Question, first: date | None) -> list[Reach]:
        """At the end of each day, week or month of the span. `first` is the day of the project's
        first conversation.
        """
        bound = reach_parameters(question)
        rows = self._events.select("reports/reach", bound)
        found = {row["day"]: Reach(**row) for row in rows}
        return [
            replace(
                found.get(day, Reach(day)),
                whole=first is not None and day - timedelta(days=MONTH - 1) >= first,
            )
            for day in bound["ends"]
        ]

    def habits(self, question: Question) -> list[Habit]:
        """Of the whole weeks of the span; none where it has none."""
        whole = whole_weeks(question)
        if whole is None:
            return []
        rows = self._events.select("reports/habits", whole.parameters())
        found = {int(row["days"]): Habit(**row) for row in rows}
        return [found.get(days, Habit(days, 0, 0)) for days in range(1, WEEK + 1)] if found else []

    def standings(self, question: Question) -> list[StandingBucket]:
        """A bucket for every day, week or month of the span, empty ones too, in order."""
        rows = self._events.select("reports/standings", question.parameters())
        found: dict[date, dict[Standing, Group]] = {}
        for row in rows:
            group = Group(int(row["people"]), int(row["conversations"]))
            found.setdefault(row["bucket"], {})[Standing(row["standing"])] = group
        starts = bucket_starts(question.since, question.until, question.period, question.zone)
        return [StandingBucket(start, found.get(start, {})) for start in starts]

    def gaps(self, question: Question, tree: TopicTree) -> Gaps:
        """What new people talk about against what veterans do."""
        bound = {**question.parameters(), **tree.parameters()}
        return gaps_of(self._events.select("reports/standing_topics", bound), tree)


def reach_parameters(question: Question) -> dict[str, Any]:
    """What the statement is bound to: the month before the first day is read too."""
    ends = bucket_ends(question)
    earlier = replace(question, since=midnight(ends[0] - timedelta(days=MONTH - 1), question.zone))
    return {**earlier.parameters(), "ends": ends}


def bucket_ends(question: Question) -> list[date]:
    """The last day of each bucket that the span touches, as far as the span goes."""
    starts = list(bucket_starts(question.since, question.until, question.period, question.zone))
    ends = [start - timedelta(days=1) for start in starts[1:]]
    return [*ends, question.last_day]


def whole_weeks(question: Question) -> Question | None:
    """The same question about the weeks, from Monday, that are whole in its span."""
    first, after = question.first_day, question.last_day + timedelta(days=1)
    if midnight(after, question.zone) > question.until:
        after -= timedelta(days=1)
    begin = first + timedelta(days=-first.weekday() % WEEK)
    end = after - timedelta(days=after.weekday())
    if begin >= end:
        return None
    zone = question.zone
    return replace(question, since=midnight(begin, zone), until=midnight(end, zone))


def gaps_of(rows: Iterable[Mapping[str, Any]], tree: TopicTree) -> Gaps:
    """The rows of the statement, compared."""
    told: dict[str, dict[str, Talk]] = {}
    for row in rows:
        told.setdefault(row["topic"], {})[row["standing"]] = Talk(
            int(row["people"]),
            int(row["conversations"]),
            float(row["squares"]),
            float(row["products"]),
        )
    every = told.pop(EVERY, {})
    of_new, of_veteran = (every.get(one, Talk()) for one in (Standing.NEW, Standing.VETERAN))
    found = Gaps(of_new, of_veteran, ())
    if not found.enough:
        return found
    gaps = [
        Gap(
            topic,
            by.get(Standing.NEW, Talk()),
            by.get(Standing.VETERAN, Talk()),
            of_new,
            of_veteran,
        )
        for topic, by in told.items()
        if tree.is_leaf(topic)
    ]
    return replace(found, gaps=_sorted(gaps))


def _sorted(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    enough = [
        gap
        for gap in gaps
        if gap.new.conversations + gap.veteran.conversations >= CONVERSATIONS_MIN
    ]
    sure = beyond_chance([gap.chance for gap in enough], RATE)
    told = [replace(gap, sure=is_sure) for gap, is_sure in zip(enough, sure, strict=True)]
    return tuple(sorted(told, key=lambda gap: (not gap.sure, gap.chance, gap.topic)))
