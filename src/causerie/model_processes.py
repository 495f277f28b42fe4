"""The models that understand texts, in processes of their own: the server answers meanwhile.

A process is handed a function and its arguments, and hands back what comes of it. It has no store,
yields to everything else on the machine, and ends with the server, however that ends.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from causerie.errors import CauserieError, Unavailable

NICENESS = 19
"""How far they stand back: whoever waits for an answer comes first."""
LOOK_SECONDS = 0.2
Outcome = TypeVar("Outcome")
log = logging.getLogger(__name__)


class ModelsFailed(Unavailable):
    """A process died, or what it was asked raised something unforeseen."""


class ModelProcesses:
    """Some processes, started when they are first asked. For one thread at a time."""

    def __init__(self, count: int) -> None:
        self._members = [_Member() for _ in range(count)]
        self._stopping = threading.Event()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._members)

    def run(self, work: Callable[..., Outcome], *arguments: Any) -> Outcome:
        """What `work(*arguments)` gives, computed elsewhere; both can be pickled. Raises what it
        raises where that is an error of ours, else ModelsFailed.
        """
        return self.each(work, [arguments])[0]

    def each(
        self, work: Callable[..., Outcome], portions: Sequence[tuple[Any, ...]]
    ) -> list[Outcome]:
        """The same for several portions, side by side as far as there are processes."""
        outcomes: list[Outcome] = []
        for start in range(0, len(portions), self.count):
            outcomes += self.begin(work, portions[start : start + self.count])()
        return outcomes

    def begin(
        self, work: Callable[..., Outcome], portions: Sequence[tuple[Any, ...]]
    ) -> Callable[[], list[Outcome]]:
        """The same for at most as many portions as there are processes, without waiting: what is
        given back waits for the outcomes. Only one may be begun at a time.
        """
        if self._stopping.is_set():
            raise ModelsFailed("the server is stopping")
        asked = self._members[: len(portions)]
        for member, portion in zip(asked, portions, strict=True):
            member.ask(work, portion)

        def outcomes() -> list[Outcome]:
            # All are heard, so that none is left in the middle when one fails.
            heard = [member.hear(self._stopping) for member in asked]
            for outcome in heard:
                if isinstance(outcome, Exception):
                    raise outcome
            return heard

        return outcomes

    def renew(self) -> None:
        """End the processes; the next that is asked begins afresh, with no more than it needs."""
        for member in self._members:
            member.end()

    def stop(self) -> None:
        """End the processes, whatever they are doing, and begin none. From any thread."""
        self._stopping.set()
        for member in self._members:
            member.end()


class _Member:
    """One process, started anew when it has died."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._is_asked = False
        self._ending = threading.Lock()
        """Held while the process is ended: by its asker, or by whoever stops the server."""

    def ask(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        if self._is_asked:
            # Whoever asked did not stay for the answer, which would be taken for this one's.
            self.end()
        self._is_asked = True
        try:
            self._begun().send((work, arguments))
        except OSError:
            # It died since it was last heard: another one has not been tried yet.
            self.end()
            self._is_asked = True
            self._begun().send((work, arguments))

    def hear(self, stopping: threading.Event) -> Any:
        """What came of it, or an exception to raise."""
        connection = self._connection
        try:
            while connection is not None and not connection.poll(LOOK_SECONDS):
                if stopping.is_set():
                    return ModelsFailed("the server is stopping")
            if connection is None:
                return ModelsFailed("the models are not running")
            answer = connection.recv()
            self._is_asked = False
            return answer
        except (EOFError, OSError):
            self.end()
            return ModelsFailed("the process of the models died")

    def _begun(self) -> Connection:
        if self._connection is None:
            # Not forked: threads and open stores of the server would be half there.
            spawn = multiprocessing.get_context("spawn")
            connection, theirs = spawn.Pipe()
            process = spawn.Process(target=_serve, args=(theirs,), daemon=True)
            process.start()
            # Only the process has its end now, so that its death is heard.
            theirs.close()
            # Once it has started: whoever stops the server must find one that can be ended.
            self._process, self._connection = process, connection
        return self._connection

    def end(self) -> None:
        with self._ending:
            self._is_asked = False
            process, self._process = self._process, None
            connection, self._connection = self._connection, None
            if process is not None:
                process.kill()
                process.join()
                process.close()
            if connection is not None:
                connection.close()


def _serve(connection: Connection) -> None:
    os.nice(NICENESS)
    # Ctrl-C at the terminal reaches all of its processes; this one ends when the server does.
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        while True:
            work, arguments = connection.recv()
            connection.send(_attempted(work, arguments))


def _attempted(work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return work(*arguments)
    except CauserieError as error:
        return error
    except Exception as error:  # the edge of a process: whatever it is, the asker is told
        log.exception("the models failed")
        return ModelsFailed(f"the models failed: {type(error).__name__}: {error}")
