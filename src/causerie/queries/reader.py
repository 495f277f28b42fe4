"""What comes next in a typed text, and how it is told that something else was expected."""

from __future__ import annotations

from collections.abc import Callable

from causerie.queries.tokens import Sort, SqlError, Token, error_at, tokens, written_name

DEPTH_MAX = 40
# Words that end an expression, so that none of them is taken for an alias without AS.
RESERVED = frozenset(
    [
        "ALL",
        "AND",
        "ANTI",
        "ANY",
        "ARRAY",
        "AS",
        "ASC",
        "ASOF",
        "BETWEEN",
        "BY",
        "CASE",
        "CROSS",
        "CUBE",
        "DESC",
        "DISTINCT",
        "DIV",
        "ELSE",
        "END",
        "EXCEPT",
        "FILL",
        "FINAL",
        "FOLLOWING",
        "FORMAT",
        "FROM",
        "FULL",
        "GLOBAL",
        "GROUP",
        "HAVING",
        "ILIKE",
        "IN",
        "INNER",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "LEFT",
        "LIKE",
        "LIMIT",
        "MOD",
        "NOT",
        "NULLS",
        "OFFSET",
        "ON",
        "OR",
        "ORDER",
        "OUTER",
        "OVER",
        "PRECEDING",
        "PREWHERE",
        "QUALIFY",
        "RIGHT",
        "SAMPLE",
        "SELECT",
        "SEMI",
        "SETTINGS",
        "THEN",
        "TIES",
        "UNION",
        "USING",
        "WHEN",
        "WHERE",
        "WINDOW",
        "WITH",
    ]
)


class Reader:
    """Reads one text from its beginning on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _is_end(self) -> bool:
        return self._next.sort is Sort.END

    def _ahead(self, count: int = 1) -> Token:
        return self._tokens[min(self._at + count, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._next
        if token.sort is not Sort.END:
            self._at += 1
        return token

    def _fail(self, reason: str, token: Token | None = None) -> SqlError:
        return error_at(self._text, (token or self._next).offset, reason)

    def _unexpected(self, wanted: str) -> SqlError:
        token = self._next
        if token.sort is Sort.END:
            return self._fail(f"the query ends where {wanted} is expected")
        return self._fail(f"{token.text!r} stands where {wanted} is expected")

    def _sign(self, *signs: str) -> str:
        """The sign that comes next, taken, if it is one of these."""
        if self._next.sort is Sort.SIGN and self._next.text in signs:
            return self._take().text
        return ""

    def _words(self, *words: str) -> bool:
        """Whether these words come next; they are taken if so."""
        if all(self._ahead(index).upper == word for index, word in enumerate(words)):
            self._at += len(words)
            return True
        return False

    def _expect_sign(self, sign: str) -> None:
        if not self._sign(sign):
            raise self._unexpected(f"{sign!r}")

    def _expect_word(self, word: str) -> None:
        if not self._words(word):
            raise self._unexpected(word)

    def _is_sign(self, sign: str, ahead: int = 0) -> bool:
        token = self._ahead(ahead)
        return token.sort is Sort.SIGN and token.text == sign

    def _name(self, wanted: str) -> str:
        token = self._next
        if token.sort is Sort.QUOTED or (token.sort is Sort.WORD and token.upper not in RESERVED):
            return written_name(self._text, self._take())
        raise self._unexpected(wanted)

    def _deeper(self, read: Callable[[], str]) -> str:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._fail(f"this is nested over {DEPTH_MAX} levels deep (DEPTH_MAX)")
        found = read()
        self._depth -= 1
        return found

    def _listed(self, read: Callable[[], str]) -> list[str]:
        found = [read()]
        while self._sign(","):
            found.append(read())
        return found
