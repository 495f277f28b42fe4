"""Senders: the threads that carry what waits at the desk to the server."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from causerie.client.complaints import Complaints
from causerie.client.connection import Connection, Connections
from causerie.client.delivery import Fate, Verdict, deliver
from causerie.client.desk import Desk
from causerie.client.letters import request_of, unpacked
from causerie.client.waiting import Parcel

if TYPE_CHECKING:
    from causerie.client.spool import Place, Spool

SENDERS_MAX = 4
SPARE_SECONDS_MAX = 5.0
"""How long a sender that is not needed stays; the first stays for good."""
ADOPT_INTERVAL_S = 30.0
IDLE_SECONDS = 3600.0
PARCEL_BYTES = 300
"""What a parcel takes in memory beside its words."""
log = logging.getLogger("causerie.client")


class Senders:
    """None until there is something to send, one as a rule, more while much waits."""

    def __init__(
        self,
        desk: Desk,
        connections: Connections,
        complaints: Complaints,
        spool: Spool | None,
        ended: Callable[[], None],
        *,
        adopts: bool,
    ) -> None:
        self._desk = desk
        self._connections = connections
        self._complaints = complaints
        self._spool = spool
        self._ended = ended
        self._count = 0
        self._open: set[Connection] = set()
        self._dropped: deque[Parcel] = deque()
        self._adopt_at = 0.0 if adopts else time.monotonic() + ADOPT_INTERVAL_S
        self.adopted = not (adopts and spool)
        """Whether what other processes left was looked for."""

    @property
    def going(self) -> bool:
        """Whether there is any."""
        return self._count > 0

    def start(self, *, more: bool = False) -> None:
        """See to it that there is one, or one `more`."""
        with self._desk.lock:
            if self._count >= (SENDERS_MAX if more else 1):
                return
            thread = threading.Thread(
                target=self._send, args=(not self._count,), name="causerie-sender", daemon=True
            )
            self._count += 1
            try:
                thread.start()
            except RuntimeError:  # the interpreter ends, or the system allows no more threads
                self._count -= 1

    def drop(self, parcels: list[Parcel]) -> None:
        """Note in the spool, when there is time, that these are not to be sent."""
        self._dropped.extend(parcel for parcel in parcels if parcel.place is not None)

    def forget(self) -> None:
        """In a child after a fork: the connections are the parent's."""
        for connection in self._open:
            connection.close()

    # ---- a sender's life -------------------------------------------------------------------------

    def _send(self, stays: bool) -> None:
        try:
            with self._connection() as connection:
                if stays:
                    self._adopt()
                while not self._desk.over:
                    parcel = self._desk.take(self._patience_s(stays))
                    if parcel is not None:
                        self._carry(connection, parcel)
                    elif stays:
                        self._adopt()
                    else:
                        break
        except Exception:  # a thread that ends in silence would keep everything forever
            log.exception("a sender failed")
        finally:
            self._end()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection]:
        connection = self._connections.open()
        self._open.add(connection)
        try:
            yield connection
        finally:
            self._open.discard(connection)
            connection.close()

    def _patience_s(self, stays: bool) -> float:
        if not stays:
            return SPARE_SECONDS_MAX
        return IDLE_SECONDS if self._spool is None else ADOPT_INTERVAL_S

    def _carry(self, connection: Connection, parcel: Parcel) -> None:
        if self._desk.crowded:
            self.start(more=True)
        verdict = self._deliver(connection, parcel)
        self._desk.settle(parcel, verdict)
        if verdict.fate is Fate.AWAY:
            waits = self._desk.stats.waiting
            if waits:
                self._complaints.say("away", "%d wait to be sent: %s", waits, verdict.why)
        else:
            self._note(parcel)
        while self._dropped:
            self._note(self._dropped.popleft())

    def _deliver(self, connection: Connection, parcel: Parcel) -> Verdict:
        try:
            request = request_of(unpacked(self._data(parcel)))
        except Exception as error:  # noqa: BLE001 - one letter that makes no sense does not stop the others
            kind = type(error).__name__
            self._complaints.once(f"cannot {kind}", "cannot be sent: %s: %s", kind, error)
            return Verdict(Fate.REFUSED, str(error))
        return deliver(connection, request, parcel.tries, self._complaints)

    def _data(self, parcel: Parcel) -> bytes:
        if parcel.data is not None:
            return parcel.data
        assert self._spool is not None and parcel.place is not None
        return self._spool.read(parcel.place)

    def _note(self, parcel: Parcel) -> None:
        if self._spool is None or parcel.place is None:
            return
        try:
            self._spool.settle(parcel.place)
        except OSError as error:  # it may be sent again after a restart: the server knows its key
            self._complaints.say("spool", "the spool cannot be written: %s", error)

    def _end(self) -> None:
        with self._desk.lock:
            self._count -= 1
            last = not self._count
        self._desk.tell()
        if last and self._desk.over:
            self._ended()

    # ---- what other processes left ---------------------------------------------------------------

    def _adopt(self) -> None:
        """Take over what processes left that are no more, before anything younger."""
        if self._spool is None or time.monotonic() < self._adopt_at:
            return
        self._adopt_at = time.monotonic() + ADOPT_INTERVAL_S
        try:
            self._desk.add_older(self._left_behind(self._spool))
        except OSError as error:
            self._complaints.say("spool", "the spool cannot be read: %s", error)
        self.adopted = True
        self._desk.tell()

    def _left_behind(self, spool: Spool) -> list[Parcel]:
        found: list[tuple[Place, str | None]] = []
        while True:
            # One run alone was no larger when it was left than what fits.
            room = self._desk.room - len(found) if found else sys.maxsize
            more = spool.left_behind(room, _lane_of)
            if not more:
                break
            found += more
        return [Parcel(lane, place.length + PARCEL_BYTES, None, place) for place, lane in found]


def _lane_of(data: bytes) -> str | None:
    try:
        return unpacked(data).lane
    except Exception:  # it is counted as failed when it is to be sent
        log.debug("a letter in the spool cannot be read", exc_info=True)
        return None
