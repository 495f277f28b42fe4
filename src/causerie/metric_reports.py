"""A metric over time, and by parts: what the numbers were, and those of the span before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from causerie.buckets import bucket_end, bucket_starts
from causerie.costs import CallQuestion, Costs
from causerie.metric_workings import SIGNALS, Frame
from causerie.metrics import META, WHOLE, Metric, Source, Split
from causerie.reports import Question
from causerie.store.events import EventStore
from causerie.topic_trees import NO_TOPICS, TopicTree
from causerie.uncertainty import Value
from causerie.zones import midnight

PARTS_MAX = 8
"""So many parts have a name; what is left is the other."""
DISTANT = date(1970, 1, 1)
"""What the statements have as the bucket of the whole span."""
OF_TALKS = ("topic", "signal", "rating", "language", META, "source", "mood", "standing")
"""What calls are split by that their conversations tell."""
Place = tuple[int, str, str]
"""A part as the statements tell it: its kind, name, and tenant."""
EVERY: Place = (0, "", "")
OTHER: Place = (2, "", "")


@dataclass(frozen=True)
class Line:
    """A number for the whole span, and for each of its buckets in order."""

    total: Value
    buckets: tuple[Value, ...]


@dataclass(frozen=True)
class Part:
    """A part of what a question is about. The empty name is what is not known, or none; `within` is
    the tenant of a user or a conversation.
    """

    name: str
    within: str
    is_other: bool
    now: Line
    before: Line | None


@dataclass(frozen=True)
class Series:
    """A metric over a span. `starts` are the first days of its buckets."""

    metric: Metric
    question: Question
    split: Split
    starts: tuple[date, ...]
    starts_before: tuple[date, ...]
    """Of the span before; as many, or one more or less."""
    whole: Part
    parts: tuple[Part, ...]
    """The largest first, the other last; none without a split."""
    currency: str = ""
    """Of a cost."""


class MetricReports:
    """Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._costs = Costs(events)

    def series(
        self,
        question: Question,
        metric: Metric,
        split: Split = WHOLE,
        tree: TopicTree = NO_TOPICS,
        *,
        compares: bool = True,
    ) -> Series:
        """The metric in the buckets of the question, and in those of the span before."""
        question = self._fitting(question, metric)
        before = question.previous()
        named = self._largest(question, metric, split, tree) if split.name else []
        now = self._lines(question, metric, split, tree, named)
        then = self._lines(before, metric, split, tree, named) if compares else {}
        places = [*named, *([OTHER] if OTHER in now else [])]
        return Series(
            metric,
            question,
            split,
            _starts(question),
            _starts(before) if compares else (),
            self._part(EVERY, question, metric, now, then if compares else None),
            tuple(
                self._part(place, question, metric, now, then if compares else None)
                for place in places
            ),
            _currency(question),
        )

    def statement(
        self, question: Question, metric: Metric, split: Split, tree: TopicTree
    ) -> tuple[str, dict[str, Any]]:
        """The name of the statement behind a series, and what is bound to it."""
        question = self._fitting(question, metric)
        named = self._largest(question, metric, split, tree) if split.name else []
        return _series_of(metric), parameters(question, metric, split, tree, named)

    def _fitting(self, question: Question, metric: Metric) -> Question:
        """The question as it is asked of what the metric is worked out of."""
        if metric.source is not Source.CALLS:
            return question
        question = CallQuestion.of(question)
        if metric.unit == "money" and not question.currency:
            return replace(question, currency=self._costs.totals(question).currency)
        return question

    def _largest(
        self, question: Question, metric: Metric, split: Split, tree: TopicTree
    ) -> list[Place]:
        """The parts that are shown by their names, the largest first."""
        report = "metrics/call_ranking" if metric.source is Source.CALLS else "metrics/ranking"
        bound = {
            **parameters(question, metric, split, tree, []),
            "rank": metric.rank,
            "most": PARTS_MAX,
            # Who is new is no matter of how many there are.
            "wants_people": False,
        }
        return [(1, row["name"], row["within"]) for row in self._events.select(report, bound)]

    def _lines(
        self,
        question: Question,
        metric: Metric,
        split: Split,
        tree: TopicTree,
        named: Sequence[Place],
    ) -> dict[Place, Line]:
        bound = parameters(question, metric, split, tree, named)
        found: dict[Place, dict[date, Mapping[str, Any]]] = {}
        starts, ends = _starts(question), _ends(question)
        for row in self._events.select(_series_of(metric), bound):
            is_placed = metric.source is Source.PEOPLE
            bucket = starts[row["place"] - 1] if is_placed else row["bucket"]
            found.setdefault((row["kind"], row["name"], row["within"]), {})[bucket] = row
        if metric.source is Source.PEOPLE and starts:
            # Those of the span are those of its last days.
            found = {
                place: {DISTANT: rows.get(starts[-1], {}), **rows} for place, rows in found.items()
            }
        return {place: _line(question, metric, starts, ends, rows) for place, rows in found.items()}

    def _part(
        self,
        place: Place,
        question: Question,
        metric: Metric,
        now: Mapping[Place, Line],
        then: Mapping[Place, Line] | None,
    ) -> Part:
        _, name, within = place
        return Part(
            name,
            within,
            place == OTHER,
            now.get(place) or _nothing(question, metric),
            None if then is None else then.get(place) or _nothing(question.previous(), metric),
        )


def parameters(
    question: Question, metric: Metric, split: Split, tree: TopicTree, named: Sequence[Place]
) -> dict[str, Any]:
    """What the statements bind."""
    ends = _ends(question)
    since = question.since
    if metric.source is Source.PEOPLE and ends:
        since = midnight(ends[0] - timedelta(days=metric.window - 1), question.zone)
    counts_new = metric.name in ("new_users", "returning_users")
    return {
        **replace(question, since=min(since, question.since)).parameters(),
        **tree.parameters(),
        "begun_64": question.since,
        "split": split.name,
        "split_key": split.key,
        "names": [name for _, name, _ in named],
        "withins": [within for _, _, within in named],
        "metric": metric.kind,
        "metric_key": metric.key,
        "told": list(SIGNALS) if metric.name.removesuffix("_share") in SIGNALS else [],
        "wants_people": counts_new,
        "wants_talks": split.name in OF_TALKS,
        "ends": [end.isoformat() for end in ends],
        "window": metric.window,
    }


def _series_of(metric: Metric) -> str:
    return {
        Source.CALLS: "metrics/call_series",
        Source.PEOPLE: "metrics/active",
        Source.CONVERSATIONS: "metrics/series",
    }[metric.source]


def _currency(question: Question) -> str:
    return question.currency if isinstance(question, CallQuestion) else ""


def _starts(question: Question) -> tuple[date, ...]:
    span = (question.since, question.until)
    return tuple(bucket_starts(*span, question.period, question.zone))


def _ends(question: Question) -> list[date]:
    """The last day of each bucket that is within the span."""
    return [
        min(bucket_end(start, question.period) - timedelta(days=1), question.last_day)
        for start in _starts(question)
    ]


def _line(
    question: Question,
    metric: Metric,
    starts: Sequence[date],
    ends: Sequence[date],
    rows: Mapping[date, Mapping[str, Any]],
) -> Line:
    def value(start: date, first: date, last: date) -> Value:
        days = max((last - first).days + 1, 1)
        frame = Frame(days, start == DISTANT, _currency(question))
        return metric.working(rows.get(start, {}), frame)

    return Line(
        value(DISTANT, question.first_day, question.last_day),
        tuple(
            value(start, max(start, question.first_day), end)
            for start, end in zip(starts, ends, strict=True)
        ),
    )


def _nothing(question: Question, metric: Metric) -> Line:
    return _line(question, metric, _starts(question), _ends(question), {})
