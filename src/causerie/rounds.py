"""Rounds: work that a thread of its own does again and again, and rests between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from causerie.errors import Unavailable

STOP_SECONDS_MAX = 10
log = logging.getLogger(__name__)


class Rounds:
    """`work` does a part of what there is, and tells whether there may be more: then it goes on at
    once, else when it is woken or has rested. One that failed rests longer, whoever wakes it. Times
    in seconds.
    """

    def __init__(
        self, name: str, work: Callable[[], bool], *, rest_s: float, failed_s: float
    ) -> None:
        self._name = name
        self._work = work
        self._rest_s = rest_s
        self._failed_s = failed_s
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def stopping(self) -> bool:
        """Whether what is being done is to be the last."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after what is being done, or leave it when that takes too long."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS_MAX)

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def _run(self) -> None:
        while not self.stopping:
            try:
                if self._work():
                    continue
            except Unavailable as error:
                log.warning("%s waits: %s", self._name, error)
                self._stopping.wait(self._rest_s)
                continue
            except Exception:  # the edge of a thread: it must go on, whatever one round met
                log.exception("%s failed, trying again", self._name)
                self._stopping.wait(self._failed_s)
                continue
            self._wake.wait(self._rest_s)
            self._wake.clear()
