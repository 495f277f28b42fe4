"""Sessions in PostgreSQL, which any number of processes may share."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from causerie.sessions import leases
from causerie.sessions.checkpoints import CheckpointStore, Saver
from causerie.sessions.errors import SessionLost, StoreUnavailable

CONNECTIONS_MAX = 8
WAIT_SECONDS = 10.0
"""For the server, or a connection that is free."""
SETUP_SECONDS_MAX = 60.0
SETUP_LOCK = 0x63617573
SETUP_STEP_S = 0.05
Connection = psycopg.Connection[DictRow]


class PostgresStore(CheckpointStore):
    """A pool of connections, of which no turn keeps one while its model is asked."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._pool = ConnectionPool(
            address,
            connection_class=psycopg.Connection[DictRow],
            min_size=1,
            max_size=CONNECTIONS_MAX,
            timeout=WAIT_SECONDS,
            open=False,
            check=ConnectionPool.check_connection,
            kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        )
        try:
            with _translated():
                self._pool.open(wait=True, timeout=WAIT_SECONDS)
                with self._pool.connection() as connection:
                    _set_up(connection)
        except BaseException:  # Ctrl-C too: its threads would keep the app from ending
            self._pool.close()
            raise

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with _translated(), self._pool.connection() as connection:
            yield connection

    @contextmanager
    def _reading(self, session: str) -> Iterator[Saver]:
        with self._connected() as connection:
            yield PostgresSaver(connection)

    @contextmanager
    def _writing(self, session: str, holder: str) -> Iterator[Saver]:
        with self._connected() as connection, connection.transaction():
            held = _run(connection, f"{leases.HELD} FOR UPDATE", session=session, holder=holder)
            if held.fetchone() is None:
                raise SessionLost("the session is held by another", session)
            yield PostgresSaver(connection)

    def sessions(self) -> list[str]:
        """The ids of those that have messages, in order."""
        with self._connected() as connection:
            return sorted(row["thread_id"] for row in _run(connection, leases.SESSIONS))

    def take(self, session: str, holder: str, lease_s: float) -> bool:
        """Hold a session for so many seconds; False while another holds it."""
        with self._connected() as connection:
            lease = {"session": session, "holder": holder, "lease_s": lease_s}
            return _run(connection, leases.TAKE, **lease).rowcount > 0

    def release(self, session: str, holder: str) -> None:
        """Let it go."""
        with self._connected() as connection:
            _run(connection, leases.RELEASE, session=session, holder=holder)

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


def _run(connection: Connection, statement: str, **values: Any) -> psycopg.Cursor[DictRow]:
    timed = statement.replace(":now", "extract(epoch FROM clock_timestamp())::float8")
    named = re.sub(r"(?<!:):([a-z_]+)", lambda name: f"%({name[1]})s", timed)
    return connection.execute(named.encode(), values)


def _set_up(connection: Connection) -> None:
    """Make the tables. One process at a time: else two find them missing. None waits within a
    statement, because an index that is made concurrently would wait for that.
    """
    deadline = time.monotonic() + SETUP_SECONDS_MAX
    lock = "SELECT pg_try_advisory_lock(:lock) AS held"
    while not (_run(connection, lock, lock=SETUP_LOCK).fetchone() or {}).get("held"):
        if time.monotonic() > deadline:
            raise StoreUnavailable("another process does not end making the tables")
        time.sleep(SETUP_STEP_S)
    try:
        PostgresSaver(connection).setup()
        connection.execute(leases.TABLE.encode())
    finally:
        _run(connection, "SELECT pg_advisory_unlock(:lock)", lock=SETUP_LOCK)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests) as error:
        message = f"the database of the sessions fails: {type(error).__name__}"
        raise StoreUnavailable(message) from error
