"""Funnels: how many get from one step to the next, in their order, and where they leave.

A step is the beginning of a conversation, a message about a topic, or a custom event. Steps are
sought within one conversation, or in all of one user within some days; one item is one step, and
the next step comes after it. Of several ways through, the one counts that got furthest, and of
those the one that began first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from causerie.reports import ConversationRow, Page, Question, Reports
from causerie.store.events import EventStore
from causerie.topic_trees import TopicTree
from causerie.uncertainty import Value, share

STEPS_MIN = 2
STEPS_MAX = 5
DAYS_MAX = 90
DAYS_DEFAULT = 7
KINDS = ("first", "topic", "event")
BYS = ("conversation", "user")
SPLITS = ("", "topic", "model", "language", "meta")
ITEMS_MAX = 2_000
"""Of one conversation or user, the earliest; what comes after is not looked at."""


@dataclass(frozen=True)
class Step:
    """What has to happen. `name` is the id of a topic or the name of an event."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


@dataclass(frozen=True)
class Funnel:
    """What is asked."""

    steps: tuple[Step, ...]
    by: str = "conversation"
    """One of `BYS`."""
    days: int = DAYS_DEFAULT
    """Of a user: from the first step to the last at most."""
    split: str = ""
    key: str = ""
    """Of metadata, where it is split by that."""

    def parameters(self, tree: TopicTree) -> dict[str, Any]:
        """As the statements bind it, with what counts for each topic."""
        window = timedelta(days=self.days if self.by == "user" else 36_500)
        return {
            **tree.parameters(),
            "kinds": [step.kind for step in self.steps],
            "names": [step.name if step.kind == "event" else "" for step in self.steps],
            "members": [
                list(tree.members(step.name)) if step.kind == "topic" else [] for step in self.steps
            ],
            "by": self.by,
            "window": window // timedelta(microseconds=1),
            "split": self.split,
            "split_key": self.key,
            "most": ITEMS_MAX,
        }


@dataclass(frozen=True)
class Reached:
    """How many got to a step."""

    count: int
    of_first: Value
    """The share of those who took the first step."""
    of_last: Value
    """The share of those who took the step before."""
    gap: timedelta | None
    """The median time since the step before; None of the first, and where nobody came."""


@dataclass(frozen=True)
class Part:
    """Some of those who took the first step, told apart by the conversation in which they did."""

    name: str
    steps: tuple[Reached, ...]

    @property
    def began(self) -> int:
        """How many took the first step."""
        return self.steps[0].count

    @property
    def ended(self) -> int:
        """How many took the last one."""
        return self.steps[-1].count

    @property
    def conversion(self) -> Value:
        """The share that got from the first step to the last."""
        return self.steps[-1].of_first


@dataclass(frozen=True)
class Passage:
    """What came of a funnel."""

    whole: Part
    parts: list[Part]
    """The largest first."""


class Funnels:
    """Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore, reports: Reports) -> None:
        self._events = events
        self._reports = reports

    def pass_through(self, question: Question, funnel: Funnel, tree: TopicTree) -> Passage:
        """How many of the conversations of a question, or their users, got how far."""
        parameters = {**question.parameters(), **funnel.parameters(tree)}
        rows = self._events.select("funnels/steps", parameters)
        return passage(rows, len(funnel.steps))

    def reached(
        self, question: Question, funnel: Funnel, tree: TopicTree, step: int, *, left: bool
    ) -> Page[ConversationRow]:
        """A page of the conversations in which a step, from 1, was reached; where `left`, of those
        alone after which no other was.
        """
        parameters = {
            **question.parameters(),
            **funnel.parameters(tree),
            "step": step,
            "left": left,
        }
        found = self._events.select("funnels/reached", parameters)
        names = [(row["tenant"], row["id"]) for row in found]
        rows = self._reports.named(question.project, names, question.since, question.until)
        total = int(found[0]["total"]) if found else 0
        return Page(rows, total, question.page, question.per_page)


def passage(rows: Iterable[Mapping[str, Any]], steps: int) -> Passage:
    """The rows of the statement as parts."""
    counted: dict[tuple[str, str], dict[int, tuple[int, float]]] = {}
    for row in rows:
        part = counted.setdefault((row["kind"], row["name"]), {})
        part[int(row["step"])] = (int(row["reached"]), float(row["gap"]))
    whole = _part("", counted.pop(("*", ""), {}), steps)
    parts = [_part(name, counts, steps) for (_, name), counts in counted.items()]
    return Passage(whole, sorted(parts, key=lambda part: (-part.began, part.name)))


def _part(name: str, counts: Mapping[int, tuple[int, float]], steps: int) -> Part:
    reached = [counts.get(step, (0, 0.0)) for step in range(1, steps + 1)]
    return Part(name, tuple(_reached(reached, place) for place in range(steps)))


def _reached(reached: Sequence[tuple[int, float]], place: int) -> Reached:
    count, gap = reached[place]
    before = reached[max(place - 1, 0)][0]
    return Reached(
        count=count,
        of_first=share(count, reached[0][0]),
        of_last=share(count, before),
        gap=timedelta(microseconds=gap) if place and count else None,
    )
