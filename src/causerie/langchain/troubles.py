"""Errors of runs as events: what went wrong, or that nobody listened any more."""

from __future__ import annotations

import asyncio

MESSAGE_CHARS_MAX = 500
STEERING = ("GraphBubbleUp",)
"""LangGraph raises these to stop for a person, or to go on elsewhere: nothing is wrong."""


def trouble_of(error: BaseException) -> tuple[str, dict[str, str]] | None:
    """The name and the metadata of the event; None for what is no trouble."""
    if any(kind.__name__ in STEERING for kind in type(error).__mro__):
        return None
    if isinstance(error, GeneratorExit):
        return "stopped", {"why": "nobody took the rest"}
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return "cancelled", {}
    return "error", {"type": type(error).__name__, "message": str(error)[:MESSAGE_CHARS_MAX]}
