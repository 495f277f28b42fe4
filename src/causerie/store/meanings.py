"""What is understood, in the analytics store: what lacks it, what it follows from, what it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from causerie.meanings import ConversationMeaning, MessageMeaning, Said
from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS, MEANINGS

USER_CHARS_MAX = 10_000
"""Of a user's message that its meaning is taken from."""
ANSWER_CHARS_MAX = 1_000
SAMPLE_CHARS_MAX = 600
Key = tuple[str, str]
"""A conversation of a project: its tenant and id."""


@dataclass(frozen=True)
class Left:
    """How much of a project lacks meaning."""

    conversations: int
    messages: int
    all_messages: int


@dataclass(frozen=True)
class Sample:
    """What users said, one entry each."""

    texts: list[str]
    languages: list[str]
    suggested: list[str]
    """The topics that they have so far."""
    vectors: list[bytes]


@dataclass(frozen=True)
class Rated:
    """An answer with a thumb."""

    tenant: str
    conversation: str
    position: int
    rating: int


@dataclass(frozen=True)
class Rewritten:
    """A conversation whose meaning is to be kept."""

    row: Mapping[str, Any]
    """As it was read, with its version."""
    changed: Sequence[MessageMeaning]
    meaning: ConversationMeaning


class Meanings:
    """Reads and writes. Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def lacking(self, project: str, generation: int, limit: int, *, scattered: bool) -> list[Key]:
        """Conversations that were not understood under this generation: neighbours, or some from
        everywhere.
        """
        parameters = {
            "project": project,
            "generation": generation,
            "limit": limit,
            "scattered": scattered,
        }
        return _keys(self._events.select("enrichment/lacking", parameters))

    def unjudged(self, project: str, generation: int, judged: int, limit: int) -> list[Key]:
        """Conversations that are understood and that a model was not asked about."""
        parameters = {
            "project": project,
            "generation": generation,
            "judged": judged,
            "limit": limit,
        }
        return _keys(self._events.select("enrichment/unjudged", parameters))

    def left(self, project: str, generation: int) -> Left:
        """How much lacks meaning."""
        parameters = {"project": project, "generation": generation}
        return Left(**self._events.select("enrichment/left", parameters)[0])

    def rows(self, project: str, keys: Collection[Key]) -> dict[Key, dict[str, Any]]:
        """Whole rows, to be written again. What was deleted meanwhile is missing."""
        rows = self._events.select("enrichment/rows", _names(project, keys))
        return {(row["tenant"], row["id"]): row for row in rows if _key(row) in keys}

    def said(self, project: str, keys: Collection[Key]) -> dict[Key, list[Said]]:
        """What users and assistants said, in order."""
        parameters = {
            **_names(project, keys),
            "user_chars": USER_CHARS_MAX,
            "answer_chars": ANSWER_CHARS_MAX,
        }
        found: dict[Key, list[Said]] = {key: [] for key in keys}
        for row in self._events.select("enrichment/said", parameters):
            key = (row.pop("tenant"), row.pop("conversation"))
            if key in found:
                found[key].append(Said(**row))
        return found

    def known(self, project: str, keys: Collection[Key]) -> dict[Key, dict[str, MessageMeaning]]:
        """What was understood of messages before, by their ids."""
        found: dict[Key, dict[str, MessageMeaning]] = {key: {} for key in keys}
        names = _names(project, keys)
        for row in self._events.select("enrichment/known", names, binary=("vector",)):
            key = (row.pop("tenant"), row.pop("conversation"))
            if key in found:
                lists = {name: tuple(row[name]) for name in ("signals", "topics")}
                found[key][row["message"]] = MessageMeaning(**{**row, **lists})
        return found

    def user_languages(self, project: str, users: Collection[str]) -> dict[str, str]:
        """What users write most; those of whom nothing is known are missing."""
        if not users:
            return {}
        parameters = {"project": project, "users": sorted(users)}
        rows = self._events.select("enrichment/user_languages", parameters)
        return {row["user"]: row["language"] for row in rows}

    def language(self, project: str) -> str:
        """What most of a project's users write; empty while nothing is known."""
        rows = self._events.select("enrichment/language", {"project": project})
        return str(rows[0]["language"]) if rows else ""

    def sample(self, project: str, model: str, limit: int) -> Sample:
        """What users said, at most `limit` messages, the same ones each time."""
        parameters = {
            "project": project,
            "model": model,
            "limit": limit,
            "chars": SAMPLE_CHARS_MAX,
        }
        rows = self._events.select("enrichment/sample", parameters, binary=("vector",))
        # A message that was rated has been written twice.
        once = {(row["tenant"], row["conversation"], row["message"]): row for row in rows}
        names = sorted(once)
        return Sample(
            [once[name]["text"] for name in names],
            [once[name]["language"] for name in names],
            [once[name]["suggested"] for name in names],
            [once[name]["vector"] for name in names],
        )

    def sorted_share(self, project: str, model: str) -> tuple[int, int]:
        """How many messages of users could have a suggested topic, and how many have none."""
        parameters = {"project": project, "model": model}
        row = self._events.select("enrichment/sorted", parameters)[0]
        return int(row["messages"]), int(row["unsorted"])

    def thumbs(self, project: str) -> int:
        """How many there are in all."""
        return int(self._events.select("enrichment/thumbs", {"project": project})[0]["thumbs"])

    def rated(self, project: str, limit: int) -> list[Rated]:
        """The latest answers that were rated."""
        rows = self._events.select("enrichment/rated", {"project": project, "limit": limit})
        return [Rated(**row) for row in rows]

    def unchanged(self, project: str, rewritten: Sequence[Rewritten]) -> list[Rewritten]:
        """Those whose row is still the one that was read: the others have grown since."""
        keys = {_key(one.row) for one in rewritten}
        rows = self._events.select("enrichment/versions", _names(project, keys))
        newest = {_key(row): row["newest"] for row in rows}
        return [one for one in rewritten if newest.get(_key(one.row)) == one.row["version"]]

    def write(
        self,
        project: str,
        rewritten: Sequence[Rewritten],
        unchanged: Sequence[Rewritten],
        version: int,
    ) -> None:
        """Keep what was understood of messages, then of the conversations that are unchanged. In
        this order: a kill in between leaves conversations that still lack it.
        """
        rows = [row for one in rewritten for row in _message_rows(project, one, version)]
        self._events.insert(MEANINGS, rows)
        self._events.insert(
            CONVERSATIONS, [_conversation_row(project, one, version) for one in unchanged]
        )


def _names(project: str, keys: Iterable[Key]) -> dict[str, Any]:
    keys = list(keys)
    return {
        "project": project,
        "tenants": sorted({tenant for tenant, _ in keys}),
        "ids": sorted({id for _, id in keys}),
    }


def _key(row: Mapping[str, Any]) -> Key:
    return row["tenant"], row["id"]


def _keys(rows: Iterable[Mapping[str, Any]]) -> list[Key]:
    return [_key(row) for row in rows]


def _message_rows(project: str, one: Rewritten, version: int) -> Iterable[list[Any]]:
    for meaning in one.changed:
        values = {
            **msgspec.structs.asdict(meaning),
            "project": project,
            "tenant": one.row["tenant"],
            "conversation": one.row["id"],
            "user": one.row["user"],
            "version": version,
            "deleted": 0,
        }
        yield [values[name] for name in MEANINGS.columns]


def _conversation_row(project: str, one: Rewritten, version: int) -> list[Any]:
    values = {**one.row, **meaning_values(one.meaning)}
    values |= {"project": project, "version": version, "deleted": 0}
    return [values[name] for name in CONVERSATIONS.columns]


def meaning_values(meaning: ConversationMeaning) -> Mapping[str, Any]:
    """What is understood of a conversation, as columns of its row."""
    return {
        "language": meaning.language,
        "sentiment": meaning.sentiment,
        "scored": meaning.scored,
        "trend": meaning.trend,
        "signals": meaning.signals,
        "topics": meaning.topics,
        "suggested": meaning.suggested,
        "meaning": meaning.generation,
        "judged": meaning.judged,
    }
