"""What the worker would have understood, put into the analytics store by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from statistics import mean
from typing import Any

from causerie.meanings import MessageMeaning
from causerie.reports import Reports
from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS, MEANINGS
from causerie.topics import Definition, Topic, TopicKind

BEGAN = datetime(2026, 5, 1, tzinfo=UTC)
LONG_AGO, FAR_AHEAD = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
VERSION = 10**12
"""Higher than what deliveries write under."""


def understand(
    events: EventStore,
    project: str,
    id: str,
    *messages: Mapping[str, Any],
    tenant: str = "",
    trend: str = "",
    version: int = VERSION,
) -> None:
    """Writes what is understood of a conversation's messages, in their order, and what that comes
    to. A message may have any field of `MessageMeaning`; an empty one stays without meaning.
    """
    understand_all(events, project, {id: messages}, tenant=tenant, trend=trend, version=version)


def understand_all(
    events: EventStore,
    project: str,
    told: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    tenant: str = "",
    trend: str = "",
    version: int = VERSION,
) -> None:
    """The same of many conversations, by their ids: each write takes as long as one of all."""
    reports = Reports(events)
    rows = reports.named(project, [(tenant, id) for id in told], LONG_AGO, FAR_AHEAD)
    assert [row.id for row in rows] == list(told)
    meanings, conversations = [], []
    for transcript in reports.transcripts(project, rows):
        row = transcript.row
        understood = [
            MessageMeaning(
                position=message.position,
                message=message.id,
                at=message.at,
                role=message.role,
                **given,
            )
            for message, given in zip(transcript.messages, told[row.id], strict=False)
            if given
        ]
        about = {"project": project, "tenant": tenant, "conversation": row.id, "user": row.user}
        meanings += [_meaning_row(about, one, version) for one in understood]
        values = {
            **asdict(row),
            **_coming_to(understood),
            "project": project,
            "trend": trend,
            "meaning": 1,
            "judged": 0,
            "version": version,
            "deleted": 0,
        }
        conversations.append([values[name] for name in CONVERSATIONS.columns])
    events.insert(MEANINGS, meanings)
    events.insert(CONVERSATIONS, conversations)


def _meaning_row(about: Mapping[str, Any], one: MessageMeaning, version: int) -> list[Any]:
    values = {
        **about,
        **{name: getattr(one, name) for name in one.__struct_fields__},
        "vector": one.vector,
        "version": version,
        "deleted": 0,
    }
    return [values[name] for name in MEANINGS.columns]


def _coming_to(understood: Sequence[MessageMeaning]) -> dict[str, Any]:
    scores = [one.sentiment for one in understood if one.sentiment is not None]
    spoken = Counter(one.language for one in understood if one.language and one.role == "user")
    kept = Counter(topic for one in understood for topic in one.topics)
    found = Counter(one.suggested for one in understood if one.suggested)
    return {
        "language": spoken.most_common(1)[0][0] if spoken else "",
        "sentiment": mean(scores) if scores else None,
        "scored": len(scores),
        "signals": sorted({signal for one in understood for signal in one.signals}),
        "topics": [topic for topic, _ in kept.most_common()],
        "suggested": [topic for topic, _ in found.most_common()],
    }


def found_topic(project: str, id: str, name: str, parent: str = "", **given: Any) -> Topic:
    """A topic that was discovered."""
    about = {name: given.pop(name) for name in ("terms", "typical", "size") if name in given}
    return Topic(
        project=project,
        id=id,
        kind=TopicKind.SUGGESTED,
        definition=Definition(found_name=name, parent=parent, **about),
        created_at=BEGAN,
        changed_at=BEGAN,
        **given,
    )


def kept_topic(project: str, id: str, name: str, *words: str, **given: Any) -> Topic:
    """A topic that a person defined by words."""
    return Topic(
        project=project,
        id=id,
        kind=TopicKind.KEYWORD,
        definition=Definition(words=words),
        created_at=BEGAN,
        changed_at=BEGAN,
        name=name,
        **given,
    )
