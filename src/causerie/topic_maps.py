"""The suggested topics of a project as one value that is kept: what they are called, where they
lie among all meanings, and which one a new message is of.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from causerie.embeddings import CENTRED_MODELS, Vectors
from causerie.language_means import LanguageMeans
from causerie.topic_discovery import Labels

UNSORTED = ""
"""The topic of a message that has none."""
THRESHOLD_PERCENTILE = 3.0
"""So many of a topic's own messages, in percent, lie beyond what it takes in later."""
THRESHOLD_FIRM = 30
"""So many messages' worth the threshold of all topics has in that of each."""
UNSORTED_SHARE_MAX = 0.08
GROWTH_DUE = 1.4
ROWS_MIN = 50
"""Fewer messages are not worth looking for topics in."""
ROWS_CHANGED_MIN = 50


class Topic(msgspec.Struct, frozen=True):
    """One suggested topic, or a theme: what several topics have in common."""

    id: str
    name: str
    parent: str = ""
    """The id of its theme, "" if it has none or is one."""
    level: int = 1
    """0 for a theme, 1 for a topic."""
    size: int = 0
    """Messages that it had when topics were last looked for."""
    terms: tuple[str, ...] = ()
    typical: str = ""
    threshold: float = 0.0
    """The least cosine to a prototype that a new message must have."""
    idle: int = 0
    """How many times in a row it had no messages when topics were looked for."""
    tone: bool = False
    """Whether its messages say how people feel, whatever they talk about."""


class Edits(msgspec.Struct, frozen=True):
    """What people decided; nothing here is ever undone by finding topics anew."""

    renamed: dict[str, str] = {}
    merged: dict[str, str] = {}
    """A topic's id and the one that it went into."""
    pinned: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    def target(self, topic: str) -> str:
        """Where the messages of a topic go: itself, or what it was merged into, in the end."""
        seen = set()
        while topic in self.merged and topic not in seen:
            seen.add(topic)
            topic = self.merged[topic]
        return topic

    @property
    def fixed(self) -> frozenset[str]:
        """The topics that somebody decided about, which stay as they are."""
        targets = {self.target(topic) for topic in self.merged}
        touched = {*self.renamed, *self.pinned, *self.hidden}
        return frozenset({self.target(topic) for topic in touched} | targets)


class Header(msgspec.Struct):
    """What of a map is no array."""

    model: str
    rows: int
    resolution: float
    topics: tuple[Topic, ...]
    owners: list[str]
    means: bytes


@dataclass(frozen=True)
class TopicMap:
    """Topics and where they lie. A value: a new look at the messages makes a new one."""

    model: str
    """The name of the embedder; vectors of another have no place here."""
    topics: tuple[Topic, ...]
    """Themes first."""
    prototypes: Vectors
    """(prototypes, dimensions), centred where the model needs it."""
    owners: tuple[str, ...]
    """The id of each prototype's topic."""
    means: LanguageMeans = field(default_factory=LanguageMeans.empty)
    rows: int = 0
    """How many messages it was made of."""
    resolution: float = 1.0

    def topic(self, topic: str) -> Topic | None:
        """The topic or theme of that id."""
        return next((each for each in self.topics if each.id == topic), None)

    def assign(
        self, vectors: Vectors, languages: Sequence[str], edits: Edits | None = None
    ) -> list[str]:
        """The topic of each row, as the embedder gave it: that of the nearest prototype, or "" if
        none is near enough.
        """
        return self.assign_centred(self.centred(vectors, languages), edits)

    def assign_centred(self, vectors: Vectors, edits: Edits | None = None) -> list[str]:
        """Likewise, of rows that `centred` gave."""
        if not len(vectors) or not self.owners:
            return [UNSORTED] * len(vectors)
        similar = vectors @ self.prototypes.T
        best = similar.argmax(axis=1)
        least = {topic.id: topic.threshold for topic in self.topics}
        edits = edits or Edits()
        return [
            edits.target(self.owners[place]) if cosine >= least[self.owners[place]] else UNSORTED
            for place, cosine in zip(best, similar.max(axis=1), strict=True)
        ]

    def centred(self, vectors: Vectors, languages: Sequence[str]) -> Vectors:
        """The rows as this map compares them."""
        if self.model in CENTRED_MODELS:
            return vectors
        return self.means.centred(vectors, languages)

    def to_bytes(self) -> bytes:
        """For keeping; `from_bytes` reads it."""
        header = Header(
            self.model,
            self.rows,
            self.resolution,
            self.topics,
            list(self.owners),
            self.means.to_bytes(),
        )
        kept = io.BytesIO()
        np.savez_compressed(
            kept,
            header=np.frombuffer(msgspec.msgpack.encode(header), dtype=np.uint8),
            prototypes=self.prototypes.astype(np.float16),
        )
        return kept.getvalue()

    @classmethod
    def from_bytes(cls, kept: bytes) -> TopicMap:
        """What `to_bytes` wrote.

        Raises:
            ValueError, msgspec.DecodeError: it is something else.
        """
        with np.load(io.BytesIO(kept), allow_pickle=False) as arrays:
            header = msgspec.msgpack.decode(arrays["header"].tobytes(), type=Header)
            prototypes = arrays["prototypes"].astype(np.float32)
        return cls(
            header.model,
            header.topics,
            prototypes,
            tuple(header.owners),
            LanguageMeans.from_bytes(header.means),
            header.rows,
            header.resolution,
        )


def is_due(old: TopicMap | None, rows: int, unsorted: int) -> bool:
    """Whether topics should be looked for anew, among so many messages of which so many found no
    topic: at first, when many more have come, or when too many are of nothing that is known.
    """
    if rows < ROWS_MIN:
        return False
    if old is None or not old.rows:
        return True
    if abs(rows - old.rows) < ROWS_CHANGED_MIN and unsorted < ROWS_CHANGED_MIN:
        return False
    return rows >= GROWTH_DUE * old.rows or unsorted > UNSORTED_SHARE_MAX * rows


def thresholds(
    vectors: Vectors, labels: Labels, prototypes: Vectors, owners: Labels
) -> list[float]:
    """For each group the cosine that nearly all of its rows reach, drawn to that of all groups the
    more, the fewer rows it has.
    """
    grouped = labels >= 0
    if not grouped.any():
        return []
    similar = (vectors[grouped] @ prototypes.T).max(axis=1)
    overall = float(np.percentile(similar, THRESHOLD_PERCENTILE))
    found = []
    for group in range(int(owners.max()) + 1):
        own = similar[labels[grouped] == group]
        low = float(np.percentile(own, THRESHOLD_PERCENTILE)) if len(own) else overall
        found.append((low * len(own) + overall * THRESHOLD_FIRM) / (len(own) + THRESHOLD_FIRM))
    return found
