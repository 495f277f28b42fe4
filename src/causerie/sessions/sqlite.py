"""Sessions in a SQLite file, which processes of one machine may share."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from langgraph.checkpoint.sqlite import SqliteSaver

from causerie.sessions import leases
from causerie.sessions.checkpoints import CheckpointStore, Saver
from causerie.sessions.errors import SessionLost, StoreUnavailable

WAIT_SECONDS = 10.0
"""For other processes that write."""


class _Saver(SqliteSaver):
    """Commits nothing by itself: the transactions are the store's."""

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
        """One more of the connection."""
        with closing(self.conn.cursor()) as cursor:
            yield cursor


class SqliteStore(CheckpointStore):
    """One connection, which threads take in turn."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._lock = threading.RLock()
        with _translated():
            self._connection = _connect(file)
            try:
                self._saver = _Saver(self._connection)
                self._saver.setup()
                self._connection.execute(leases.TABLE)
                self._connection.commit()
            except (
                BaseException
            ):  # whatever it is goes on; a file that is not ready is not kept open
                self._connection.close()
                raise

    @contextmanager
    def _reading(self, session: str) -> Iterator[Saver]:
        with self._lock, _translated():
            yield self._saver

    @contextmanager
    def _writing(self, session: str, holder: str) -> Iterator[Saver]:
        with self._changing() as connection:
            if not connection.execute(leases.HELD, _names(session, holder)).fetchone():
                raise SessionLost("the session is held by another", session)
            yield self._saver

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.commit()
            except BaseException:  # a cancelled turn too: the lock on the file must not stay
                self._connection.rollback()
                raise

    def sessions(self) -> list[str]:
        """The ids of those that have messages, in order."""
        with self._lock, _translated():
            return sorted(row[0] for row in self._connection.execute(leases.SESSIONS))

    def take(self, session: str, holder: str, lease_s: float) -> bool:
        """Hold a session for so many seconds; False while another holds it."""
        lease = {**_names(session, holder), "now": time.time(), "lease_s": lease_s}
        with self._changing() as connection:
            return connection.execute(leases.TAKE, lease).rowcount > 0

    def release(self, session: str, holder: str) -> None:
        """Let it go."""
        with self._changing() as connection:
            connection.execute(leases.RELEASE, _names(session, holder))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _connect(file: Path) -> sqlite3.Connection:
    try:
        # What people said is for the owner's eyes.
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"the file of the sessions cannot be opened: {error}") from error
    return sqlite3.connect(file, timeout=WAIT_SECONDS, check_same_thread=False)


def _names(session: str, holder: str) -> dict[str, str | float]:
    return {"session": session, "holder": holder}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        message = f"the file of the sessions fails: {type(error).__name__}"
        raise StoreUnavailable(message) from error
