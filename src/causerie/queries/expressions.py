"""Expressions of typed SQL, read piece by piece and written anew.

Nothing of the typed text is passed on: what comes out is put together from the words in this file,
the functions and types that are known, and names and values that are written by `tokens`. So what
is not thought of here cannot be said.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches

from causerie.queries.functions import FUNCTIONS, PARTS, TYPES, UNIT_FIRST, UNITS
from causerie.queries.reader import RESERVED, Reader
from causerie.queries.tokens import Sort, written_name, written_string

CALLS_MAX = 300
COMPARISONS = {
    "=": "=",
    "==": "=",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
LIKES = ("LIKE", "ILIKE")


class Expressions(Reader, ABC):
    """Reads values. `values` are the names that may stand in braces, with the type that each is
    bound by.
    """

    def __init__(self, text: str, values: Mapping[str, str]) -> None:
        super().__init__(text)
        self._values = values
        self._calls = 0

    @abstractmethod
    def query(self) -> str:
        """A whole query, inside parentheses that are not its own."""

    # -- operators, the loosest first --------------------------------------------------------------

    def expression(self) -> str:
        """One value."""
        return self._deeper(self._choice)

    def _choice(self) -> str:
        condition = self._chain(self._all, ("OR",))
        if not self._sign("?"):
            return condition
        chosen = self.expression()
        self._expect_sign(":")
        return f"if({condition}, {chosen}, {self.expression()})"

    def _all(self) -> str:
        return self._chain(self._denial, ("AND",))

    def _chain(self, read: Callable[[], str], words: Collection[str]) -> str:
        parts = [read()]
        while self._next.upper in words:
            parts += [self._take().upper, read()]
        return f"({' '.join(parts)})" if len(parts) > 1 else parts[0]

    def _denial(self) -> str:
        if self._words("NOT"):
            return f"(NOT {self._deeper(self._denial)})"
        return self._comparison()

    def _comparison(self) -> str:
        left = self._joined()
        while True:
            if sign := self._sign(*COMPARISONS):
                left = f"({left} {COMPARISONS[sign]} {self._joined()})"
            elif self._words("IS"):
                kept = "IS NOT NULL" if self._words("NOT") else "IS NULL"
                self._expect_word("NULL")
                left = f"({left} {kept})"
            elif (found := self._search(left)) is None:
                return left
            else:
                left = found

    def _search(self, left: str) -> str | None:
        """What follows is [NOT] LIKE, BETWEEN or IN."""
        denied = self._next.upper == "NOT"
        word = self._ahead(1 if denied else 0).upper
        if word not in (*LIKES, "BETWEEN", "IN"):
            if word == "GLOBAL":
                raise self._fail("IN is enough: GLOBAL is not needed here")
            return None
        self._at += 2 if denied else 1
        if word == "IN":
            return self._among(left, "NOT IN" if denied else "IN")
        not_ = "NOT " if denied else ""
        if word == "BETWEEN":
            low = self._joined()
            self._expect_word("AND")
            return f"({left} {not_}BETWEEN {low} AND {self._joined()})"
        return f"({left} {not_}{word} {self._joined()})"

    def _among(self, left: str, word: str) -> str:
        """Never a bare name on the right, which the engine would take for a table's."""
        if self._is_sign("["):
            return f"({left} {word} {self._array()})"
        if not self._is_sign("("):
            raise self._unexpected("'(' after IN, and a list or a query")
        if self._starts_query(1):
            return f"({left} {word} {self._subquery()})"
        self._expect_sign("(")
        values = self._listed(self.expression)
        self._expect_sign(")")
        return f"({left} {word} tuple({', '.join(values)}))"

    def _joined(self) -> str:
        return self._signs(self._sum, {"||": "||"})

    def _sum(self) -> str:
        return self._signs(self._product, {"+": "+", "-": "-"})

    def _product(self) -> str:
        signs = {"*": "*", "/": "/", "%": "MOD", "DIV": "DIV", "MOD": "MOD"}
        return self._signs(self._signed, signs)

    def _signs(self, read: Callable[[], str], signs: Mapping[str, str]) -> str:
        parts = [read()]
        while (sign := self._next.upper or self._next.text) in signs and self._next.sort in (
            Sort.SIGN,
            Sort.WORD,
        ):
            self._take()
            parts += [signs[sign], read()]
        return f"({' '.join(parts)})" if len(parts) > 1 else parts[0]

    def _signed(self) -> str:
        if self._sign("-"):
            return f"(- {self._deeper(self._signed)})"
        if self._sign("+"):
            return self._deeper(self._signed)
        return self._followed(self._value())

    def _followed(self, value: str) -> str:
        """What stands behind a value: a type, an element, a member of a tuple."""
        while True:
            if self._sign("::"):
                value = f"CAST({value} AS {self._type()})"
            elif self._sign("["):
                value = f"{value}[{self.expression()}]"
                self._expect_sign("]")
            elif self._next.sort is Sort.NUMBER and self._next.text[:1] == ".":
                place = self._take()
                if not place.text[1:].isdecimal():
                    raise self._fail("a member of a tuple is named by a whole number", place)
                value = f"tupleElement({value}, {place.text[1:]})"
            else:
                return value

    # -- values ------------------------------------------------------------------------------------

    def _value(self) -> str:
        token = self._next
        if token.sort is Sort.STRING:
            return written_string(self._take().text)
        if token.sort is Sort.NUMBER:
            return self._take().text
        if token.sort is Sort.VALUE:
            return self._bound()
        if self._is_sign("("):
            return self._subquery() if self._starts_query(1) else self._parenthesis()
        if self._is_sign("["):
            return self._array()
        if token.sort is Sort.WORD and (found := self._special(token.upper)) is not None:
            return found
        if token.sort is Sort.WORD and self._is_sign("(", 1):
            return self._call()
        return self._column()

    def _special(self, word: str) -> str | None:
        """What begins with a word of the language."""
        called = self._is_sign("(", 1)
        if word in ("NULL", "TRUE", "FALSE") and not called:
            return self._take().upper
        if word == "CASE":
            return self._case()
        if word in ("CAST", "EXTRACT") and called:
            return self._cast() if word == "CAST" else self._extract()
        if word == "EXISTS" and called and self._starts_query(2):
            self._take()
            return f"EXISTS{self._subquery()}"
        if word == "INTERVAL":
            return self._interval()
        if word in ("DATE", "TIMESTAMP") and self._ahead().sort is Sort.STRING:
            self._take()
            kind = "toDate" if word == "DATE" else "toDateTime"
            return f"{kind}({written_string(self._take().text)})"
        return None

    def _bound(self) -> str:
        token = self._take()
        name = token.text[1:-1].partition(":")[0].strip()
        if name not in self._values:
            known = ", ".join(f"{{{value}}}" for value in self._values)
            raise self._fail(f"{token.text} is not known here; there are {known}", token)
        return f"{{{name}:{self._values[name]}}}"

    def _starts_query(self, ahead: int) -> bool:
        while self._is_sign("(", ahead):
            ahead += 1
        return self._ahead(ahead).upper in ("SELECT", "WITH")

    def _subquery(self) -> str:
        self._expect_sign("(")
        found = self._deeper(self.query)
        self._expect_sign(")")
        return f"({found})"

    def _parenthesis(self) -> str:
        self._expect_sign("(")
        values = self._listed(self.expression)
        self._expect_sign(")")
        return f"tuple({', '.join(values)})" if len(values) > 1 else f"({values[0]})"

    def _array(self) -> str:
        self._expect_sign("[")
        values = [] if self._is_sign("]") else self._listed(self.expression)
        self._expect_sign("]")
        return f"[{', '.join(values)}]"

    def _column(self) -> str:
        parts = [self._name("a value or the name of a column")]
        while self._is_sign(".") and self._ahead().sort in (Sort.WORD, Sort.QUOTED):
            self._take()
            parts.append(written_name(self._text, self._take()))
        return ".".join(parts)

    def _case(self) -> str:
        self._take()
        parts = ["CASE"] if self._next.upper == "WHEN" else ["CASE", self.expression()]
        while self._words("WHEN"):
            condition = self.expression()
            self._expect_word("THEN")
            parts.append(f"WHEN {condition} THEN {self.expression()}")
        if self._words("ELSE"):
            parts.append(f"ELSE {self.expression()}")
        self._expect_word("END")
        return f"({' '.join(parts)} END)"

    def _cast(self) -> str:
        self._take()
        self._expect_sign("(")
        value = self.expression()
        self._expect_word("AS")
        kind = self._type()
        self._expect_sign(")")
        return f"CAST({value} AS {kind})"

    def _type(self) -> str:
        token = self._take()
        kind = TYPES.get(token.text.lower()) if token.sort is Sort.WORD else None
        if kind is None:
            raise self._fail(f"{token.text!r} is not a type that can be used here", token)
        if not self._sign("("):
            return kind
        inner = self._listed(self._type_part)
        self._expect_sign(")")
        return f"{kind}({', '.join(inner)})"

    def _type_part(self) -> str:
        if self._next.sort is Sort.NUMBER:
            return self._whole("a whole number")
        if self._next.sort is Sort.STRING:
            return written_string(self._take().text)
        if self._ahead().sort is Sort.WORD:
            return f"{self._name('a name')} {self._type()}"
        return self._deeper(self._type)

    def _whole(self, wanted: str) -> str:
        if self._next.sort is not Sort.NUMBER or not self._next.text.isdecimal():
            raise self._unexpected(wanted)
        return self._take().text

    def _extract(self) -> str:
        if self._ahead(3).upper != "FROM":
            return self._call()
        self._at += 2
        part = self._take()
        if part.text.lower() not in PARTS:
            raise self._fail(f"EXTRACT takes one of {', '.join(PARTS)}", part)
        self._expect_word("FROM")
        value = self.expression()
        self._expect_sign(")")
        return f"{PARTS[part.text.lower()]}({value})"

    def _interval(self) -> str:
        start = self._take()
        if self._next.sort is Sort.STRING and " " in self._next.text.strip():
            count, _, unit = self._take().text.strip().partition(" ")
            if not count.isdecimal():
                raise self._fail("an interval is written like INTERVAL 7 DAY", start)
        else:
            count, unit = self._signed(), self._take().text
        known = UNITS.get(unit.strip().lower().removesuffix("s"))
        if known is None:
            raise self._fail("an interval is written like INTERVAL 7 DAY", start)
        return f"{known}({count})"

    # -- calls -------------------------------------------------------------------------------------

    def _call(self) -> str:
        token = self._take()
        name = FUNCTIONS.get(token.text.lower())
        if name is None:
            raise self._fail(_unknown_function(token.text), token)
        self._calls += 1
        if self._calls > CALLS_MAX:
            raise self._fail(f"over {CALLS_MAX} functions in one query (CALLS_MAX)", token)
        call = f"{name}({self._arguments(name)})"
        if self._is_sign("("):
            call += f"({self._arguments(name)})"
        if self._words("FILTER"):
            self._expect_sign("(")
            self._expect_word("WHERE")
            call += f" FILTER (WHERE {self.expression()})"
            self._expect_sign(")")
        return f"{call} OVER ({self._window()})" if self._words("OVER") else call

    def _arguments(self, name: str) -> str:
        self._expect_sign("(")
        if self._sign(")"):
            return ""
        if name.startswith("count") and self._is_sign("*") and self._is_sign(")", 1):
            self._at += 2
            return ""
        distinct = "DISTINCT " if self._words("DISTINCT") else ""
        unit = self._next.text.lower()
        if name.lower() in UNIT_FIRST and unit in UNITS and self._is_sign(",", 1):
            self._at += 2
            values = [written_string(unit), *self._listed(self._argument)]
        else:
            values = self._listed(self._argument)
        self._expect_sign(")")
        return distinct + ", ".join(values)

    def _argument(self) -> str:
        """A value, or a function without a name: x -> …, (x, y) -> …"""
        if self._next.sort in (Sort.WORD, Sort.QUOTED) and self._is_sign("->", 1):
            name = self._name("a name")
            self._take()
            return f"{name} -> ({self.expression()})"
        start = self._at
        if self._is_sign("(") and (names := self._names()) and self._sign("->"):
            return f"({', '.join(names)}) -> ({self.expression()})"
        self._at = start
        return self.expression()

    def _names(self) -> list[str]:
        """Names in parentheses, if that is what comes next."""
        names = []
        self._take()
        while self._next.sort in (Sort.WORD, Sort.QUOTED) and self._next.upper not in RESERVED:
            names.append(self._name("a name"))
            if self._sign(")"):
                return names
            if not self._sign(","):
                break
        return []

    def _window(self) -> str:
        self._expect_sign("(")
        parts = []
        if self._words("PARTITION", "BY"):
            parts.append(f"PARTITION BY {', '.join(self._listed(self.expression))}")
        if self._words("ORDER", "BY"):
            parts.append(f"ORDER BY {', '.join(self._listed(self.ordered))}")
        if self._next.upper in ("ROWS", "RANGE"):
            kind = self._take().upper
            if self._words("BETWEEN"):
                start = self._frame()
                self._expect_word("AND")
                parts.append(f"{kind} BETWEEN {start} AND {self._frame()}")
            else:
                parts.append(f"{kind} {self._frame()}")
        self._expect_sign(")")
        return " ".join(parts)

    def _frame(self) -> str:
        if self._words("CURRENT", "ROW"):
            return "CURRENT ROW"
        far = "UNBOUNDED" if self._words("UNBOUNDED") else self._whole("a number of rows")
        if self._next.upper not in ("PRECEDING", "FOLLOWING"):
            raise self._unexpected("PRECEDING or FOLLOWING")
        return f"{far} {self._take().upper}"

    def ordered(self) -> str:
        """An expression of ORDER BY, and which way."""
        found = self.expression()
        for long, short in (
            ("ASCENDING", "ASC"),
            ("DESCENDING", "DESC"),
            ("ASC", "ASC"),
            ("DESC", "DESC"),
        ):
            if self._words(long):
                found += f" {short}"
                break
        if self._words("NULLS"):
            last = self._words("LAST")
            if not last:
                self._expect_word("FIRST")
            found += " NULLS LAST" if last else " NULLS FIRST"
        return found


def _unknown_function(name: str) -> str:
    near = get_close_matches(name.lower(), FUNCTIONS, 1)
    hint = f"; did you mean {FUNCTIONS[near[0]]}?" if near else ""
    return f"there is no function {name} here{hint}"
