"""A session is one turn's at a time: of the threads and tasks here, and of other processes.

In this process who came first is first. Towards others a hold is a lease in the store, renewed
while the turn goes on: that of a killed process ends by itself. Who writes has to have it still.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from causerie.sessions.errors import NotConfigured, SessionBusy, SessionError, log
from causerie.sessions.lines import Lines, Place
from causerie.sessions.stores import Store
from causerie.sessions.threads import in_thread

WAIT_SECONDS = 60.0
LEASE_SECONDS = 30.0
LOOK_SECONDS, LOOK_SECONDS_MAX = 0.02, 0.25
SESSION_CHARS_MAX = 200


class Holds:
    """Gives sessions to turns. Waits at most `wait_s` for one, then raises SessionBusy."""

    def __init__(self, store: Store, wait_s: float, lease_s: float) -> None:
        self._store = store
        self._wait_s = wait_s
        self._lease_s = lease_s
        self._lines = Lines()
        self._renewals = Renewals(store, lease_s)

    @contextmanager
    def hold(self, session: str) -> Iterator[str]:
        """The holder's name, while the session is its own. Raises SessionError."""
        deadline = time.monotonic() + self._wait_s
        place, holder = self._lines.join(checked(session)), uuid.uuid4().hex
        try:
            _wait(place, session, deadline)
            with self._leased(session, holder):
                for pause_s in pauses(session, deadline):
                    if self._store.take(session, holder, self._lease_s):
                        break
                    time.sleep(pause_s)
                self._renewals.add(session, holder)
                yield holder
        finally:
            self._lines.leave(session, place)

    @contextmanager
    def _leased(self, session: str, holder: str) -> Iterator[None]:
        try:
            yield
        finally:
            self._release(session, holder)

    def _release(self, session: str, holder: str) -> None:
        self._renewals.remove(holder)
        try:
            self._store.release(session, holder)
        except SessionError as error:
            log.warning("session %s: its hold ends by itself: %s", session, error)

    @asynccontextmanager
    async def ahold(self, session: str) -> AsyncIterator[str]:
        """The same for who awaits."""
        deadline = time.monotonic() + self._wait_s
        place, holder = self._lines.join(checked(session)), uuid.uuid4().hex
        try:
            await _await(place, session, deadline)
            async with self._aleased(session, holder):
                for pause_s in pauses(session, deadline):
                    if await in_thread(self._store.take, session, holder, self._lease_s):
                        break
                    await asyncio.sleep(pause_s)
                self._renewals.add(session, holder)
                yield holder
        finally:
            self._lines.leave(session, place)

    @asynccontextmanager
    async def _aleased(self, session: str, holder: str) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await in_thread(self._release, session, holder)

    def close(self) -> None:
        """Renew nothing any more."""
        self._renewals.close()


def checked(session: Any) -> str:
    """The same id. Raises NotConfigured for what can be none."""
    if not isinstance(session, str) or not 1 <= len(session) <= SESSION_CHARS_MAX:
        raise NotConfigured(f"a session's id is a text of 1 to {SESSION_CHARS_MAX} letters")
    if "\0" in session or session != session.encode(errors="replace").decode():
        raise NotConfigured("the session's id has letters that no store takes")
    return session


def pauses(session: str, deadline: float) -> Iterator[float]:
    """Seconds until the next look, again and again. Raises SessionBusy at the deadline."""
    pause_s = LOOK_SECONDS
    while True:
        yield pause_s
        if time.monotonic() >= deadline:
            raise _busy(session)
        pause_s = min(pause_s * 1.5, LOOK_SECONDS_MAX)


def _wait(place: Place, session: str, deadline: float) -> None:
    try:
        place.result(max(deadline - time.monotonic(), 0))
    except TimeoutError:
        raise _busy(session) from None


async def _await(place: Place, session: str, deadline: float) -> None:
    try:
        async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
            await asyncio.wrap_future(place)
    except TimeoutError:
        raise _busy(session) from None


def _busy(session: str) -> SessionBusy:
    return SessionBusy("another turn of the session does not end", session)


class Renewals:
    """Renews what is held, in a thread that is there only while something is."""

    def __init__(self, store: Store, lease_s: float) -> None:
        self._store = store
        self._lease_s = lease_s
        self._lock = threading.Lock()
        self._renewing = threading.Lock()
        self._held: dict[str, str] = {}
        self._thread: threading.Thread | None = None
        self._end = threading.Event()

    def add(self, session: str, holder: str) -> None:
        """From now on."""
        if not self._store.shared:
            return
        with self._lock:
            self._held[holder] = session
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="causerie-sessions", daemon=True
                )
                self._thread.start()

    def remove(self, holder: str) -> None:
        """No more, also not by a renewal that has begun: it would hold what was let go."""
        with self._lock:
            self._held.pop(holder, None)
        with self._renewing:
            pass

    def close(self) -> None:
        """End the thread."""
        self._end.set()

    def _run(self) -> None:
        while not self._end.wait(self._lease_s / 3):
            with self._lock:
                held = dict(self._held)
                if not held:
                    self._thread = None
                    return
            for holder, session in held.items():
                self._renew(session, holder)

    def _renew(self, session: str, holder: str) -> None:
        with self._renewing:
            with self._lock:
                if holder not in self._held:
                    return
            try:
                if not self._store.take(session, holder, self._lease_s):
                    log.warning("session %s: its hold was lost in mid-turn", session)
            except SessionError as error:
                log.warning("session %s: its hold could not be renewed: %s", session, error)
