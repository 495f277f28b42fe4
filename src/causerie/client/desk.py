"""Desk: where the app's threads and the senders meet. Everything that both change, and its lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from causerie.client.backoff import BACKOFF_SECONDS_MAX, Backoff
from causerie.client.delivery import Fate, Verdict
from causerie.client.waiting import Parcel, Waiting

GATHER_SECONDS = 0.02
"""So long a sender waits for more, that it need not be woken for each."""
HURRIED_SECONDS_MAX = 0.5
"""The longest pause between tries while somebody waits for a flush."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait."""

    letters: int
    bytes: int


class Stats(NamedTuple):
    """How many letters: taken by the server, waiting, dropped for want of room or at the end, and
    refused by the server or impossible to send.
    """

    sent: int
    waiting: int
    dropped: int
    failed: int


class Desk:
    """Safe in threads. Its lock may be taken twice by one thread: the app's log handlers, signals
    and finalizers may come here at any time.
    """

    def __init__(self, bounds: Bounds, rand: Callable[[], float]) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._settled = threading.Condition(self.lock)
        self._bounds = bounds
        self._waiting = Waiting()
        self._backoff = Backoff(rand)
        self._sent = self._dropped = self._failed = 0
        self._gather_until = 0.0
        self._sleeping = self._hurried = 0
        self._closed = False

    # ---- the app's side --------------------------------------------------------------------------

    @property
    def stats(self) -> Stats:
        """How it stands."""
        with self.lock:
            return Stats(self._sent, len(self._waiting), self._dropped, self._failed)

    @property
    def away(self) -> bool:
        """Whether the server did not take the last that it was sent."""
        return self._backoff.failures > 0

    def put(self, parcel: Parcel) -> list[Parcel] | None:
        """Take it in line. Returns what was dropped for it; None when there is no room for it."""
        with self.lock:
            if self._closed or parcel.size > self._bounds.bytes:
                self._dropped += 1
                return None
            if not self._waiting.ready:
                self._gather_until = time.monotonic() + GATHER_SECONDS
            self._waiting.add(parcel)
            if self._sleeping:
                self._changed.notify()
            return self._shed()

    def _shed(self) -> list[Parcel]:
        waiting, bounds = self._waiting, self._bounds
        dropped = []
        while len(waiting) > bounds.letters or waiting.size > bounds.bytes:
            oldest = waiting.drop_oldest()
            if oldest is None:
                break
            dropped.append(oldest)
        self._dropped += len(dropped)
        return dropped

    def fail(self) -> None:
        """Count what could not even be put."""
        with self.lock:
            self._failed += 1

    def wait(self, until: float, going: Callable[[], bool]) -> bool:
        """Wait until all that was put before is settled; False when the time, as the monotonic
        clock counts it, has come before, or when nobody is `going` to send.
        """
        with self.lock:
            last = self._waiting.last
            self._hurried += 1
            self._gather_until = 0.0
            self._backoff.hurry()
            self._changed.notify_all()
            try:
                while not self._waiting.settled(last):
                    rest = until - time.monotonic()
                    if rest <= 0 or not going():
                        return False
                    self._settled.wait(rest)
                return True
            finally:
                self._hurried -= 1

    def close(self) -> None:
        """Take nothing more; what waits is still sent."""
        with self.lock:
            self._closed = True
            self._changed.notify_all()

    def clear(self, *, lost: bool) -> int:
        """Give up what waits, and count it where it is lost. Returns how much it was."""
        with self.lock:
            self._closed = True
            left = len(self._waiting)
            self._dropped += left if lost else 0
            self._waiting = Waiting()
            self._changed.notify_all()
            self._settled.notify_all()
            return left

    # ---- the senders' side -----------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether there is nothing to do, and never will be."""
        with self.lock:
            return self._closed and not len(self._waiting)

    @property
    def crowded(self) -> bool:
        """Whether another sender would find something to do."""
        with self.lock:
            return self._waiting.ready and not self._sleeping and not self.away

    @property
    def room(self) -> int:
        """How many letters more there is room for."""
        with self.lock:
            return self._bounds.letters - len(self._waiting)

    def take(self, patience_s: float) -> Parcel | None:
        """The next parcel, when its time has come; None when there was none for so long, or never
        will be.
        """
        with self.lock:
            while not self.over:
                pause = self._pause_s()
                if pause == 0:
                    parcel = self._waiting.take()
                    self._wake()
                    return parcel
                if pause is not None:
                    self._changed.wait(pause)
                elif not self._sleep(patience_s):
                    return None
            return None

    def _sleep(self, patience_s: float) -> bool:
        self._sleeping += 1
        woken = self._changed.wait(patience_s)
        self._sleeping -= 1
        return woken

    def _wake(self) -> None:
        if self._closed:
            self._changed.notify_all()
        elif self._waiting.ready:
            self._changed.notify()

    def _pause_s(self) -> float | None:
        """Seconds until something may be sent; None when nothing can be."""
        if not self._waiting.ready:
            return None
        if self.away and self._waiting.travelling:
            return None  # one tries whether the server is back
        return max(self._gather_until - time.monotonic(), self._backoff.rest_s, 0.0)

    def settle(self, parcel: Parcel, verdict: Verdict) -> None:
        """It came back with that."""
        with self.lock:
            if verdict.fate is Fate.AWAY:
                longest = HURRIED_SECONDS_MAX if self._hurried else BACKOFF_SECONDS_MAX
                self._backoff.fail(verdict.wait_s, longest)
            else:
                self._backoff.succeed()
            # Else it was given up meanwhile.
            if self._waiting.holds(parcel):
                self._account(parcel, verdict)
            self._wake()
            self._settled.notify_all()

    def _account(self, parcel: Parcel, verdict: Verdict) -> None:
        match verdict.fate:
            case Fate.AWAY:
                parcel.tries += verdict.fails
                self._waiting.put_back(parcel)
                return
            case Fate.SENT:
                self._sent += 1
            case Fate.REFUSED:
                self._failed += 1
        self._waiting.remove(parcel)

    def add_older(self, parcels: Sequence[Parcel]) -> None:
        """Take parcels in line before all others, or behind them while something travels."""
        with self.lock:
            if self._waiting.travelling:
                for parcel in parcels:
                    self._waiting.add(parcel)
            else:
                self._waiting.add_older(parcels)
            self._wake()

    def tell(self) -> None:
        """Let those who wait look again."""
        with self.lock:
            self._settled.notify_all()
