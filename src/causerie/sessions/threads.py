"""Work of stores, which wait, for callers that await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
Result = TypeVar("Result")


async def in_thread(work: Callable[P, Result], *given: P.args, **named: P.kwargs) -> Result:
    """Its result. A caller that is cancelled waits until it is over: half of it is never done."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *given, **named))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # asked for, so that nobody misses it
        raise cancelled
    return task.result()
