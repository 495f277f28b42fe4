"""Beside: what is done in another thread comes back as if it had been done in this one."""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from threading import Event, get_ident

import pytest

from causerie.beside import THREADS, Beside

SPOKEN = ContextVar("SPOKEN", default="")
WAIT_S = 30


def test_what_is_started_goes_on_while_its_caller_does_something_else() -> None:
    begun, may_end = Event(), Event()

    def work() -> int:
        begun.set()
        assert may_end.wait(WAIT_S)
        return get_ident()

    outcome = Beside().start(work)
    assert begun.wait(WAIT_S)
    may_end.set()
    assert outcome() != get_ident()


def test_what_fails_fails_where_it_is_waited_for() -> None:
    beside = Beside()
    outcome = beside.start(lambda: 1 // 0)
    assert beside.start(lambda: 1)() == 1
    with pytest.raises(ZeroDivisionError):
        outcome()


def test_work_sees_what_its_caller_has_set() -> None:
    token = SPOKEN.set("fr")
    outcome = Beside().start(SPOKEN.get)
    SPOKEN.reset(token)
    assert outcome() == "fr"


def test_where_no_thread_is_free_nobody_waits_for_one() -> None:
    beside, begun, may_end = Beside(), [Event() for _ in range(THREADS)], Event()

    def hold(number: int) -> bool:
        begun[number].set()
        return may_end.wait(WAIT_S)

    held = [beside.start(partial(hold, number)) for number in range(THREADS)]
    assert all(each.wait(WAIT_S) for each in begun)
    assert beside.start(get_ident)() == get_ident()
    may_end.set()
    assert all(outcome() for outcome in held)
