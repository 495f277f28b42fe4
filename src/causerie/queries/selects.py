"""Queries of typed SQL: where rows come from, which names are known where, what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from causerie.queries.expressions import Expressions
from causerie.queries.reader import RESERVED
from causerie.queries.tokens import Sort, Token, quoted

TABLES_MAX = 30
NAMED_QUERY_PREFIX = "query "
"""Before the names of WITH, so that none of them can mean a table of the engine's."""
STRICTNESS = ("ANY", "ALL", "ASOF", "SEMI", "ANTI")
SIDES = ("INNER", "LEFT", "RIGHT", "FULL", "CROSS")
LATER = {
    "SETTINGS": "settings are the server's: leave SETTINGS away",
    "FORMAT": "choose the format beside the result: leave FORMAT away",
    "INTO": "a query cannot write: leave INTO away",
    "PREWHERE": "write WHERE: PREWHERE is not needed here",
    "SAMPLE": "SAMPLE is not available; ORDER BY rand() LIMIT n takes n rows by chance",
    "FINAL": "FINAL is not needed: every row is its newest version",
    "WINDOW": "write the window where it is used: OVER (…)",
}


def translated(text: str, tables: Mapping[str, str], values: Mapping[str, str]) -> str:
    """The same query over these tables, each a query in our own words, by name. Raises SqlError
    with the place of what cannot be understood or is not allowed.
    """
    return Selects(text, tables, values).statement()


class Selects(Expressions):
    """Reads one SELECT with all that is in it."""

    def __init__(self, text: str, tables: Mapping[str, str], values: Mapping[str, str]) -> None:
        super().__init__(text, values)
        self._tables = tables
        self._scopes: list[set[str]] = []
        self._read = 0

    def statement(self) -> str:
        """All of it."""
        if self._is_end():
            raise self._fail("nothing is asked yet: write a query such as SELECT 1")
        if not self._starts_query(0):
            raise self._fail("a query begins with SELECT or WITH; nothing else can be run here")
        found = self.query()
        if not self._is_end():
            reason = LATER.get(self._next.upper)
            raise self._fail(reason) if reason else self._unexpected("the end of the query")
        return found

    def query(self) -> str:
        """SELECTs put together by UNION and its like."""
        self._scopes.append(set())
        named = self._named()
        parts = [named + self._part(named)]
        while self._next.upper in ("UNION", "INTERSECT", "EXCEPT"):
            word = self._take().upper
            how = " ALL" if self._words("ALL") else " DISTINCT" if self._words("DISTINCT") else ""
            # As standard SQL has it; the engine would ask which.
            parts.append(f"{word}{how or (' DISTINCT' if word == 'UNION' else '')}")
            # The engine hands the names of WITH to the first part alone, unless it is told so.
            parts.append(named + self._part(named))
        self._scopes.pop()
        return "\n".join(parts)

    def _part(self, named: str) -> str:
        if not self._is_sign("("):
            return self._select()
        return f"SELECT * FROM {self._subquery()}" if named else self._subquery()

    def _named(self) -> str:
        """WITH: queries by name, and values by name."""
        if not self._words("WITH"):
            return ""
        if self._next.upper == "RECURSIVE":
            raise self._fail("WITH RECURSIVE is not available")
        return f"WITH {', '.join(self._listed(self._named_one))}\n"

    def _named_one(self) -> str:
        token = self._next
        if self._ahead().upper == "AS" and self._is_sign("(", 2) and self._starts_query(3):
            name = self._name("a name")
            if token.text.lower() in self._tables:
                raise self._fail(f"{token.text} is a table already: take another name", token)
            self._take()
            query = self._subquery()
            self._scopes[-1].add(token.text)
            return f"{quoted(NAMED_QUERY_PREFIX)[:-1]}{name[1:]} AS {query}"
        value = self.expression()
        self._expect_word("AS")
        return f"{value} AS {self._name('a name')}"

    def _select(self) -> str:
        self._expect_word("SELECT")
        distinct = self._distinct()
        chosen = ", ".join(self._listed(self._chosen))
        parts = [f"SELECT {distinct}{chosen}"]
        if self._words("FROM"):
            parts.append(f"FROM {self._from()}")
        for words in (("WHERE",), ("GROUP", "BY"), ("HAVING",), ("QUALIFY",), ("ORDER", "BY")):
            if self._next.upper in ("PREWHERE", "SAMPLE", "FINAL"):
                raise self._fail(LATER[self._next.upper])
            if self._words(*words):
                parts.append(f"{' '.join(words)} {self._clause(words[0])}")
        return "\n".join([*parts, *self._limits()])

    def _distinct(self) -> str:
        if not self._words("DISTINCT"):
            return ""
        if not self._words("ON"):
            return "DISTINCT "
        self._expect_sign("(")
        by = ", ".join(self._listed(self.expression))
        self._expect_sign(")")
        return f"DISTINCT ON ({by}) "

    def _chosen(self) -> str:
        if self._is_sign("*"):
            return self._star("")
        if (
            self._next.sort in (Sort.WORD, Sort.QUOTED)
            and self._is_sign(".", 1)
            and self._is_sign("*", 2)
        ):
            table = self._name("the name of a table")
            self._take()
            return self._star(f"{table}.")
        return self.expression() + self._alias()

    def _star(self, table: str) -> str:
        self._take()
        if not self._words("EXCEPT"):
            return f"{table}*"
        if not self._sign("("):
            return f"{table}* EXCEPT ({self._name('a column')})"
        names = self._listed(lambda: self._name("a column"))
        self._expect_sign(")")
        return f"{table}* EXCEPT ({', '.join(names)})"

    def _alias(self) -> str:
        if self._words("AS"):
            token = self._next
            if token.sort is Sort.WORD and token.upper in RESERVED:
                raise self._fail(f"{token.text} is a word of SQL: put it in backticks", token)
            return f" AS {self._name('a name')}"
        is_name = self._next.sort is Sort.WORD and self._next.upper not in RESERVED
        return f" AS {self._name('a name')}" if is_name or self._next.sort is Sort.QUOTED else ""

    # -- tables ------------------------------------------------------------------------------------

    def _from(self) -> str:
        parts = [self._table()]
        while True:
            if self._sign(","):
                parts.append(f"CROSS JOIN {self._table()}")
            elif join := self._array_join() or self._join():
                parts.append(join)
            else:
                return "\n".join(parts)

    def _table(self) -> str:
        if self._is_sign("("):
            if not self._starts_query(1):
                raise self._fail("in parentheses, a query is expected here")
            return self._subquery() + self._alias()
        token = self._next
        if token.sort not in (Sort.WORD, Sort.QUOTED):
            raise self._unexpected("the name of a table")
        source = self._source(self._take())
        self._words("FINAL")
        alias = self._alias()
        self._words("FINAL")
        return f"{source}{alias or f' AS {quoted(token.text)}'}"

    def _source(self, token: Token) -> str:
        if self._is_sign("("):
            raise self._fail(f"{token.text}(…) cannot be read from; {self._offered()}", token)
        if self._is_sign("."):
            reason = f"a table has no database before its name; {self._offered()}"
            raise self._fail(reason, token)
        if any(token.text in scope for scope in self._scopes):
            return quoted(NAMED_QUERY_PREFIX + token.text)
        self._read += 1
        if self._read > TABLES_MAX:
            raise self._fail(f"over {TABLES_MAX} tables in one query (TABLES_MAX)", token)
        name = token.text.lower()
        if name not in self._tables:
            known = [*self._tables, *(name for scope in self._scopes for name in scope)]
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else self._offered()
            raise self._fail(f"there is no table {token.text}; {hint}", token)
        return f"(\n{self._tables[name]})"

    def _offered(self) -> str:
        return f"there are {', '.join(self._tables)}"

    def _array_join(self) -> str:
        left = self._next.upper == "LEFT" and self._ahead().upper == "ARRAY"
        if not left and not (self._next.upper == "ARRAY" and self._ahead().upper == "JOIN"):
            return ""
        self._at += 3 if left else 2
        arrays = ", ".join(self._listed(lambda: self.expression() + self._alias()))
        return f"{'LEFT ' if left else ''}ARRAY JOIN {arrays}"

    def _join(self) -> str:
        start = self._at
        side = strictness = ""
        self._words("GLOBAL")
        while self._next.upper in (*STRICTNESS, *SIDES, "OUTER"):
            word = self._take().upper
            if word in STRICTNESS:
                strictness = f"{word} "
            elif word in SIDES:
                side = f"{word} "
        if not self._words("JOIN"):
            if self._at != start:
                raise self._unexpected("JOIN")
            return ""
        table = self._table()
        if side == "CROSS ":
            return f"CROSS JOIN {table}"
        return f"{side}{strictness}JOIN {table} {self._condition()}"

    def _condition(self) -> str:
        if self._words("ON"):
            return f"ON {self.expression()}"
        self._expect_word("USING")
        wrapped = self._sign("(")
        names = self._listed(lambda: self._name("a column"))
        if wrapped:
            self._expect_sign(")")
        return f"USING ({', '.join(names)})"

    # -- what is done with rows --------------------------------------------------------------------

    def _clause(self, word: str) -> str:
        if word == "GROUP":
            return self._groups()
        if word == "ORDER":
            return "ALL" if self._words("ALL") else ", ".join(self._listed(self._sorted))
        return self.expression()

    def _groups(self) -> str:
        if self._words("ALL"):
            return "ALL"
        if self._next.upper in ("ROLLUP", "CUBE") and self._is_sign("(", 1):
            how = self._take().upper
            self._expect_sign("(")
            names = ", ".join(self._listed(self.expression))
            self._expect_sign(")")
            return f"{how}({names})"
        names = ", ".join(self._listed(self.expression))
        for how in ("ROLLUP", "CUBE"):
            if self._words("WITH", how):
                return f"{names} WITH {how}"
        if self._next.upper == "WITH" and self._ahead().upper == "TOTALS":
            raise self._fail("write WITH ROLLUP: its last row has the totals")
        return names

    def _sorted(self) -> str:
        found = self.ordered()
        if not self._words("WITH", "FILL"):
            return found
        found += " WITH FILL"
        for word in ("FROM", "TO", "STEP"):
            if self._words(word):
                found += f" {word} {self.expression()}"
        return found

    def _limits(self) -> list[str]:
        parts = []
        if self._next.upper == "LIMIT":
            count = self._limit()
            if self._words("BY"):
                parts.append(f"{count} BY {', '.join(self._listed(self.expression))}")
                count = self._limit() if self._next.upper == "LIMIT" else ""
            if count:
                parts.append(count + (" WITH TIES" if self._words("WITH", "TIES") else ""))
        if self._words("OFFSET"):
            parts.append(f"OFFSET {self._whole('a number of rows')}")
            if not self._words("ROWS"):
                self._words("ROW")
        return parts

    def _limit(self) -> str:
        self._expect_word("LIMIT")
        count = self._whole("a number of rows")
        if self._sign(","):
            return f"LIMIT {self._whole('a number of rows')} OFFSET {count}"
        if self._words("OFFSET"):
            return f"LIMIT {count} OFFSET {self._whole('a number of rows')}"
        return f"LIMIT {count}"
