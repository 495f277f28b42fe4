"""Typed SQL without the values in it: what was asked, and not about whom."""

from __future__ import annotations

from causerie.queries.tokens import TOKEN

OUTLINE_CHARS_MAX = 2_000
NUMBER_CHARS_MAX = 4
"""A longer number may be somebody's."""
LEFT_OUT = "…"


def outline(text: str) -> str:
    """The statement with its texts, quoted names and long numbers left out; empty where it cannot
    be read.
    """
    offset, found = 0, []
    while offset < len(text):
        match = TOKEN.match(text, offset)
        if match is None:
            return ""
        kind, piece = str(match.lastgroup), match.group()
        long = kind == "number" and len(piece) > NUMBER_CHARS_MAX
        if kind == "blank":
            found.append(" ")
        elif kind in ("string", "quoted"):
            found.append(f"{piece[0]}{LEFT_OUT}{piece[0]}")
        else:
            found.append(LEFT_OUT if long else piece)
        offset = match.end()
    return " ".join("".join(found).split())[:OUTLINE_CHARS_MAX]
