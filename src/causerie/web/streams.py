"""Answers that a caller may not wait for: when it hangs up, the work for it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from causerie.errors import CauserieError

log = logging.getLogger(__name__)
Result = TypeVar("Result")
STREAM_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


class HungUp(Exception):
    """The caller did not wait for its answer. Nobody is there to be told."""


async def _gone(receive: Receive) -> None:
    """Returns when the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def attended(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work gives. Cancels it and raises HungUp when the caller hangs up before."""
    doing = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((doing, watching), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise HungUp
    finally:
        watching.cancel()
        if not doing.done():
            doing.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await doing


class EventStream(Response):
    """Server-sent events from a generator, which is closed whatever happens.

    `first` has come already, so that what fails before it is answered with a status. `fault` says
    an error that comes later as the last event; `done` is called with whether all was sent.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        first: bytes,
        rest: AsyncGenerator[bytes, None],
        fault: Callable[[Exception], bytes],
        headers: Mapping[str, str],
        done: Callable[[bool], Awaitable[None]] | None = None,
    ) -> None:
        self.status_code = 200
        self.background = None
        self._first = first
        self._rest = rest
        self._fault = fault
        self._done = done
        self.body = b""
        self.init_headers({**STREAM_HEADERS, **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it, or as much as the caller waits for."""
        sent = False
        try:
            await attended(receive, self._send(send))
            sent = True
        except HungUp:
            log.debug("a caller hung up")
        finally:
            try:
                await self._rest.aclose()
            finally:
                if self._done is not None:
                    await self._done(sent)

    async def _send(self, send: Send) -> None:
        headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._some(send, self._first)
        try:
            async for piece in self._rest:
                await self._some(send, piece)
        except CauserieError as error:
            # The status has been sent: all that is left is the last event.
            await self._some(send, self._fault(error))
        except Exception as error:
            log.exception("a stream failed")
            await self._some(send, self._fault(error))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _some(self, send: Send, piece: bytes) -> None:
        await send({"type": "http.response.body", "body": piece, "more_body": True})


async def event_stream(
    request: Request,
    frames: AsyncGenerator[bytes, None],
    fault: Callable[[Exception], bytes],
    headers: Mapping[str, str],
    done: Callable[[bool], Awaitable[None]] | None = None,
) -> EventStream:
    """The stream, once its first event is there. Raises what fails before it, and HungUp."""
    try:
        first = await attended(request.receive, anext(frames))
    except BaseException:
        await frames.aclose()
        raise
    return EventStream(first, frames, fault, headers, done)
