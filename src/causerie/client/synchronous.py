"""Client: writes through the outbox, reads and talks directly."""

from __future__ import annotations

import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from causerie.client import outbox as bounds
from causerie.client.calls import Calls
from causerie.client.complaints import Complaints
from causerie.client.connection import Connections, address_of
from causerie.client.contexts import Contexts
from causerie.client.desk import Bounds
from causerie.client.environment import key_of, url_of
from causerie.client.outbox import EXIT_SECONDS_MAX, Outbox
from causerie.client.reading import Reading
from causerie.client.writing import Writing

TIMEOUT_SECONDS = 30.0


class Client(Writing, Reading, Contexts):
    """A Causerie server, for an app. Safe in threads and over forks; one is enough for a process.

    What writes (`log`, `upsert`, `append`, `rate`, `event`, `feedback`) returns at once and never
    raises. What reads, and what talks to contexts, waits for its answer and raises ClientError.
    """

    def __init__(
        self,
        key: str | None = None,
        url: str | None = None,
        *,
        tenant: str | None = None,
        spool: str | Path | None = None,
        timeout: float = TIMEOUT_SECONDS,
        authority: str | Path | None = None,
        allow_http: bool = False,
        letters_max: int | None = None,
        bytes_max: int | None = None,
    ) -> None:
        """`spool` is a folder in which what waits outlives the process. `authority` is a file of
        certificates to trust, and no others. `timeout` is in seconds, `letters_max` and
        `bytes_max` bound what waits. Raises ValueError for a key, address or folder that cannot be
        one.
        """
        address = address_of(url_of(url), allow_http=allow_http)
        connections = Connections(address, key_of(key), timeout, authority)
        Writing.__init__(self, _outbox(connections, spool, letters_max, bytes_max), tenant)
        calls = Calls(connections)
        Reading.__init__(self, calls, tenant)
        Contexts.__init__(self, calls)
        self._connections = connections
        # An app that drops its client does not wait here for what is still to be sent.
        weakref.finalize(self, _let_go, self._outbox, connections).atexit = False

    @property
    def destination(self) -> str:
        """The same for all clients of the same server and key. It does not tell the key."""
        return self._connections.destination

    def close(self, timeout: float = EXIT_SECONDS_MAX) -> bool:
        """Flush, at most so many seconds, and stop. Returns whether nothing is left."""
        done = self._outbox.close(timeout)
        self._connections.close()
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _let_go(outbox: Outbox, connections: Connections) -> None:
    outbox.retire()
    connections.close()


def _outbox(
    connections: Connections,
    folder: str | Path | None,
    letters_max: int | None,
    bytes_max: int | None,
) -> Outbox:
    if folder is None:
        own = Bounds(letters_max or bounds.LETTERS_MAX, bytes_max or bounds.BYTES_MAX)
        return Outbox(connections, own, Complaints())
    try:
        from causerie.client.spool import Spool

        spool = Spool(Path(folder))
    except (ImportError, OSError) as error:
        raise ValueError(f"no spool in {folder}: {error}") from error
    own = Bounds(letters_max or bounds.SPOOLED_LETTERS_MAX, bytes_max or bounds.SPOOLED_BYTES_MAX)
    return Outbox(connections, own, Complaints(), spool)
