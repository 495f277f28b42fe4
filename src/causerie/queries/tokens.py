"""Typed SQL in pieces, each with its place, and values written so that no engine misreads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from causerie.errors import Invalid

TEXT_CHARS_MAX = 20_000
NAME_CHARS_MAX = 128
RESERVED_PREFIX = "__"
"""What the tables of the project are made with; no typed name begins so."""

TOKEN = re.compile(
    r"""
      (?P<blank>   [\s\ufeff]+ | --[^\n]* | /\*.*?\*/ )
    | (?P<string>  '(?:[^'\\]|\\.|'')*' )
    | (?P<quoted>  `[^`]*` | "[^"]*" )
    | (?P<number>  0[xX][0-9a-fA-F]+ | (?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? )
    | (?P<word>    [^\W\d]\w* )
    | (?P<value>   \{[^{}]*\} )
    | (?P<sign>    -> | :: | == | != | <> | <= | >= | \|\| | [-+*/%<>=(),.\[\]?:;] )
    """,
    re.VERBOSE | re.DOTALL,
)
# As the engine reads them; a backslash before anything else stays, so that '\d' is a pattern.
ESCAPES = {
    **{"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "e": "\x1b"},
    **{"\\": "\\", "'": "'", '"': '"', "`": "`", "/": "/", "=": "=", "0": "\0"},
}
PLAIN = re.compile(r"[^\W_]|[ _\-.,:;/()@+<>=!?&]")


class Sort(Enum):
    """What a token is."""

    STRING = auto()
    QUOTED = auto()
    NUMBER = auto()
    WORD = auto()
    VALUE = auto()
    """A bound value, in braces."""
    SIGN = auto()
    END = auto()


@dataclass(frozen=True)
class Token:
    """One piece; `text` is a string's value, a quoted name without its quotes, else as typed."""

    sort: Sort
    text: str
    offset: int

    @property
    def upper(self) -> str:
        """The word to compare with keywords; empty for anything that is not one."""
        return self.text.upper() if self.sort is Sort.WORD else ""


class SqlError(Invalid):
    """Typed SQL that is not run. `line` and `column` (from 1) say where, if that is known."""

    code = "invalid_sql"

    def __init__(self, reason: str, line: int | None = None, column: int | None = None) -> None:
        where = f"line {line}, column {column}: " if line is not None else ""
        super().__init__(where + reason, field="sql")
        self.reason = reason
        self.line = line
        self.column = column


def error_at(text: str, offset: int, reason: str) -> SqlError:
    """The error of that place."""
    before = text[:offset]
    return SqlError(reason, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def tokens(text: str) -> list[Token]:
    """All of it, with an END; a semicolon at the end is left out. Raises SqlError."""
    if len(text) > TEXT_CHARS_MAX:
        raise SqlError(f"this is over {TEXT_CHARS_MAX:,} characters (TEXT_CHARS_MAX)")
    found = list(_pieces(text))
    while found and found[-1].text == ";" and found[-1].sort is Sort.SIGN:
        found.pop()
    for token in found:
        if token.sort is Sort.SIGN and token.text == ";":
            raise error_at(text, token.offset, "one statement at a time: a semicolon ends it")
    return [*found, Token(Sort.END, "", len(text.rstrip()))]


def _pieces(text: str) -> Iterator[Token]:
    offset = 0
    while offset < len(text):
        match = TOKEN.match(text, offset)
        if match is None:
            raise error_at(text, offset, _misread(text[offset]))
        kind, piece = str(match.lastgroup), match.group()
        if kind != "blank":
            yield _token(text, Sort[kind.upper()], piece, offset)
        offset = match.end()


def _misread(character: str) -> str:
    if character in "'\"`":
        return f"this {character} is never closed"
    return f"{character!r} cannot be understood here"


def _token(text: str, sort: Sort, piece: str, offset: int) -> Token:
    if sort is Sort.STRING:
        return Token(sort, _unescaped(text, piece[1:-1], offset), offset)
    if sort is Sort.QUOTED:
        return Token(sort, piece[1:-1], offset)
    return Token(sort, piece, offset)


def _unescaped(text: str, body: str, offset: int) -> str:
    def replace(match: re.Match[str]) -> str:
        escape = match.group()
        if escape == "''":
            return "'"
        if escape.startswith("\\x"):
            if len(escape) != 4 or int(escape[2:], 16) > 0x7F:
                raise error_at(text, offset, "\\x is followed by two digits, 00 to 7f")
            return chr(int(escape[2:], 16))
        return ESCAPES.get(escape[1], escape)

    return re.sub(r"''|\\x[0-9a-fA-F]{0,2}|\\.", replace, body, flags=re.DOTALL)


def written_string(value: str) -> str:
    """A literal that means exactly this value: whatever could end it is written by its code."""
    return f"'{_coded(value)}'"


def written_name(text: str, token: Token) -> str:
    """A typed name in backticks. Raises SqlError for what no table of ours has in a name."""
    name = token.text
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        reason = f"a name has 1 to {NAME_CHARS_MAX} characters that can be printed"
        raise error_at(text, token.offset, reason)
    if name.startswith(RESERVED_PREFIX) or set(name) & set(".\\`\"'{}"):
        reason = f"{name!r} cannot be a name: no dots, quotes, braces, and no __ at its beginning"
        raise error_at(text, token.offset, reason)
    return quoted(name)


def quoted(name: str) -> str:
    """A name in backticks."""
    return f"`{_coded(name)}`"


def _coded(value: str) -> str:
    return "".join(
        character if PLAIN.match(character) or ord(character) > 0x7F else f"\\x{ord(character):02x}"
        for character in value
    )
