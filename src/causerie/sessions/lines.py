"""Who is next at a session, in this process: threads and tasks of any loop, first come first."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future

Place = Future[None]
"""Done when it is the first of its line."""


class Lines:
    """A line for each session that somebody is at. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, deque[Place]] = {}

    def join(self, session: str) -> Place:
        """A place at the end. To be left, whether its turn came or not."""
        place = Place()
        # A loop that gives up waiting must not cancel it: it would be called all the same.
        place.set_running_or_notify_cancel()
        with self._lock:
            line = self._lines.setdefault(session, deque())
            line.append(place)
            first = line[0]
        if first is place:
            place.set_result(None)
        return place

    def leave(self, session: str, place: Place) -> None:
        """Step out; who is behind the first is then the first."""
        with self._lock:
            line = self._lines[session]
            was_first = line[0] is place
            line.remove(place)
            after = line[0] if line and was_first else None
            if not line:
                del self._lines[session]
        if after is not None:
            after.set_result(None)
