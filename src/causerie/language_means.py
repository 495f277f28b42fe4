"""Where each language lies in a model's space. Most models put texts by their language first and by
their meaning second; with the language's mean taken away, one topic in two languages is one topic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt

from causerie.embeddings import Vectors, unit

EXAMPLES_FIRM = 50
"""So many examples of all languages together weigh as much as those of one language: the mean of a
language that was hardly seen would be its few topics, and would take them away."""


@dataclass(frozen=True)
class LanguageMeans:
    """Sums and counts of unit vectors by language, from which means follow. A value: adding to it
    makes a new one.
    """

    counts: dict[str, int]
    sums: dict[str, npt.NDArray[np.float64]]

    @classmethod
    def empty(cls) -> LanguageMeans:
        """Of no examples: it centres nothing."""
        return cls({}, {})

    def added(self, vectors: Vectors, languages: Sequence[str]) -> LanguageMeans:
        """With a batch more; `languages` has one for each row, "und" where it is not known."""
        counts, sums = dict(self.counts), dict(self.sums)
        names = np.array(languages, dtype=object)
        for name in sorted(set(languages)):
            of = names == name
            counts[name] = counts.get(name, 0) + int(of.sum())
            sums[name] = sums.get(name, 0.0) + vectors[of].sum(axis=0, dtype=np.float64)
        return LanguageMeans(counts, sums)

    def centred(self, vectors: Vectors, languages: Sequence[str]) -> Vectors:
        """The rows without their languages' means, of unit length."""
        if not self.counts or not len(vectors):
            return vectors
        names = np.array(languages, dtype=object)
        rows = vectors.copy()
        for name in set(languages):
            rows[names == name] -= self.mean(name)
        return unit(rows)

    def mean(self, language: str) -> npt.NDArray[np.float32]:
        """The mean of a language, drawn to that of all the less, the more of it was seen."""
        count = self.counts.get(language, 0)
        firm = self._overall * EXAMPLES_FIRM
        drawn = (self.sums.get(language, 0.0) + firm) / (count + EXAMPLES_FIRM)
        return np.asarray(drawn, dtype=np.float32)

    @cached_property
    def _overall(self) -> npt.NDArray[np.float64]:
        total: npt.NDArray[np.float64] = sum(self.sums.values(), start=np.zeros(1))
        return total / sum(self.counts.values())

    def to_bytes(self) -> bytes:
        """For keeping; `from_bytes` reads it."""
        sums = {name: each.astype("<f4").tobytes() for name, each in self.sums.items()}
        return msgspec.msgpack.encode((self.counts, sums))

    @classmethod
    def from_bytes(cls, kept: bytes) -> LanguageMeans:
        """What `to_bytes` wrote.

        Raises:
            msgspec.DecodeError: it is something else.
        """
        counts, sums = msgspec.msgpack.decode(kept, type=tuple[dict[str, int], dict[str, bytes]])
        return cls(
            counts,
            {name: np.frombuffer(each, "<f4").astype(np.float64) for name, each in sums.items()},
        )
