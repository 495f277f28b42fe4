"""Kept topics: what a person has defined, put together to be found in messages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from causerie.embeddings import Embedder, Vectors
from causerie.keyword_topics import KeywordTopics
from causerie.semantic_topics import SemanticTopics, threshold_of
from causerie.topics import Topic, TopicKind

Vector = npt.NDArray[np.float32] | npt.NDArray[np.int8]


class KeptMatcher:
    """Finds a project's keyword and semantic topics. To be made anew when `kept_generation` is
    another: the examples are embedded here, once. Without an embedder no semantic topic is found.
    Safe in threads.
    """

    def __init__(self, topics: Sequence[Topic], embedder: Embedder | None) -> None:
        self._targets = merge_targets(topics)
        self._order = {topic.id: place for place, topic in enumerate(topics)}
        self.judged = tuple(topic for topic in topics if topic.kind is TopicKind.LLM)
        """Those that a language model has to be asked about."""
        words = [topic for topic in topics if topic.kind is TopicKind.KEYWORD]
        self._keyword = KeywordTopics([(topic.id, topic.definition) for topic in words])
        self._has_words = bool(words)
        self._semantic = _semantic(topics, embedder)

    @property
    def needs_vectors(self) -> bool:
        """Whether it makes a difference to `match` that there are vectors."""
        return self._semantic is not None

    def match(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        vectors: Vectors | Sequence[Vector | None] | None = None,
    ) -> list[tuple[str, ...]]:
        """For each text the ids of the topics that it belongs to, in the order of the topics; one
        that was merged counts for its target. `languages` has a code for each text, `vectors` a
        row, of the embedder's model, or None where there is none.
        """
        found: list[list[str]] = [[] for _ in texts]
        if self._has_words:
            for ids, text, language in zip(found, texts, languages, strict=True):
                ids.extend(self._keyword.match(text, language))
        if self._semantic is not None and vectors is not None:
            rows = [row for row, vector in enumerate(vectors) if vector is not None]
            known = [np.asarray(vectors[row], dtype=np.float32) for row in rows]
            if known:
                matches = self._semantic.match(np.stack(known))
                for row, ids_of_row in zip(rows, matches, strict=True):
                    found[row].extend(ids_of_row)
        return [self.joined(ids) if ids else () for ids in found]

    def joined(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Ids of topics as they count: those of targets, each once, in the order of the topics."""
        counted = {self._targets.get(id, id) for id in ids}
        return tuple(sorted(counted, key=lambda id: (self._order.get(id, len(self._order)), id)))


def _semantic(topics: Sequence[Topic], embedder: Embedder | None) -> SemanticTopics | None:
    described = [topic for topic in topics if topic.kind is TopicKind.SEMANTIC]
    if embedder is None or not described:
        return None
    rows = embedder.embed([text for topic in described for text in topic.definition.examples])
    ends = np.cumsum([len(topic.definition.examples) for topic in described])
    thresholds = [threshold_of(embedder.name, topic.definition.threshold) for topic in described]
    return SemanticTopics([topic.id for topic in described], np.split(rows, ends[:-1]), thresholds)


def merge_targets(topics: Iterable[Topic]) -> Mapping[str, str]:
    """For each topic that is a part of another, of any kind, the one that its messages count for in
    the end. A topic that is gone, or that leads back to itself, is no target: what led there stands
    for itself.
    """
    into = {topic.id: topic.merged_into for topic in topics}
    return {id: _end(id, into) for id, first in into.items() if first}


def _end(id: str, into: Mapping[str, str]) -> str:
    passed = [id]
    while (following := into.get(passed[-1], "")) and following in into:
        if following in passed:
            return id
        passed.append(following)
    return passed[-1]


def kept_generation(topics: Iterable[Topic]) -> int:
    """A number that is another one when `match` may find something else; 63 bits, never 0."""
    kept = [topic for topic in topics if topic.kept or topic.merged_into]
    return _number((topic.id, topic.revision, topic.merged_into) for topic in kept)


def judged_generation(topics: Iterable[Topic]) -> int:
    """The same for what a language model is asked; 0 where there is nothing to ask."""
    judged = [topic for topic in topics if topic.kind is TopicKind.LLM]
    return _number((topic.id, topic.revision) for topic in judged) if judged else 0


def _number(facts: Iterable[tuple[object, ...]]) -> int:
    digest = hashlib.blake2b(msgspec.json.encode(sorted(facts)), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1) or 1
