"""A chain that remembers: each call is a turn of the session that its configuration names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    BaseMessageChunk,
    HumanMessage,
    message_chunk_to_message,
)
from langchain_core.runnables import Runnable, RunnableConfig, ensure_config

from causerie.sessions.errors import ModelFailed, NotConfigured, answering, reported
from causerie.sessions.threads import in_thread
from causerie.sessions.turns import Turns

SESSION_KEYS = ("session_id", "thread_id")
Piece = TypeVar("Piece")


class Conversation(Runnable[Any, BaseMessage]):
    """Takes `{"input": …}` (a text, a message or several) and what else the chain takes, and
    `config={"configurable": {"session_id": …}}`; answers the chain's message.

    The session is held for the whole turn. The turn is kept when its answer is whole, for a stream
    when it is used up; a turn that fails, is cancelled or left is not. Raises SessionError.
    """

    def __init__(self, chain: Runnable[Any, Any], turns: Turns, input: str, history: str) -> None:
        self.chain = chain
        self._turns = turns
        self._input = input
        self._history = history

    def invoke(
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> BaseMessage:
        """A turn, and its answer."""
        config, session = session_of(config)
        with self._turns.turn(session) as turn:
            asked = self._asked(input, turn.said())
            with answering(session):
                answer = messages_of(self.chain.invoke(asked, config, **options), session)
            turn.keep([*self._said(asked), *answer])
            return answer[-1]

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> BaseMessage:
        """The same for who awaits."""
        config, session = session_of(config)
        async with self._turns.aturn(session) as turn:
            asked = self._asked(input, await in_thread(turn.said))
            with answering(session):
                answer = messages_of(await self.chain.ainvoke(asked, config, **options), session)
            await in_thread(turn.keep, [*self._said(asked), *answer])
            return answer[-1]

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> Iterator[BaseMessage]:
        """A turn, in the pieces of its answer."""
        config, session = session_of(config)
        with self._turns.turn(session) as turn:
            asked = self._asked(input, turn.said())
            whole = Pieces(session)
            with answering(session):
                for piece in self.chain.stream(asked, config, **options):
                    yield whole.add(piece)
            turn.keep([*self._said(asked), *whole.messages()])

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> AsyncIterator[BaseMessage]:
        """The same for who awaits."""
        config, session = session_of(config)
        async with self._turns.aturn(session) as turn:
            asked = self._asked(input, await in_thread(turn.said))
            whole = Pieces(session)
            with answering(session):
                async with closing(self.chain.astream(asked, config, **options)) as pieces:
                    async for piece in pieces:
                        yield whole.add(piece)
            await in_thread(turn.keep, [*self._said(asked), *whole.messages()])

    def _asked(self, input: Any, said: list[BaseMessage]) -> dict[str, Any]:
        given = dict(input) if isinstance(input, Mapping) else {self._input: input}
        if self._input not in given:
            raise NotConfigured(f"the input has no {self._input!r}")
        return {**given, self._history: said}

    def _said(self, asked: Mapping[str, Any]) -> list[BaseMessage]:
        given = asked[self._input]
        if isinstance(given, str):
            return [HumanMessage(given)]
        return [given] if isinstance(given, BaseMessage) else list(given)


def session_of(config: RunnableConfig | None) -> tuple[RunnableConfig, str]:
    """The configuration, and the session that it names. Raises NotConfigured."""
    known = ensure_config(config)
    names = known.get("configurable", {})
    session = next((names[key] for key in SESSION_KEYS if names.get(key)), None)
    if session is None:
        with reported():
            raise NotConfigured('no session: pass config={"configurable": {"session_id": …}}')
    return known, session


class Pieces:
    """What a chain streams, put together."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._whole: Any = None

    def add(self, piece: Any) -> BaseMessage:
        """One more; as a message."""
        said = AIMessageChunk(content=piece) if isinstance(piece, str) else piece
        if not isinstance(said, BaseMessage):
            raise _no_message(piece, self._session)
        self._whole = said if self._whole is None else self._whole + said
        return said

    def messages(self) -> list[BaseMessage]:
        """All of it, as a message. Raises ModelFailed when it is none."""
        return messages_of(self._whole, self._session)


def messages_of(answer: Any, session: str) -> list[BaseMessage]:
    """What a chain answers, as messages. Raises ModelFailed when it is none."""
    if isinstance(answer, str):
        return [AIMessage(answer)]
    if isinstance(answer, BaseMessageChunk):
        return [message_chunk_to_message(answer)]
    if isinstance(answer, BaseMessage):
        return [answer]
    if isinstance(answer, Sequence) and answer and all(isinstance(o, BaseMessage) for o in answer):
        return list(answer)
    raise _no_message(answer, session)


def _no_message(answer: Any, session: str) -> ModelFailed:
    return ModelFailed(f"the chain answers a {type(answer).__name__}, no message", session)


@asynccontextmanager
async def closing(pieces: AsyncIterator[Piece]) -> AsyncIterator[AsyncIterator[Piece]]:
    """A stream that ends with the block: its request does, too, when its reader is gone."""
    try:
        yield pieces
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
