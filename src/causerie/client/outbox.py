"""Outbox: takes letters in microseconds, sends them in the background, keeps them meanwhile.

Nothing here raises into the app, makes it wait for the network, or grows without bound:

- `put` copies what it gets, puts it in line (and into the spool), and returns;
- one thread sends, over one kept connection; more of them while much waits;
- what the server does not take stays, and is tried again: soon at first, then every half minute;
- what does not fit drops the oldest, counted and said in the log;
- a child process of a fork begins with nothing and a thread of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import random
import sys
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from causerie.client.complaints import Complaints, log
from causerie.client.connection import Connections
from causerie.client.desk import Bounds, Desk, Stats
from causerie.client.letters import Letter, packed
from causerie.client.senders import PARCEL_BYTES, Senders
from causerie.client.waiting import Parcel

if TYPE_CHECKING:
    from causerie.client.spool import Spool

LETTERS_MAX = 10_000
BYTES_MAX = 64 * 1024 * 1024
SPOOLED_LETTERS_MAX = 100_000
SPOOLED_BYTES_MAX = 1024 * 1024 * 1024
FLUSH_SECONDS_MAX = 60.0
EXIT_SECONDS_MAX = 5.0


class Outbox:
    """Safe in threads and over forks."""

    def __init__(
        self,
        connections: Connections,
        bounds: Bounds,
        complaints: Complaints,
        spool: Spool | None = None,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._connections = connections
        self._bounds = bounds
        self._complaints = complaints
        self._spool = spool
        self._random = rand
        self._begin(adopts=True)
        if hasattr(os, "register_at_fork"):
            # Weakly, because it cannot be taken back.
            os.register_at_fork(after_in_child=_forgetting(weakref.ref(self)))
        if spool is not None:
            self._start()

    def _begin(self, *, adopts: bool) -> None:
        self._desk = Desk(self._bounds, self._random)
        self._senders = Senders(
            self._desk,
            self._connections,
            self._complaints,
            self._spool,
            self._ended,
            adopts=adopts,
        )
        self._run = os.urandom(8).hex()
        self._numbers = itertools.count()
        self._started = self._left = False

    def forget(self) -> None:
        """In a child after a fork: what waits is sent by the parent."""
        self._senders.forget()
        self._complaints.forget()
        if self._spool is not None:
            self._spool.forget()
        left = self._left
        self._begin(adopts=False)
        if left:
            self.retire()

    def new_key(self) -> str:
        """A key for one request, never made again."""
        return f"{self._run}-{next(self._numbers)}"

    @property
    def stats(self) -> Stats:
        """How it stands."""
        return self._desk.stats

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._left

    # ---- in --------------------------------------------------------------------------------------

    def put(self, letter: Letter) -> None:
        """Send it when it can be sent. Never raises, never waits for the network."""
        try:
            self._put(packed(letter), letter.lane)
        except Exception as error:  # noqa: BLE001 - whatever the app hands over must not break the app
            self.fail(error)

    def _put(self, data: bytes, lane: str | None) -> None:
        parcel = Parcel(lane, len(data) + PARCEL_BYTES, data, None)
        # What is written down is in the order of what is in line. Nothing is said to the log
        # meanwhile: one of its handlers may be at our door, in another thread.
        with self._desk.lock:
            trouble = self._write_down(parcel)
            dropped = self._desk.put(parcel)
            if not self._senders.going:
                self._start()
        if trouble is not None:
            self._complaints.say("spool", "the spool cannot be written: %s", trouble)
        if dropped is None:
            self._complaints.say("closed", "too large, or too late to be sent; it is lost")
        elif dropped:
            self._senders.drop(dropped)
            where, count = self._connections.address, self.stats.dropped
            text = "more waits for %s than fits: the oldest are dropped, %d so far"
            self._complaints.say("dropped", text, where, count)

    def _write_down(self, parcel: Parcel) -> OSError | None:
        """Into the spool, where it is safe, or else it stays in memory."""
        if self._spool is None or self._left or parcel.size > self._bounds.bytes:
            return None
        assert parcel.data is not None
        try:
            parcel.place = self._spool.put(parcel.data)
        except OSError as error:
            return error
        parcel.data = None
        return None

    def fail(self, error: Exception) -> None:
        """Count what cannot be sent."""
        self._desk.fail()
        kind = type(error).__name__
        self._complaints.once(f"cannot {kind}", "cannot be sent: %s: %s", kind, error)

    def _start(self) -> None:
        if not self._started:
            self._started = True
            atexit.register(self._exit)
            # Its children end without what is registered there.
            children = sys.modules.get("multiprocessing.util")
            if children is not None:
                children.Finalize(None, self._exit, exitpriority=0)
        self._senders.start()

    # ---- out -------------------------------------------------------------------------------------

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all that was put before is settled, at most so many seconds (default
        `FLUSH_SECONDS_MAX`). Returns whether it is.
        """
        until = time.monotonic() + (FLUSH_SECONDS_MAX if timeout_s is None else timeout_s)
        while not self._senders.adopted and self._senders.going and time.monotonic() < until:
            time.sleep(0.001)
        return self._desk.wait(until, lambda: self._senders.going)

    def close(self, timeout_s: float = EXIT_SECONDS_MAX) -> bool:
        """Flush, then stop. What is left is lost and counted, or stays in the spool. Returns
        whether nothing is left.
        """
        if self._left:
            return not self.stats.waiting
        # What lies in the spool need not wait for a server that is away.
        self.flush(0 if self._spool is not None and self._desk.away else timeout_s)
        left = self._desk.clear(lost=self._spool is None)
        if left and self._spool is not None:
            log.warning("%d letters wait in the spool for the next start", left)
        elif left:
            log.warning("%d letters to %s are lost", left, self._connections.address)
        self._ended()
        return not left

    def _exit(self) -> None:
        self.close()

    def retire(self) -> None:
        """Send what waits, and stop then; nobody can put anything any more."""
        self._desk.close()
        if not self._senders.going:
            self._ended()

    def _ended(self) -> None:
        self._left = True
        atexit.unregister(self._exit)
        if self._spool is not None:
            with contextlib.suppress(OSError):
                self._spool.close()


def _forgetting(outbox: weakref.ref[Outbox]) -> Callable[[], None]:
    def forget() -> None:
        living = outbox()
        if living is not None:
            living.forget()

    return forget
