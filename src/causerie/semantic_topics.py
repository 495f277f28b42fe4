"""Semantic topics: which of them a text belongs to because it means about the same as an example.

A topic is known by its examples: one sentence that describes it, or several messages that belong to
it. A text belongs to it when the cosine of its vector to the nearest of theirs reaches a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causerie.embeddings import DEFAULT_MODEL, Vectors

THRESHOLDS = {DEFAULT_MODEL: 0.60}
"""By the name of what made the vectors; how it was chosen is in docs/topics.md."""
THRESHOLD = 0.60
"""Of any other model, until somebody has looked at what it finds."""
NEAREST = 10


def threshold_of(model: str, own: float = 0.0) -> float:
    """The least cosine to an example: the topic's own, else the model's."""
    return own or THRESHOLDS.get(model, THRESHOLD)


@dataclass(frozen=True)
class Near:
    """A text at some distance from a topic's examples."""

    text: str
    cosine: float
    """To the nearest example, -1 to 1."""
    place: int
    """Of the text, among those that were given."""


@dataclass(frozen=True)
class Preview:
    """What a threshold finds and what it leaves, at the line between the two."""

    threshold: float
    above: list[Near]
    """The last that it finds, the one nearest to the line first."""
    below: list[Near]
    """The first that it leaves, the one nearest to the line first."""
    found: int
    """How many it finds in all."""
    of: int


class SemanticTopics:
    """Topics of one project by the vectors of their examples. `examples` has, for each topic, one
    row per example; `thresholds` the least cosine of each. Safe in threads.
    """

    def __init__(
        self, ids: Sequence[str], examples: Sequence[Vectors], thresholds: Sequence[float]
    ) -> None:
        some = [place for place, rows in enumerate(examples) if len(rows)]
        self._ids = [ids[place] for place in some]
        self._thresholds = np.array([thresholds[place] for place in some], dtype=np.float32)
        sizes = [len(examples[place]) for place in some]
        self._starts = np.cumsum([0, *sizes[:-1]]) if some else np.empty(0, dtype=np.intp)
        rows = np.concatenate([examples[place] for place in some]) if some else None
        self._examples = None if rows is None else unit_rows(rows)

    def match(self, vectors: Vectors) -> list[tuple[str, ...]]:
        """For each row the ids of the topics that it belongs to, in the order of the topics."""
        if self._examples is None:
            return [()] * len(vectors)
        cosines = unit_rows(vectors) @ self._examples.T
        nearest = np.maximum.reduceat(cosines, self._starts, axis=1)
        found: list[list[str]] = [[] for _ in range(len(vectors))]
        for row, topic in np.argwhere(nearest >= self._thresholds):
            found[row].append(self._ids[topic])
        return [tuple(ids) for ids in found]


def preview(
    vectors: Vectors,
    texts: Sequence[str],
    examples: Vectors,
    threshold: float,
    count: int = NEAREST,
) -> Preview:
    """The texts on both sides of a threshold that are nearest to it, at most `count` on each, each
    text once. `vectors` has one row per text.
    """
    if not len(texts) or not len(examples):
        return Preview(threshold, [], [], 0, len(texts))
    cosines = (unit_rows(vectors) @ unit_rows(examples).T).max(axis=1)
    order = np.argsort(-cosines, kind="stable")
    found = int((cosines >= threshold).sum())
    above = _some(order[:found][::-1], cosines, texts, count)
    below = _some(order[found:], cosines, texts, count)
    return Preview(threshold, above, below, found, len(texts))


def _some(
    places: npt.NDArray[np.intp], cosines: npt.NDArray[np.float32], texts: Sequence[str], count: int
) -> list[Near]:
    told: dict[str, Near] = {}
    for place in places:
        if len(told) == count:
            break
        text = texts[place]
        told.setdefault(text, Near(text, float(cosines[place]), int(place)))
    return list(told.values())


def unit_rows(rows: npt.NDArray[Any]) -> Vectors:
    """Rows of unit length from rows of any, whole numbers too; a row of zeros stays one."""
    rows = np.asarray(rows, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    unit: Vectors = rows / lengths
    return unit
