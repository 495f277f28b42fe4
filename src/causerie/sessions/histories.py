"""A session as LangChain's chat message history, and RunnableWithMessageHistory on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import BaseMessage
from langchain_core.runnables import ConfigurableFieldSpec, Runnable, RunnableConfig
from langchain_core.runnables.history import RunnableWithMessageHistory

from causerie.sessions.conversation import closing, session_of
from causerie.sessions.errors import SessionError, answering
from causerie.sessions.turns import Turn, Turns


class SessionHistory(BaseChatMessageHistory):
    """What was said in a session. Messages that are added at once are kept at once, or none.
    (LangChain declares `messages` as a field and reads it as a property, which is what it is here.)
    """

    def __init__(self, session: str, turns: Turns) -> None:
        self.session = session
        self._turns = turns

    # LangChain declares a field; all that reads a history reads this as one.
    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """All of them. Raises SessionError."""
        return self._turns.said(self.session)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Raises SessionError."""
        with self._turns.turn(self.session) as turn:
            turn.keep(messages)

    def clear(self) -> None:
        """Forget the session. Raises SessionError."""
        with self._turns.turn(self.session) as turn:
            turn.forget()


class TurnHistory(BaseChatMessageHistory):
    """The same within a turn. LangChain swallows what is raised here: `failure` keeps it."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.failure: SessionError | None = None

    # LangChain declares a field; all that reads a history reads this as one.
    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """All of them."""
        return self._turn.said()

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """At the end of the turn."""
        try:
            self._turn.keep(messages)
        except SessionError as error:
            self.failure = error
            raise

    def clear(self) -> None:
        """Forget the session."""
        self._turn.forget()

    def check(self) -> None:
        """Raises what went wrong."""
        if self.failure is not None:
            raise self.failure


class RememberingRunnable(Runnable[Any, Any]):
    """RunnableWithMessageHistory, with its session held for the whole turn, and with the errors of
    the history, which that one swallows. `options` are its own.
    """

    def __init__(self, chain: Runnable[Any, Any], turns: Turns, **options: Any) -> None:
        self._turns = turns
        # LangChain says here that it is deprecated, once.
        self._inner = RunnableWithMessageHistory(
            chain, _history, history_factory_config=[FIELD], **options
        )

    def invoke(self, input: Any, config: RunnableConfig | None = None, **options: Any) -> Any:
        """A turn, and what the chain answers."""
        config, session = session_of(config)
        with self._turns.turn(session) as turn:
            history = TurnHistory(turn)
            with answering(session):
                answer = self._inner.invoke(input, _with(config, history), **options)
            history.check()
            return answer

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> Any:
        """The same for who awaits."""
        config, session = session_of(config)
        async with self._turns.aturn(session) as turn:
            history = TurnHistory(turn)
            with answering(session):
                answer = await self._inner.ainvoke(input, _with(config, history), **options)
            history.check()
            return answer

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> Iterator[Any]:
        """A turn, in pieces."""
        config, session = session_of(config)
        with self._turns.turn(session) as turn:
            history = TurnHistory(turn)
            with answering(session):
                yield from self._inner.stream(input, _with(config, history), **options)
            history.check()

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **options: Any
    ) -> AsyncIterator[Any]:
        """The same for who awaits."""
        config, session = session_of(config)
        async with self._turns.aturn(session) as turn:
            history = TurnHistory(turn)
            with answering(session):
                pieces = self._inner.astream(input, _with(config, history), **options)
                async with closing(pieces):
                    async for piece in pieces:
                        yield piece
            history.check()


def _history(causerie_turn: TurnHistory) -> BaseChatMessageHistory:
    return causerie_turn


FIELD = ConfigurableFieldSpec(id="causerie_turn", annotation=TurnHistory)
"""Under which a call's configuration has its history."""


def _with(config: RunnableConfig, history: TurnHistory) -> RunnableConfig:
    return {**config, "configurable": {**config.get("configurable", {}), FIELD.id: history}}
