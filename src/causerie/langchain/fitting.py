"""Fitting: what a turn must not exceed, so that the server takes it. What is over is cut, with a
mark: better most of a turn than none.
"""

from __future__ import annotations

import hashlib
from typing import Any

from causerie.client.items import Item

TEXT_CHARS_MAX = 1_000_000
CHARS_MAX = 4_000_000
"""Of all texts together: the server takes 10 MiB, and a character may be some bytes."""
ITEMS_MAX = 4_000
ROLE_CHARS_MAX = 40
NAME_CHARS_MAX = 200
ID_CHARS_MAX = 200
CUT = " […]"
REPLACEMENT = "\ufffd"
TEXTS = ("message", "observation", "thought")


def fitted(items: list[Item]) -> list[Item]:
    """The latest of them that fit, each with what fits of it."""
    kept: list[Item] = []
    room = CHARS_MAX
    for item in reversed(items[-ITEMS_MAX:]):
        made = _fitted(item, min(room, TEXT_CHARS_MAX))
        room -= sum(len(made.get(name) or "") for name in TEXTS)
        kept.append(made)
        if room <= 0:
            break
    return kept[::-1]


def _fitted(item: Item, chars: int) -> Item:
    made: Item = dict(item)
    for name in TEXTS:
        if name in made:
            made[name] = text_that_fits(str(made[name]), chars)
    for name, most in (("role", ROLE_CHARS_MAX), ("name", NAME_CHARS_MAX)):
        if name in made:
            made[name] = readable_text(str(made[name]))[:most]
    if "input" in made:
        made["input"] = _input(made["input"])
    return made


def _input(value: Any) -> Any:
    """Readable text wherever it stands in a tool's arguments."""
    if isinstance(value, str):
        return text_that_fits(value, TEXT_CHARS_MAX)
    if isinstance(value, dict):
        return {readable_text(str(key)): _input(inner) for key, inner in value.items()}
    return [_input(inner) for inner in value] if isinstance(value, list) else value


def text_that_fits(text: str, chars: int) -> str:
    """The beginning of a text, readable."""
    text = readable_text(text)
    return text if len(text) <= chars else text[: max(chars - len(CUT), 0)] + CUT


def readable_text(text: str) -> str:
    """Without what no store keeps: NUL, and halves of characters."""
    if "\0" in text:
        text = text.replace("\0", REPLACEMENT)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def id_that_fits(id: str) -> str:
    """The id, or its beginning and a digest of it, so that it stays one of its own."""
    id = readable_text(id)
    if len(id) <= ID_CHARS_MAX:
        return id
    digest = hashlib.blake2b(id.encode(), digest_size=12).hexdigest()
    return f"{id[: ID_CHARS_MAX - len(digest) - 1]}-{digest}"
