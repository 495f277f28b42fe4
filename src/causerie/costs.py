"""What calls of models took: tokens, money, time; in sums, and by model, user, key, endpoint, day.

A cost is a Decimal in its own currency: currencies are never added up. Calls whose price nobody
knows are counted beside the sum, so that it never looks smaller than it is without saying so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from causerie.buckets import WHOLE, spans
from causerie.conditions import by_key
from causerie.reports import FilterValues, Page, Question
from causerie.store.events import EventStore

DIMENSIONS = ("model", "user", "key", "endpoint")
COST_SORTS = ("cost", "calls", "tokens", "slowest")
EVER = datetime(1970, 1, 1, tzinfo=UTC)
LISTED_MAX = 20
"""How many kinds of errors, or models without a price."""
OF_CALLS = ("endpoint", "context")
"""Metadata that the gateway gives its conversations, and that each call has too."""


@dataclass(frozen=True)
class CallQuestion(Question):
    """A question about calls instead of conversations. What only a conversation has (metadata,
    ratings, words) asks for the calls that such conversations are made of.
    """

    key: str = ""
    by: str = "model"
    currency: str = ""
    """Sorts by cost."""

    @classmethod
    def of(cls, question: Question) -> CallQuestion:
        """The same question about calls."""
        if isinstance(question, CallQuestion):
            return question
        return cls(**{one.name: getattr(question, one.name) for one in fields(Question)})

    def parameters(self) -> dict[str, Any]:
        """The question as the statements bind it."""
        about = dict(self.metadata)
        rest = tuple(pair for pair in self.metadata if pair[0] not in OF_CALLS)
        return {
            **super().parameters(),
            **{name: about.get(name, "") for name in OF_CALLS},
            "keys": list(by_key(rest)),
            "values": list(by_key(rest).values()),
            "every_conversation": not any(
                (rest, self.rating, self.text, self.language, self.mood, self.topics, self.signal)
            )
            and not self.standing
            and not self.conditions.of_conversations,
            # A conversation may be older than the calls of it that are asked for.
            "earliest_64": EVER,
            "key": self.key,
            "by": self.by,
            "currency": self.currency,
        }


def calls_of(question: Question) -> CallQuestion:
    """The calls that the conversations of a question are made of."""
    values = {one.name: getattr(question, one.name) for one in fields(Question)}
    return CallQuestion(**values)


@dataclass(frozen=True)
class Sums:
    """What some calls took. Times are in milliseconds, of calls that were answered whole."""

    calls: int = 0
    users: int = 0
    conversations: int = 0
    input_tokens: int = 0
    cached_tokens: int | None = None
    """Of those; None where no provider says."""
    told_tokens: int = 0
    """Input tokens of the calls whose provider says how many were cached."""
    output_tokens: int = 0
    estimated: int = 0
    """Calls whose tokens were counted here, because the provider said nothing."""
    costs: Mapping[str, Decimal] = field(default_factory=dict)
    """By currency."""
    unpriced: int = 0
    """Calls that took tokens and have no price."""
    errors: int = 0
    total_p50_ms: int | None = None
    total_p95_ms: int | None = None
    first_p50_ms: int | None = None
    """To the first token, of calls that streamed."""
    first_p95_ms: int | None = None

    @property
    def tokens(self) -> int:
        """Everything that was read and written."""
        return self.input_tokens + self.output_tokens

    @property
    def share_cached(self) -> float | None:
        """Of the input that providers tell about; None where none does."""
        if self.cached_tokens is None or not self.told_tokens:
            return None
        return self.cached_tokens / self.told_tokens

    @property
    def currency(self) -> str:
        """Of the greatest cost; empty where no cost is known."""
        return max(self.costs, key=lambda currency: (self.costs[currency], currency), default="")

    def cost(self, currency: str) -> Decimal | None:
        """In that currency; None where none is known and some calls have no price."""
        return self.costs.get(currency, None if self.unpriced else Decimal(0))


@dataclass(frozen=True)
class CallBucket:
    """The sums of one day, week or month that starts on `start`."""

    start: date
    sums: Sums


@dataclass(frozen=True)
class CallOverview:
    """Now against the span before."""

    now: Sums
    before: Sums
    series: list[CallBucket]
    series_before: list[CallBucket]


@dataclass(frozen=True)
class CallRow:
    """A model, user, key or endpoint, and what its calls took. `within` is a user's tenant."""

    name: str
    within: str
    sums: Sums


@dataclass(frozen=True)
class Unpriced:
    """A model of which no price is known."""

    model: str
    upstream: str
    calls: int
    tokens: int


@dataclass(frozen=True)
class Failure:
    """A kind of error; `example` is the latest in full."""

    status: int
    kind: str
    calls: int
    users: int
    conversations: int
    latest: datetime
    example: str


@dataclass(frozen=True)
class CallExtent:
    """How many calls a project has in all, and when the first and the latest were made."""

    calls: int
    first: datetime | None
    latest: datetime | None


class Costs:
    """Every report on calls. Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def overview(self, question: CallQuestion) -> CallOverview:
        """Sums and series of the span and of the one before it."""
        rows = self._events.select("costs/spans", question.of_both_spans())
        now, before = spans(rows, _sums)
        return CallOverview(
            now.get(WHOLE, Sums()),
            before.get(WHOLE, Sums()),
            _buckets(question, now),
            _buckets(question.previous(), before),
        )

    def totals(self, question: CallQuestion) -> Sums:
        """One set of sums."""
        return _sums(self._events.select("costs/totals", question.parameters())[0])

    def series(self, question: CallQuestion) -> list[CallBucket]:
        """A bucket for every day, week or month of the span, empty ones too, in order."""
        rows = self._events.select("costs/series", question.parameters())
        return _buckets(question, {row["bucket"]: _sums(row) for row in rows})

    def rows(self, question: CallQuestion) -> Page[CallRow]:
        """A page of what `question.by` names, one of `DIMENSIONS`."""
        rows = self._events.select("costs/rows", question.parameters())
        total = int(rows[0]["total"]) if rows else 0
        found = [CallRow(row["name"], row["within"], _sums(row)) for row in rows]
        return Page(found, total, question.page, question.per_page)

    def unpriced(self, question: CallQuestion) -> list[Unpriced]:
        """Models of which no price is known, those with the most calls first."""
        return [Unpriced(**row) for row in self._listed("costs/unpriced", question)]

    def errors(self, question: CallQuestion) -> list[Failure]:
        """Kinds of errors, the most frequent first."""
        return [Failure(**row) for row in self._listed("costs/errors", question)]

    def _listed(self, report: str, question: CallQuestion) -> list[dict[str, Any]]:
        first = replace(question, page=1, per_page=LISTED_MAX)
        return self._events.select(report, first.parameters())

    def extent(self, project: str) -> CallExtent:
        """How many calls the project has, from when to when."""
        row = self._events.select("costs/extent", {"project": project})[0]
        if not row["calls"]:
            return CallExtent(0, None, None)
        return CallExtent(int(row["calls"]), row["first"], row["latest"])

    def values(self, project: str) -> FilterValues:
        """What the project's calls can be filtered by."""
        found: dict[str, list[str]] = {"model": [], "tenant": [], "metadata": []}
        for row in self._events.select("costs/values", {"project": project}):
            found[row["dimension"]].append(row["value"])
        return FilterValues(found["model"], found["tenant"], found["metadata"], [])


def _buckets(question: Question, found: Mapping[date | None, Sums]) -> list[CallBucket]:
    return [CallBucket(start, found.get(start, Sums())) for start in question.starts()]


def _sums(row: Mapping[str, Any]) -> Sums:
    return Sums(**{one.name: row[one.name] for one in fields(Sums)})
