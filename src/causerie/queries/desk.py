"""QueryDesk: where typed SQL is taken, made safe, and answered within limits.

Three walls stand between one project and another. The first is `translated`: only what it knows can
be said, and only over tables of the asker's own rows. Behind it the engine is told to add the same
condition to each of its tables by itself, and to change and reach nothing.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError

from causerie.discretion import Discretion
from causerie.errors import TooLarge, TooMany, Unavailable
from causerie.queries.selects import translated
from causerie.queries.tables import TABLES
from causerie.queries.tokens import SqlError, error_at, written_string
from causerie.store import events_schema
from causerie.store.accounts import Accounts
from causerie.store.events import (
    PARAMETER_BYTES_MAX,
    PARAMETER_ITEM_BYTES,
    ROWS_SETTINGS,
    EventStore,
)
from causerie.zones import DEFAULT_ZONE

ROWS_MAX = 10_000
SECONDS_MAX = 10
MEMORY_BYTES_MAX = 500_000_000
RESULT_BYTES_MAX = 32_000_000
QUERY_BYTES_MAX = 2_000_000
"""Of what a typed query becomes."""
AT_ONCE_MAX = 2
WAITING_MAX = 8
WAIT_SECONDS_MAX = 10
ENGINE_WORDS_MAX = 400
VALUES = {"since": "DateTime64(6, 'UTC')", "until": "DateTime64(6, 'UTC')"}
"""What may be named in braces, and how it is bound."""

TIMEOUTS = frozenset({159, 160})
MEMORY = frozenset({241})
SIZES = frozenset({158, 307, 396})
UNKNOWN_NAME = 47
BUSY = frozenset({202, 203, 242, 243, 252, 999})
NOISE = re.compile(
    r"(\. | )?In scope .*|:? [Ww]hile (executing|processing|reading) .*|\(version .*|\. Note: .*"
    r"|\([A-Z_]+\)\.?$",
    re.DOTALL,
)


@dataclass(frozen=True)
class Limits:
    """What one query may take."""

    rows: int = ROWS_MAX
    seconds: int = SECONDS_MAX
    memory_bytes: int = MEMORY_BYTES_MAX


@dataclass(frozen=True)
class TypedQuery:
    """SQL as it was typed, and by whom: `tenant` is the only one that they may see, None all.
    `since` and `until` are what `{since}` and `{until}` stand for.
    """

    text: str
    project: str
    since: datetime
    until: datetime
    tenant: str | None = None
    zone: str = DEFAULT_ZONE
    """In which times are told, and days begin."""


@dataclass(frozen=True)
class Field:
    """One column of an answer, with the engine's type."""

    name: str
    type: str

    @property
    def plain_type(self) -> str:
        """Without what only says how it is kept, or that it may be missing."""
        kind = self.type
        while inner := re.fullmatch(r"(?:LowCardinality|Nullable)\((.*)\)", kind):
            kind = inner[1]
        return kind

    @property
    def kind(self) -> str:
        """What it is for a chart: number, time, or text."""
        if self.plain_type.startswith(("Int", "UInt", "Float", "Decimal")):
            return "number"
        return "time" if self.plain_type.startswith("Date") else "text"


@dataclass(frozen=True)
class Answer:
    """What a query found. `is_cut` says that there is more than the limit of rows."""

    fields: list[Field]
    rows: list[list[Any]]
    """As JSON has them: times in ISO 8601, decimals as texts."""
    is_cut: bool
    seconds: float


class QueryDesk:
    """Safe in threads. `events` has clients of its own, so that a long query holds up no other part
    of the server; the desk closes them.
    """

    def __init__(
        self, events: EventStore, discretion: Discretion, accounts: Accounts, limits: Limits
    ) -> None:
        self._events = events
        self._discretion = discretion
        self._accounts = accounts
        self.limits = limits
        self._places = Places(AT_ONCE_MAX, WAITING_MAX, WAIT_SECONDS_MAX)

    def close(self) -> None:
        """Give the engine's clients back."""
        self._events.close()

    def answer(self, asked: TypedQuery) -> Answer:
        """Its rows. Raises SqlError for what cannot be run or took too much, TooMany when others
        are asking, Unavailable when the analytics store does not answer.
        """
        query, parameters = self._prepared(asked)
        with self._places.taken(asked.project), _engine_words(asked, self.limits):
            start = time.monotonic()
            found = self._events.answer(query, parameters, RESULT_BYTES_MAX)
            seconds = time.monotonic() - start
        fields = [Field(*pair) for pair in zip(found.names, found.types, strict=True)]
        is_cut = len(found.rows) > self.limits.rows
        return Answer(fields, found.rows[: self.limits.rows], is_cut, seconds)

    def parquet(self, asked: TypedQuery) -> bytes:
        """Its rows as a Parquet file. Raises the same."""
        query, parameters = self._prepared(asked)
        with self._places.taken(asked.project), _engine_words(asked, self.limits):
            return self._events.packed(query, parameters, "Parquet", RESULT_BYTES_MAX)

    def check(self, text: str) -> None:
        """Raises SqlError where the text would be refused before it is run."""
        translated(text, _tables(), VALUES)

    def _prepared(self, asked: TypedQuery) -> tuple[str, dict[str, Any]]:
        query = translated(asked.text, _tables(), VALUES)
        settings = ", ".join(f"{name} = {value}" for name, value in self._settings(asked).items())
        return f"({query})\nSETTINGS {settings}", self._parameters(asked)

    def _settings(self, asked: TypedQuery) -> dict[str, str]:
        own = f"project = {written_string(asked.project)}"
        if asked.tenant is not None:
            own += f" AND tenant = {written_string(asked.tenant)}"
        names = [name for table in events_schema.TABLES for name in table.names("x")]
        filters = ", ".join(f"{written_string(name)}: {written_string(own)}" for name in names)
        limits = self.limits
        settings: dict[str, Any] = {
            "additional_table_filters": f"{{{filters}}}",
            "limit": limits.rows + 1,
            # So that days are those of the reports, in columns and in what is compared with them.
            "session_timezone": written_string(asked.zone),
            "max_execution_time": limits.seconds,
            "timeout_before_checking_execution_speed": 0,
            "max_memory_usage": limits.memory_bytes,
            "max_bytes_before_external_group_by": limits.memory_bytes // 2,
            "max_bytes_before_external_sort": limits.memory_bytes // 2,
            "max_result_bytes": RESULT_BYTES_MAX,
            "max_threads": 1,
            "function_range_max_elements_in_block": 1_000_000,
            "max_query_size": QUERY_BYTES_MAX,
            "allow_ddl": 0,
            "allow_introspection_functions": 0,
            **ROWS_SETTINGS,
        }
        if self._events.is_cluster:
            settings["distributed_product_mode"] = "'global'"
        # The last, after which the engine lets no setting be changed.
        return {**settings, "readonly": 1}

    def _parameters(self, asked: TypedQuery) -> dict[str, Any]:
        return {
            "project": asked.project,
            "every_tenant": asked.tenant is None,
            "tenant": asked.tenant or "",
            "zone": asked.zone,
            "since_64": asked.since,
            "until_64": asked.until,
            **self._names(asked.project),
        }

    def _names(self, project: str) -> dict[str, list[str]]:
        """What the ids in the rows are called. A topic counts for what it was made a part of."""
        tree = self._discretion.tree(project)
        topics = []
        for id in tree.topics:
            topic = tree.topics[tree.target(id)]
            if not topic.hidden:
                lineage = tree.lineage(id)
                topics.append((id, topic.title, tree.title(lineage[1]) if lineage[1:] else ""))
        keys = [(key.id, key.name) for key in self._accounts.keys(project)]
        ids, names, themes = _fitting(topics, 3)
        key_ids, key_names = _fitting(keys, 2)
        return {
            "topic_ids": ids,
            "topic_names": names,
            "topic_themes": themes,
            "key_ids": key_ids,
            "key_names": key_names,
        }


class Places:
    """Lets a few queries run at once, and of one project no more than leaves room for another."""

    def __init__(self, at_once: int, waiting: int, seconds: float) -> None:
        self._at_once = at_once
        self._each = max(1, at_once - 1)
        self._waiting_max = waiting
        self._seconds = seconds
        self._running: Counter[str] = Counter()
        self._waiting = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, project: str) -> Iterator[None]:
        """A place for as long as the block runs. Raises TooMany when there is none in time."""
        with self._changed:
            self._wait(project)
            self._running[project] += 1
        try:
            yield
        finally:
            with self._changed:
                self._running[project] -= 1
                self._running += Counter()  # what stands at 0 is forgotten
                self._changed.notify_all()

    def _wait(self, project: str) -> None:
        if self._is_free(project):
            return
        if self._waiting >= self._waiting_max:
            raise _others()
        self._waiting += 1
        try:
            if not self._changed.wait_for(lambda: self._is_free(project), self._seconds):
                raise _others()
        finally:
            self._waiting -= 1

    def _is_free(self, project: str) -> bool:
        return self._running.total() < self._at_once and self._running[project] < self._each


def _others() -> TooMany:
    message = "other queries are running: try again in some seconds"
    return TooMany(message, limit="queries", retry_after_s=WAIT_SECONDS_MAX)


@cache
def _tables() -> Mapping[str, str]:
    return {table.name: table.rows for table in TABLES}


def _fitting(rows: Sequence[tuple[str, ...]], width: int) -> list[list[str]]:
    """Columns of as many rows as a parameter of a statement may hold."""
    size = 0
    for count, row in enumerate(rows):
        size += max(len(part.encode()) for part in row) + PARAMETER_ITEM_BYTES
        if size > PARAMETER_BYTES_MAX:
            rows = rows[:count]
            break
    return [[row[column] for row in rows] for column in range(width)]


@contextmanager
def _engine_words(asked: TypedQuery, limits: Limits) -> Iterator[None]:
    """Says in our words what the engine has against a query."""
    try:
        yield
    except TooLarge as error:
        raise SqlError(f"{error.message}: take fewer rows or columns") from error
    except DatabaseError as error:
        code = error.code
        if code in BUSY:
            raise Unavailable(f"the analytics store refuses: {error}") from error
        raise _sql_error(asked.text, code, str(error), limits) from error


def _sql_error(text: str, code: int | None, said: str, limits: Limits) -> SqlError:
    if code in TIMEOUTS:
        return SqlError(f"this took over {limits.seconds} seconds, and was ended (SECONDS_MAX)")
    if code in MEMORY:
        megabytes = limits.memory_bytes // 1_000_000
        return SqlError(f"this needs over {megabytes:,} MB of memory (MEMORY_BYTES_MAX)")
    if code in SIZES:
        megabytes = RESULT_BYTES_MAX // 1_000_000
        return SqlError(f"the result is over {megabytes} MB: take fewer rows or columns")
    words = said.rpartition("DB::Exception: ")[2]
    words = NOISE.sub("", words).replace("__own.", "").replace("`", "'").strip(" .:")
    words = re.sub(r"\b__table\d+\.", "", words)[:ENGINE_WORDS_MAX] or "the engine cannot run this"
    named = re.search(r"'([^']+)'", words)
    if code == UNKNOWN_NAME and named:
        words = _unknown(named[1].rpartition(".")[2])
    place = _place(text, named[1]) if named else None
    return SqlError(words) if place is None else error_at(text, place, words)


def _unknown(name: str) -> str:
    columns = {column.name for table in TABLES for column in table.columns}
    near = get_close_matches(name, columns, 1)
    return f"there is no column {name}" + (f"; did you mean {near[0]}?" if near else "")


def _place(text: str, name: str) -> int | None:
    """Where a name stands in what was typed."""
    last = name.rpartition(".")[2]
    found = re.search(rf"(?<!\w){re.escape(last)}(?!\w)", text) if last else None
    return found.start() if found else None
