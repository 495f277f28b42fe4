"""Search: conversations by what was said in them and by what it means, together; and those alike.

Both ways rank conversations by themselves, and reciprocal rank fusion puts them together: a
conversation counts 1 / (60 + its rank) of each list that it is in. What both ways find comes first,
and neither needs to know how the other scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from causerie.reports import ConversationRow, Question, Reports
from causerie.search_words import Wanted
from causerie.store.events import EventStore

FOUND_MAX = 200
"""Of each way."""
RANK_OFFSET = 60
"""As reciprocal rank fusion is used everywhere: the first ranks differ little."""
COSINE_MIN = 0.45
"""What means less alike than that, in most models, is about something else."""
ALIKE_MIN = 0.5
Key = tuple[str, str]
"""A conversation: its tenant and id."""


@dataclass(frozen=True)
class Vector:
    """What a text means, with the name of the model that says so."""

    model: str
    numbers: tuple[float, ...]


@dataclass(frozen=True)
class Found:
    """A conversation that fits, with the message of it that fits best."""

    key: Key
    message: str
    by_words: bool
    cosine: float | None
    """How near it is in meaning; None where it was not found by that."""


@dataclass(frozen=True)
class Findings:
    """All that fits, the best first."""

    found: list[Found]
    by_words: int
    """How many conversations have the words, in all."""
    by_meaning: int


@dataclass(frozen=True)
class Hit:
    """A conversation that fits, whole, and what the message says."""

    found: Found
    row: ConversationRow
    text: str


class Search:
    """Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore, reports: Reports) -> None:
        self._events = events
        self._reports = reports

    def models(self, project: str) -> list[str]:
        """What made the vectors of a project's messages, the most used first."""
        rows = self._events.select("search/models", {"project": project})
        return [row["model"] for row in rows]

    def find(self, question: Question, wanted: Wanted, vector: Vector | None) -> Findings:
        """What fits among the conversations of a question."""
        words = self._by_words(question, wanted)
        meaning = self._by_meaning(question, wanted, vector) if vector else []
        total = int(words[0]["total"]) if words else 0
        return Findings(fuse(words, meaning), total, len(meaning))

    def _by_words(self, question: Question, wanted: Wanted) -> list[dict[str, Any]]:
        if not wanted.words:
            return []
        parameters = {
            **_without(question, wanted).parameters(),
            "patterns": wanted.patterns,
            "whole_patterns": wanted.whole_patterns,
            "limit": FOUND_MAX,
        }
        return self._events.select("search/words", parameters)

    def _by_meaning(
        self, question: Question, wanted: Wanted, vector: Vector
    ) -> list[dict[str, Any]]:
        parameters = {
            **_without(question, wanted).parameters(),
            "embedder": vector.model,
            "vector": list(vector.numbers),
            "least": COSINE_MIN,
            "limit": FOUND_MAX,
        }
        return self._events.select("search/meaning", parameters)

    def hits(self, question: Question, found: Sequence[Found]) -> list[Hit]:
        """Some of what was found, with all that a list shows."""
        rows = self._rows(question, [one.key for one in found])
        texts = self._texts(question.project, found)
        return [
            Hit(one, rows[one.key], texts.get((*one.key, one.message), ""))
            for one in found
            if one.key in rows
        ]

    def alike(
        self, question: Question, key: Key, limit: int
    ) -> list[tuple[ConversationRow, float]]:
        """Conversations of a question that mean about the same as one, the nearest first, with
        their cosines; none where nothing is known of that one.
        """
        own = {"project": question.project, "of_tenant": key[0], "of": key[1]}
        middle = self._events.select("search/middle", own)
        if not middle:
            return []
        parameters = {
            **question.parameters(),
            **own,
            "embedder": middle[0]["model"],
            "vector": list(middle[0]["middle"]),
            "least": ALIKE_MIN,
            "limit": limit,
        }
        found = {
            (row["tenant"], row["conversation"]): float(row["best"])
            for row in self._events.select("search/alike", parameters)
        }
        rows = self._rows(question, list(found))
        return [(rows[name], best) for name, best in found.items() if name in rows]

    def _rows(self, question: Question, keys: Sequence[Key]) -> dict[Key, ConversationRow]:
        rows = self._reports.named(question.project, keys, question.since, question.until)
        return {(row.tenant, row.id): row for row in rows}

    def _texts(self, project: str, found: Sequence[Found]) -> dict[tuple[str, str, str], str]:
        if not found:
            return {}
        parameters = {
            "project": project,
            "tenants": sorted({one.key[0] for one in found}),
            "ids": sorted({one.key[1] for one in found}),
            "messages": sorted({one.message for one in found}),
        }
        rows = self._events.select("reports/texts", parameters)
        return {(row["tenant"], row["conversation"], row["id"]): row["text"] for row in rows}


def _without(question: Question, wanted: Wanted) -> Question:
    """The question without what has one of the words that must not be there."""
    left_out = " ".join(f'-"{word}"' for word in wanted.without)
    return replace(question, text=f"{question.text} {left_out}".strip())


def fuse(words: Sequence[Mapping[str, Any]], meaning: Sequence[Mapping[str, Any]]) -> list[Found]:
    """Two rankings as one."""
    scores: dict[Key, float] = {}
    found: dict[Key, Found] = {}
    for rank, row in enumerate(words, 1):
        key = (row["tenant"], row["conversation"])
        scores[key] = 1 / (RANK_OFFSET + rank)
        found[key] = Found(key, row["message"], by_words=True, cosine=None)
    for rank, row in enumerate(meaning, 1):
        key = (row["tenant"], row["conversation"])
        scores[key] = scores.get(key, 0.0) + 1 / (RANK_OFFSET + rank)
        cosine = float(row["best"])
        one = found.get(key) or Found(key, row["nearest"], by_words=False, cosine=None)
        found[key] = replace(one, cosine=cosine)
    return sorted(found.values(), key=lambda one: (-scores[one.key], one.key))
