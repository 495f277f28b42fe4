"""Threads started, and work handed to pools, inside a scope belong to it.

Before Python 3.14, and in most builds of it, a thread begins with an empty Context. Only our own
variable is carried over: whatever else an app keeps in its Context stays as it was.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from causerie.usage.scopes import SCOPES, Scope


def watch_threads() -> None:
    """Wraps what starts threads and what hands them work. Call it once."""
    _wrap(threading.Thread, "start", _start)
    _wrap(ThreadPoolExecutor, "submit", _submit)


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        scopes = SCOPES.get()
        return around(original, scopes, *args, **kwargs) if scopes else original(*args, **kwargs)

    setattr(owner, name, wrapped)


def _start(
    original: Callable[[threading.Thread], None],
    scopes: tuple[Scope, ...],
    thread: threading.Thread,
    /,
) -> None:
    own_run = thread.run

    def run() -> None:
        thread.__dict__.pop("run", None)
        SCOPES.set(scopes)
        own_run()

    # On the instance, because classes of threads have a run of their own.
    thread.__dict__["run"] = run
    try:
        original(thread)
    except BaseException:
        # A thread that did not start may be started again, as if nobody had been here.
        thread.__dict__.pop("run", None)
        raise


def _submit(
    original: Callable[..., Future[Any]],
    scopes: tuple[Scope, ...],
    pool: ThreadPoolExecutor,
    work: Callable[..., Any],
    /,
    *args: Any,
    **kwargs: Any,
) -> Future[Any]:
    # The thread that this may start outlives the scope and works for others too.
    token = SCOPES.set(())
    try:
        return original(pool, _work, scopes, work, *args, **kwargs)
    finally:
        SCOPES.reset(token)


def _work(scopes: tuple[Scope, ...], work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    token = SCOPES.set(scopes)
    try:
        return work(*args, **kwargs)
    finally:
        SCOPES.reset(token)
