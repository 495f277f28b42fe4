"""AsyncClient: the same for apps that await. What writes is as quick as ever, and is done when it
returns; what waits for the network does so in threads of its own.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar, overload

from causerie.client.calls import Document
from causerie.client.contexts import Messages
from causerie.client.desk import Stats
from causerie.client.outbox import EXIT_SECONDS_MAX
from causerie.client.synchronous import Client
from causerie.wire.ark import ContextAnswer

CALLS_MAX = 64
P = ParamSpec("P")
Result = TypeVar("Result")


class Done(Awaitable[None]):
    """What is done already; it may be awaited, and need not be."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


def _at_once(
    method: Callable[Concatenate[Client, P], None],
) -> Callable[Concatenate[AsyncClient, P], Done]:
    def write(self: AsyncClient, /, *args: P.args, **given: P.kwargs) -> Done:
        method(self.client, *args, **given)
        return Done()

    write.__doc__ = method.__doc__
    return write


def _awaited(
    method: Callable[Concatenate[Client, P], Result],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, Result]]:
    async def ask(self: AsyncClient, /, *args: P.args, **given: P.kwargs) -> Result:
        return await self.run(functools.partial(method, self.client, *args, **given))

    ask.__doc__ = method.__doc__
    return ask


class AsyncClient:
    """A Causerie server, for an app that awaits. Takes what Client takes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.client = Client(*args, **options)
        """The one that does the work."""
        self._threads = ThreadPoolExecutor(CALLS_MAX, thread_name_prefix="causerie-call")

    async def run(self, work: Callable[[], Result]) -> Result:
        """Work in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    log = _at_once(Client.log)
    upsert = _at_once(Client.upsert)
    append = _at_once(Client.append)
    rate = _at_once(Client.rate)
    event = _at_once(Client.event)
    feedback = _at_once(Client.feedback)
    flush = _awaited(Client.flush)
    conversations = _awaited(Client.conversations)
    conversation = _awaited(Client.conversation)
    series_names = _awaited(Client.series_names)
    series = _awaited(Client.series)
    exchanges = _awaited(Client.exchanges)
    create_context = _awaited(Client.create_context)
    context = _awaited(Client.context)
    contexts = _awaited(Client.contexts)
    change_context = _awaited(Client.change_context)
    delete_context = _awaited(Client.delete_context)
    history = _awaited(Client.history)
    add_turn = _awaited(Client.add_turn)
    hold = _awaited(Client.hold)
    release = _awaited(Client.release)
    undo = _awaited(Client.undo)
    clone_context = _awaited(Client.clone_context)
    export_context = _awaited(Client.export_context)
    import_context = _awaited(Client.import_context)
    tags = _awaited(Client.tags)
    tag = _awaited(Client.tag)
    untag = _awaited(Client.untag)

    @overload
    async def chat(
        self,
        context: str | ContextAnswer,
        messages: Messages,
        *,
        stream: Literal[False] = False,
        **parameters: Any,
    ) -> Document: ...

    @overload
    async def chat(
        self,
        context: str | ContextAnswer,
        messages: Messages,
        *,
        stream: Literal[True],
        **parameters: Any,
    ) -> AsyncIterator[Document]: ...

    async def chat(
        self,
        context: str | ContextAnswer,
        messages: Messages,
        *,
        stream: bool = False,
        **parameters: Any,
    ) -> Document | AsyncIterator[Document]:
        """A turn: `await` gives the whole answer, or with `stream` its pieces, for `async for`."""
        chat = self.client.chat
        if stream:
            return self._pieces(chat(context, messages, stream=True, **parameters))
        return await self.run(functools.partial(chat, context, messages, **parameters))

    async def _pieces(self, pieces: Generator[Document, None, None]) -> AsyncIterator[Document]:
        try:
            while (piece := await self.run(functools.partial(next, pieces, None))) is not None:
                yield piece
        finally:
            pieces.close()

    @property
    def stats(self) -> Stats:
        """How many requests were sent, wait, were dropped, or failed, in this process."""
        return self.client.stats

    async def close(self, timeout: float = EXIT_SECONDS_MAX) -> bool:
        """Flush, at most so many seconds, and stop. Returns whether nothing is left."""
        done = await self.run(functools.partial(self.client.close, timeout))
        self._threads.shutdown(wait=False)
        return done

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
