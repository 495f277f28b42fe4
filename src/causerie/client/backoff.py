"""When to try again: later each time, and at random, so that not all come back at once."""

from __future__ import annotations

import time
from collections.abc import Callable

BACKOFF_SECONDS, BACKOFF_SECONDS_MAX = 0.25, 30.0
RETRY_AFTER_SECONDS_MAX = 60.0


def pause_s(failures: int, rand: Callable[[], float], longest: float) -> float:
    """Seconds to wait after so many failures: between half and all of a time that doubles."""
    most: float = min(BACKOFF_SECONDS * 2.0 ** min(failures - 1, 20), longest)
    return most * (0.5 + 0.5 * rand())


class Backoff:
    """How often it failed in a row, and until when to leave it alone."""

    def __init__(self, rand: Callable[[], float]) -> None:
        self._random = rand
        self.failures = 0
        self._until = 0.0

    @property
    def rest_s(self) -> float:
        """Seconds until the next try."""
        return max(self._until - time.monotonic(), 0.0)

    def fail(self, wait_s: float | None, longest: float = BACKOFF_SECONDS_MAX) -> None:
        """Once more; the other side may have said how long to wait."""
        self.failures += 1
        pause = pause_s(self.failures, self._random, longest)
        if wait_s is not None:
            pause = max(pause, min(wait_s, RETRY_AFTER_SECONDS_MAX, longest * 2))
        self._until = time.monotonic() + pause

    def succeed(self) -> None:
        """All is well again."""
        self.failures = 0
        self._until = 0.0

    def hurry(self) -> None:
        """Try at once; what failed is not forgotten."""
        self._until = 0.0
