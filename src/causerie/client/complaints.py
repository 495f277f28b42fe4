"""What the log hears of the outbox: each kind of trouble now and then, not each time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

COMPLAINT_INTERVAL_S = 60.0
KINDS_MAX = 100
log = logging.getLogger("causerie.client")


class Complaints:
    """Says warnings, at most one of a kind per interval. Safe in threads; never raises."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}
        self.forget()

    def forget(self) -> None:
        """In a child after a fork: a thread that is no more may have been saying something."""
        self._lock = threading.RLock()

    def say(self, kind: str, text: str, *values: object) -> None:
        """Unless the same kind was said within the interval."""
        now = self._clock()
        with self._lock:
            said = self._said.get(kind)
            if said is not None and now - said < COMPLAINT_INTERVAL_S:
                return
            self._note(kind, now)
        log.warning(text, *values)

    def once(self, kind: str, text: str, *values: object) -> None:
        """Unless the same kind was ever said."""
        with self._lock:
            if kind in self._said:
                return
            self._note(kind, self._clock())
        log.warning(text, *values)

    def _note(self, kind: str, now: float) -> None:
        if len(self._said) >= KINDS_MAX:
            self._said.clear()
        self._said[kind] = now
