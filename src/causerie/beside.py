"""Beside: threads in which a page has some of its reports read while it reads others itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

THREADS = 2
"""Of all pages together: a statement over much uses both of two processors by itself, but most take
longer to be understood than to read, and that is done by one.
"""
Outcome = TypeVar("Outcome")


class Beside:
    """Safe in threads. Only what reads may be done so: it may not be waited for."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, "beside")

    def start(self, work: Callable[[], Outcome]) -> Callable[[], Outcome]:
        """Has something done beside. What is given back waits for the outcome; where no thread was
        free to begin, it does the work itself, so that no page waits for another. Raises what the
        work raises.
        """
        future = self._pool.submit(copy_context().run, work)
        return lambda: work() if future.cancel() else future.result()
