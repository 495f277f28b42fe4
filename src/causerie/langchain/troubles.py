"""Errors of runs as events: what went wrong, or that nobody listened any more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

MESSAGE_CHARS_MAX = 2_000
STEERING = ("GraphBubbleUp",)
"""LangGraph raises these to stop for a person, or to go on elsewhere: nothing is wrong."""
MARK = "__causerie_told__"


@dataclass(frozen=True)
class Trouble:
    """An error, or that somebody stopped listening. `kind` is the error's class."""

    name: str
    kind: str = ""
    message: str = ""

    @property
    def ends(self) -> bool:
        """Whether it is somebody's wish, and no error."""
        return self.name != "error"


def trouble_of(error: BaseException) -> Trouble | None:
    """What is to be told of an error; None for what is no trouble."""
    if any(kind.__name__ in STEERING for kind in type(error).__mro__):
        return None
    if isinstance(error, GeneratorExit):
        return Trouble("stopped")
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return Trouble("cancelled")
    return Trouble("error", type(error).__name__, _message(error))


def is_told(error: BaseException, place: int) -> bool:
    """Whether this was asked before for that error and place: it is the same error in every run
    that it leaves. The error itself remembers, since the ids of those that are gone come again.
    """
    places: frozenset[int] = getattr(error, MARK, frozenset())
    if place in places:
        return True
    with suppress(AttributeError, TypeError):  # one that takes no attributes is told each time
        setattr(error, MARK, places | {place})
    return False


def _message(error: BaseException) -> str:
    try:
        return str(error)[:MESSAGE_CHARS_MAX]
    except Exception:  # noqa: BLE001 - whatever an app's error does when it is asked
        return ""
