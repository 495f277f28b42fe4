"""The analytics store: chDB in the data folder, or a ClickHouse server or cluster by URL.

One dialect and one client for all of them. Reads are named: each is a file in `store/sql`, of
which `statements.py` sends what is asked for.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import clickhouse_connect
import msgspec
from clickhouse_connect.driver import options
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import (
    ClickHouseError,
    DatabaseError,
    DataError,
    OperationalError,
)

from causerie.errors import TooLarge, Unavailable
from causerie.store.events_schema import TABLES, EventTable
from causerie.store.statements import bound, statement

CLIENTS_MAX = 4
CONNECT_TIMEOUT_S = 5
CLIENT_WAIT_SECONDS_MAX = 10
QUERY_SECONDS_MAX = 60
PARAMETER_BYTES_MAX = 64 * 1024
"""Half of what a ClickHouse server takes: an id may need more bytes when it is escaped."""
PARAMETER_ITEM_BYTES = 4
READ_BYTES = 1024 * 1024
ROWS_FORMAT = "JSONCompactEachRowWithNamesAndTypes"
ROWS_SETTINGS = {
    "date_time_output_format": "'iso'",
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 1,
    "output_format_json_quote_denormals": 0,
    "output_format_json_validate_utf8": 1,
}
"""What a query sets so that `answer` can read it."""
BACKGROUND = ("enrichment/", "evaluations/")
"""Statements for which nobody waits: they take one core and little memory."""
BACKGROUND_SETTINGS = {"max_threads": 1, "max_block_size": 4096}
UNKNOWN_DATABASE = 81
# Time, memory, space, too many queries or parts, read-only, keeper: it passes.
TRANSIENT = frozenset({159, 160, 202, 203, 241, 242, 243, 252, 999})


class _AnyCode:
    """Contains every error code."""

    def __contains__(self, code: object) -> bool:
        return True


ANY_CODE = _AnyCode()
# The embedded engine brings pandas, which the client would load to see whether rows are a table of
# it: 2 seconds and 50 MB at the first insert. So it looks where pandas is not installed.
options.pd = options.pd_time_test = None
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rows:
    """Rows as JSON has them (times in ISO 8601, decimals as texts), with the names and the engine's
    types of their columns.
    """

    names: list[str]
    types: list[str]
    rows: list[list[Any]]


class EventStore:
    """A few clients of one engine, and the statements by name. Safe in threads."""

    def __init__(self, address: str, cluster: str = "") -> None:
        self._address = address
        self._cluster = cluster
        self._clients: queue.LifoQueue[Client | None] = queue.LifoQueue()
        for _ in range(CLIENTS_MAX):
            self._clients.put(None)

    def open(self) -> None:
        """Make what tables and columns are missing. Raises Unavailable when nothing answers."""
        with self._client() as client:
            for table in TABLES:
                for creation in table.statements(self._cluster):
                    client.command(creation)
                self._widen(client, table)

    def _widen(self, client: Client, table: EventTable) -> None:
        """Add what a table of an earlier version lacks: asked first, for a cluster is slow."""
        for name in table.names(self._cluster):
            present = client.query(
                "SELECT name FROM system.columns"
                " WHERE database = currentDatabase() AND table = {table:String}",
                parameters={"table": name},
            ).result_columns
            columns = present[0] if present else ()
            for change in table.additions(name, columns, self._cluster):
                client.command(change)
            self._settle(client, table, name)

    def _settle(self, client: Client, table: EventTable, name: str) -> None:
        """Give a table of an earlier version the settings that it lacks."""
        rows = client.query(
            "SELECT engine_full FROM system.tables"
            " WHERE database = currentDatabase() AND name = {table:String}",
            parameters={"table": name},
        ).result_rows
        for change in table.settling(name, rows[0][0] if rows else "", self._cluster):
            client.command(change)

    def close(self) -> None:
        """Give all clients back; the embedded engine ends with its last one."""
        clients: list[Client | None] = []
        with suppress(queue.Empty):  # an engine that does not answer still has one
            while len(clients) < CLIENTS_MAX:
                clients.append(self._clients.get(timeout=CLIENT_WAIT_SECONDS_MAX))
        for client in clients:
            self._drop(client)
            self._clients.put(None)

    def insert(self, table: EventTable, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows, columns in the table's order. Returns once they are on the disk.

        Whatever the engine itself says is a reason to wait (Unavailable): rows of the right types
        are never wrong, while disks fill up and servers are upgraded.
        """
        if rows:
            with self._client(transient=ANY_CODE) as client:
                client.insert(
                    table.name,
                    rows,
                    column_names=list(table.columns),
                    column_type_names=[
                        kind.partition(" CODEC")[0] for kind in table.columns.values()
                    ],
                    settings=self._write_settings(),
                )

    def _write_settings(self) -> dict[str, Any]:
        # A server may be set up to answer before it has the rows, and so does a Distributed table.
        at_once = {"async_insert": 0}
        return {**at_once, "distributed_foreground_insert": 1} if self._cluster else at_once

    def _read_settings(self, name: str) -> dict[str, int | str]:
        limits: dict[str, int | str] = {"max_execution_time": QUERY_SECONDS_MAX}
        if name.startswith(BACKGROUND):
            limits |= BACKGROUND_SETTINGS
        # A conversation and its messages are on one shard, so that each can look at its own alone.
        return {**limits, "distributed_product_mode": "local"} if self._cluster else limits

    def select(
        self, name: str, parameters: Mapping[str, Any], binary: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """The rows of the named statement, the `binary` columns as bytes. Raises Unavailable,
        LookupError for no such name.
        """
        text = statement(name, parameters)
        with self._client() as client:
            result = client.query(
                # Settings beside the text would cost the embedded engine three statements more.
                f"{text}\n{_set(self._read_settings(name))}",
                parameters=bound(text, parameters),
                column_formats=dict.fromkeys(binary, "bytes"),
            )
            return list(result.named_results())

    def beside(self, address: str = "") -> EventStore:
        """Clients of their own for the same engine, or for another address of it, so that whoever
        waits for these holds up nobody else.
        """
        return EventStore(address or self._address, self._cluster)

    def answer(self, query: str, parameters: Mapping[str, Any], bytes_max: int) -> Rows:
        """What a query that we have put together says. Raises TooLarge when that is over so many
        bytes as JSON, Unavailable when nothing answers, DatabaseError for whatever the engine has
        against it.
        """
        body = self.packed(query, parameters, ROWS_FORMAT, bytes_max)
        names, types, *rows = (msgspec.json.decode(line) for line in body.splitlines())
        return Rows(names, types, rows)

    def packed(
        self, query: str, parameters: Mapping[str, Any], format: str, bytes_max: int
    ) -> bytes:
        """The same as a file that the engine writes, such as `Parquet`. Raises the same."""
        # Without any value to bind by name, the driver would put values into the text by itself.
        needed = bound(query, parameters)
        with self._client(transient=()) as client:
            # A server answers when it is done, else an error would come in the middle of the rows.
            whole = {"wait_end_of_query": 1}
            with client.raw_stream(query, parameters=needed, settings=whole, fmt=format) as stream:
                body = bytearray()
                while chunk := stream.read(READ_BYTES):
                    body += chunk
                    if len(body) > bytes_max:
                        raise TooLarge(f"the result is over {bytes_max // 1_000_000} MB")
            return bytes(body)

    @property
    def is_cluster(self) -> bool:
        """Whether the tables are spread over several servers."""
        return bool(self._cluster)

    def run(self, name: str, parameters: Mapping[str, Any]) -> None:
        """The named statement, which writes rows that it reads. Returns once they are on the disk.
        Raises Unavailable.
        """
        with self._client() as client:
            client.command(
                statement(name, parameters),
                parameters=dict(parameters),
                settings={**self._read_settings(name), **self._write_settings()},
            )

    def local(self, table: EventTable) -> str:
        """The table whose parts this node has."""
        return table.names(self._cluster)[0]

    def erase(self, table: EventTable, name: str, parameters: Mapping[str, Any]) -> None:
        """Begin to write the parts anew that hold rows of the named condition, without them."""
        local = self.local(table)
        on = f" ON CLUSTER '{self._cluster}'" if self._cluster else ""
        with self._client() as client:
            if self._cluster:
                # The condition looks at rows of its own node: they must have arrived there.
                client.command(f"SYSTEM SYNC REPLICA{on} {local}")
            client.command(
                f"ALTER TABLE {local}{on} DELETE WHERE {statement(name, parameters)}",
                parameters=dict(parameters),
                settings={"mutations_sync": 0, "allow_nondeterministic_mutations": 1},
            )

    def erasing(self, tables: Sequence[EventTable]) -> int:
        """How many parts are still to be written anew. Raises Unavailable with the reason where the
        engine cannot.
        """
        query = (
            "SELECT sum(greatest(parts_to_do, 1)) AS parts, any(latest_fail_reason) AS reason"
            f" FROM {self._system('mutations')}"
            " WHERE database = currentDatabase() AND table IN {tables:Array(String)}"
            " AND NOT is_done AND NOT is_killed"
        )
        with self._client() as client:
            [(parts, reason)] = client.query(query, {"tables": self._locals(tables)}).result_rows
        if reason:
            raise Unavailable(f"the analytics store cannot write a part anew: {reason}")
        return int(parts)

    def now(self) -> datetime:
        """The engine's own time, to the second."""
        with self._client() as client:
            [(moment,)] = client.query("SELECT now('UTC')").result_rows
        return cast(datetime, moment)

    def given_up(self, tables: Sequence[EventTable], moment: datetime) -> int:
        """Parts that were replaced by that moment and whose files are still on the disk, those too
        that are being deleted: the engine lists them only where their state is asked for.
        """
        query = (
            f"SELECT count() FROM {self._system('parts')}"
            " WHERE database = currentDatabase() AND table IN {tables:Array(String)}"
            " AND _state IN ('Outdated', 'Deleting') AND remove_time <= {moment:DateTime('UTC')}"
        )
        given = {"tables": self._locals(tables), "moment": moment}
        with self._client() as client:
            [(parts,)] = client.query(query, given).result_rows
        return int(parts)

    def _system(self, table: str) -> str:
        """A table of the engine about itself, of every node."""
        if not self._cluster:
            return f"system.{table}"
        return f"clusterAllReplicas('{self._cluster}', system.{table})"

    def _locals(self, tables: Sequence[EventTable]) -> list[str]:
        return [self.local(table) for table in tables]

    def parsed(self, statement: str) -> str:
        """The statement as the engine understands it, without running it."""
        with self._client() as client:
            return str(client.command("SELECT formatQuery({text:String})", {"text": statement}))

    def version(self) -> str:
        """What answers, by asking it. Raises Unavailable."""
        with self._client() as client:
            found = client.command("SELECT version()")
        return f"{'ClickHouse' if '://' in self._address else 'chDB, engine'} {found}"

    @contextmanager
    def _client(self, *, transient: Container[int | None] = TRANSIENT) -> Iterator[Client]:
        try:
            client = self._clients.get(timeout=CLIENT_WAIT_SECONDS_MAX)
        except queue.Empty as error:
            raise Unavailable("the analytics store is busy") from error
        try:
            client = client or self._connect()
            yield client
        except DataError:
            raise  # the values never left this process
        except OperationalError as error:
            # The connection may be dead for good; the next caller makes a new one.
            self._drop(client)
            client = None
            raise Unavailable(f"the analytics store cannot be reached: {error}") from error
        except DatabaseError as error:
            if client is None or error.code in transient:
                raise Unavailable(f"the analytics store refuses: {error}") from error
            raise
        finally:
            self._clients.put(client)

    def _connect(self) -> Client:
        if "://" not in self._address:
            return self._connect_embedded()
        try:
            return self._connect_to(self._address)
        except DatabaseError as error:
            if error.code != UNKNOWN_DATABASE:
                raise
        self._make_database()
        return self._connect_to(self._address)

    def _connect_embedded(self) -> Client:
        try:
            return clickhouse_connect.get_client(
                interface="chdb", path=self._address, tz_mode="aware"
            )
        except ImportError as error:
            raise Unavailable(
                "the embedded analytics engine is an extra: pip install 'causerie[embedded]', "
                "or name a ClickHouse server by CAUSERIE_EVENTS_URL"
            ) from error

    def _connect_to(self, address: str) -> Client:
        return clickhouse_connect.get_client(
            dsn=address.replace("clickhouses://", "clickhouse://", 1),
            interface="https" if address.startswith("clickhouses://") else "http",
            connect_timeout=CONNECT_TIMEOUT_S,
            send_receive_timeout=QUERY_SECONDS_MAX,
            # Sessions forbid two queries at once on one client and buy us nothing.
            autogenerate_session_id=False,
            tz_mode="aware",
        )

    def _make_database(self) -> None:
        """Make the database that the address names; a client cannot connect to one that is not."""
        parts = urlsplit(self._address)
        client = self._connect_to(urlunsplit(parts._replace(path="")))
        name = parts.path.strip("/").replace("`", "")
        on = f" ON CLUSTER '{self._cluster}'" if self._cluster else ""
        client.command(f"CREATE DATABASE IF NOT EXISTS `{name}`{on}")
        client.close()

    def _drop(self, client: Client | None) -> None:
        if client is not None:
            try:
                client.close()
            except ClickHouseError as error:
                log.info("a broken client did not close: %s", error)


def _set(settings: Mapping[str, int | str]) -> str:
    values = (
        f"{name} = '{value}'" if isinstance(value, str) else f"{name} = {value}"
        for name, value in settings.items()
    )
    return f"SETTINGS {', '.join(values)}"


def embedded_address(data: Path) -> str:
    """Where the embedded engine keeps its files."""
    return str((data / "events").resolve())


def lookups(keys: Sequence[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    """Parts of the keys, none longer than a parameter of a statement may be."""
    start = size = 0
    for index, key in enumerate(keys):
        own = sum(len(part.encode()) + PARAMETER_ITEM_BYTES for part in key)
        if size + own > PARAMETER_BYTES_MAX and index > start:
            yield keys[start:index]
            start, size = index, 0
        size += own
    yield keys[start:]
