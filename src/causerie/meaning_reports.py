"""What people talk about and how they feel about it: reports over what was understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from causerie.buckets import bucket_starts
from causerie.meanings import MessageMeaning
from causerie.reports import Question, mean
from causerie.store.events import EventStore
from causerie.topic_trees import TopicTree

EVERY = "*"
SORTED_OUT = ""
TYPICAL_AMONG = 2_000
"""Of so many of the latest messages, those in the middle are typical."""
SPARE = 4
"""Times more samples are read than shown: many people say the same."""


@dataclass(frozen=True)
class TopicBucket:
    """A topic on one day, in one week or month."""

    start: date
    messages: int
    sentiment: float | None
    scored: int


@dataclass(frozen=True)
class TopicRow:
    """A topic within a span. Messages are those of users that are about it."""

    id: str
    messages: int = 0
    conversations: int = 0
    users: int = 0
    """Those who said who they are."""
    sentiment: float | None = None
    """Mean over its messages, -1 to 1; None where none is scored."""
    scored: int = 0
    thumbs_up: int = 0
    """In the conversations that are about it too."""
    thumbs_down: int = 0
    share: float | None = None
    """Of all messages of users that were understood."""
    languages: tuple[tuple[str, int], ...] = ()
    """With their messages, the most frequent first."""
    series: tuple[TopicBucket, ...] = ()

    @property
    def rating(self) -> float | None:
        """Mean thumb, -1 to 1; None where nobody rated."""
        rated = self.thumbs_up + self.thumbs_down
        return (self.thumbs_up - self.thumbs_down) / rated if rated else None


@dataclass(frozen=True)
class TopicsReport:
    """All topics of a span. What is in none of `rows` was not talked about."""

    rows: Mapping[str, TopicRow]
    every: TopicRow
    """Any message of a user that was understood."""
    unsorted: TopicRow
    """Those about no topic."""

    def row(self, id: str) -> TopicRow:
        """One topic; nothing but zeros where nobody talked about it."""
        return self.rows.get(id) or TopicRow(id)


@dataclass(frozen=True)
class Talked:
    """Conversations by topic, and those in which anything of a user was understood."""

    conversations: Mapping[str, int]
    every: int


@dataclass(frozen=True)
class Part:
    """The conversations of one language, with one signal, or about one topic."""

    value: str
    conversations: int
    users: int
    sentiment: float | None
    scored: int
    thumbs_up: int
    thumbs_down: int


@dataclass(frozen=True)
class Breakdown:
    """The conversations of a span by what was understood of them, the most frequent first."""

    languages: list[Part]
    signals: list[Part]
    topics: list[Part]


@dataclass(frozen=True)
class Sample:
    """One message of a user, by name; `text` is what it says."""

    tenant: str
    conversation: str
    position: int
    message: str
    at: datetime
    user: str
    language: str
    sentiment: float | None
    text: str = field(default="", compare=False)
    signals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Samples:
    """Messages about a topic: those in the middle of them first, or the latest."""

    typical: list[Sample]
    latest: list[Sample]


class MeaningReports:
    """Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def topics(
        self, question: Question, tree: TopicTree, parts: Breakdown | None = None
    ) -> TopicsReport:
        """Every topic that somebody talked about in the conversations of the question; `parts` are
        the breakdown of the same where that is known.
        """
        starts = list(bucket_starts(question.since, question.until, question.period, question.zone))
        found = {
            row["topic"]: _topic(row, starts)
            for row in self._events.select("reports/topics", topic_parameters(question, tree))
        }
        every = found.pop(EVERY, TopicRow(EVERY))
        parts = parts or self.breakdown(question, tree)
        thumbs = {part.value: part for part in parts.topics}
        rows = {id: _among(row, every, thumbs.get(id)) for id, row in found.items()}
        unsorted = rows.pop(SORTED_OUT, TopicRow(SORTED_OUT, share=0.0 if every.messages else None))
        return TopicsReport(rows, every, unsorted)

    def talked(self, question: Question, tree: TopicTree) -> Talked:
        """In how many conversations of the question each topic was talked about."""
        rows = self._events.select("reports/talked", topic_parameters(question, tree))
        found = {row["topic"]: int(row["conversations"]) for row in rows}
        every = found.pop(EVERY, 0)
        return Talked(found, every)

    def breakdown(self, question: Question, tree: TopicTree) -> Breakdown:
        """Languages, signals and topics of conversations."""
        found: dict[str, list[Part]] = {"language": [], "signal": [], "topic": []}
        parameters = {**question.parameters(), **tree.parameters()}
        for row in self._events.select("reports/breakdown", parameters):
            found[row["dimension"]].append(_part(row))
        return Breakdown(found["language"], found["signal"], found["topic"])

    def samples(self, question: Question, count: int) -> Samples:
        """Messages about the topics of a question, no two of either that say the same."""
        question = replace(question, page=1, per_page=count * SPARE)
        parameters = {**question.parameters(), "most": TYPICAL_AMONG}
        rows = self._events.select("reports/topic_samples", parameters)
        texts = self._texts(question.project, [_sample(row) for row in rows])
        return Samples(
            *(
                _different([_sample(row) for row in sorted(rows, key=itemgetter(place))], texts)[
                    :count
                ]
                for place in ("place_typical", "place_latest")
            )
        )

    def signalled(self, question: Question, signals: Sequence[str], count: int) -> list[Sample]:
        """The latest messages of users in which one of some signals was found."""
        latest = replace(question, page=1, per_page=count)
        parameters = {**latest.parameters(), "sought": list(signals)}
        rows = self._events.select("reports/signalled", parameters)
        named = [Sample(**{**row, "signals": tuple(row["signals"])}) for row in rows]
        texts = self._texts(question.project, named)
        keys = [(one.tenant, one.conversation, one.message) for one in named]
        return [
            replace(sample, text=texts[key])
            for key, sample in zip(keys, named, strict=True)
            if texts.get(key)
        ]

    def _texts(self, project: str, samples: Sequence[Sample]) -> dict[tuple[str, str, str], str]:
        if not samples:
            return {}
        parameters = {
            "project": project,
            "tenants": sorted({sample.tenant for sample in samples}),
            "ids": sorted({sample.conversation for sample in samples}),
            "messages": sorted({sample.message for sample in samples}),
        }
        rows = self._events.select("reports/texts", parameters)
        return {(row["tenant"], row["conversation"], row["id"]): row["text"] for row in rows}

    def of_conversation(self, project: str, tenant: str, id: str) -> dict[str, MessageMeaning]:
        """What is understood of the messages of a conversation, by their ids."""
        return self.of_conversations(project, [(tenant, id)]).get((tenant, id), {})

    def of_conversations(
        self, project: str, names: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], dict[str, MessageMeaning]]:
        """The same of several, each named by (tenant, id)."""
        found: dict[tuple[str, str], dict[str, MessageMeaning]] = {name: {} for name in names}
        parameters = {
            "project": project,
            "tenants": sorted({tenant for tenant, _ in names}),
            "ids": sorted({id for _, id in names}),
        }
        for row in self._events.select("reports/meanings", parameters) if names else ():
            name = (row.pop("tenant"), row.pop("conversation"))
            if name in found:
                values = {**row, "signals": tuple(row["signals"]), "topics": tuple(row["topics"])}
                found[name][row["message"]] = MessageMeaning(**values)
        return found


def topic_parameters(question: Question, tree: TopicTree) -> dict[str, Any]:
    """What the statement of topics is bound to."""
    return {**question.parameters(), **tree.parameters()}


def _topic(row: Mapping[str, Any], starts: Sequence[date]) -> TopicRow:
    messages, scored = row["messages_by_bucket"], row["scored_by_bucket"]
    feeling = row["feeling_by_bucket"]
    languages = sorted(row["languages"].items(), key=lambda pair: (-pair[1], pair[0]))
    return TopicRow(
        id=row["topic"],
        messages=int(row["messages"]),
        conversations=int(row["conversations"]),
        users=int(row["users"]),
        sentiment=mean(row["feeling"], row["scored"]),
        scored=int(row["scored"]),
        languages=tuple((code, int(count)) for code, count in languages if code),
        series=tuple(
            TopicBucket(
                start,
                int(messages.get(start, 0)),
                mean(feeling.get(start), scored.get(start, 0)),
                int(scored.get(start, 0)),
            )
            for start in starts
        ),
    )


def _sample(row: Mapping[str, Any]) -> Sample:
    return Sample(**{name: row[name] for name in row if not name.startswith("place_")})


def _different(
    samples: Sequence[Sample], texts: Mapping[tuple[str, str, str], str]
) -> list[Sample]:
    """Samples with what they say, the first of those that say the same."""
    found: dict[str, Sample] = {}
    for sample in samples:
        # One that was removed meanwhile says nothing any more.
        text = texts.get((sample.tenant, sample.conversation, sample.message), "")
        if text:
            found.setdefault(text.casefold(), replace(sample, text=text))
    return list(found.values())


def _among(row: TopicRow, every: TopicRow, thumbs: Part | None) -> TopicRow:
    return replace(
        row,
        share=row.messages / every.messages if every.messages else None,
        thumbs_up=thumbs.thumbs_up if thumbs else 0,
        thumbs_down=thumbs.thumbs_down if thumbs else 0,
    )


def _part(row: Mapping[str, Any]) -> Part:
    return Part(
        value=row["value"],
        conversations=int(row["conversations"]),
        users=int(row["users"]),
        sentiment=mean(row["feeling"], row["scored_messages"]),
        scored=int(row["scored_messages"]),
        thumbs_up=int(row["thumbs_up"]),
        thumbs_down=int(row["thumbs_down"]),
    )
