"""The thread of a worker: it goes on, rests, wakes and stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from causerie.errors import Unavailable
from causerie.rounds import Rounds

LONG_S = 600.0
"""Longer than any test waits: whoever rests so long was not woken."""
WAIT_S = 30.0


class Work:
    """Does what it is told in each round, and then nothing more."""

    def __init__(self, *script: bool | Exception) -> None:
        self.script: Iterator[bool | Exception] = iter(script)
        self.done: list[object] = []
        self.rested = threading.Event()

    def round(self) -> bool:
        told = next(self.script, None)
        self.done.append(told)
        if isinstance(told, Exception):
            raise told
        if not told:
            self.rested.set()
        return bool(told)


def test_it_goes_on_while_there_is_more_then_rests_until_it_is_woken() -> None:
    work = Work(True, True, False, True, False)
    rounds = Rounds("test", work.round, rest_s=LONG_S, failed_s=LONG_S)
    rounds.start()
    assert work.rested.wait(WAIT_S)
    assert work.done == [True, True, False]
    work.rested.clear()
    rounds.wake()
    assert work.rested.wait(WAIT_S)
    rounds.stop()
    assert work.done == [True, True, False, True, False] and rounds.stopping


@pytest.mark.parametrize("error", [Unavailable("no store"), RuntimeError("a bug")])
def test_one_that_failed_is_done_again(error: Exception) -> None:
    work = Work(error, True, False)
    rounds = Rounds("test", work.round, rest_s=0.01, failed_s=0.01)
    rounds.start()
    assert work.rested.wait(WAIT_S)
    rounds.stop()
    assert work.done[:3] == [error, True, False]


def test_it_stops_in_its_rest_and_what_never_began_stops_too() -> None:
    work = Work()
    rounds = Rounds("test", work.round, rest_s=LONG_S, failed_s=LONG_S)
    rounds.start()
    assert work.rested.wait(WAIT_S)
    rounds.stop()
    assert "test" not in {thread.name for thread in threading.enumerate()}
    Rounds("never", work.round, rest_s=LONG_S, failed_s=LONG_S).stop()
