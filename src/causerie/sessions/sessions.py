"""Sessions: a store, and all that remembers in it. With one in memory for scripts."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from langchain_core.runnables import Runnable

from causerie.sessions.conversation import Conversation
from causerie.sessions.errors import log, reported
from causerie.sessions.histories import RememberingRunnable, SessionHistory
from causerie.sessions.holds import LEASE_SECONDS, WAIT_SECONDS, checked
from causerie.sessions.models import HISTORY, INPUT, SYSTEM, build_chain
from causerie.sessions.replies import Reply, logged
from causerie.sessions.stores import Place, open_store
from causerie.sessions.turns import Turns


class Sessions:
    """Conversations by id, in a place: None is memory, a path a SQLite file, postgresql://… a
    database, a `causerie.Client` the contexts of its server. Safe in threads and tasks; places
    other than memory are safe for several processes, too.
    """

    def __init__(
        self,
        place: Place = None,
        *,
        model: str | None = None,
        system: str = SYSTEM,
        wait_s: float = WAIT_SECONDS,
        lease_s: float = LEASE_SECONDS,
    ) -> None:
        """A turn waits at most `wait_s` for those before it. `lease_s` after a process was killed
        its sessions are free. `model` and `system` are for contexts alone: the endpoint, and what
        they begin with. Raises NotConfigured, StoreUnavailable.
        """
        with reported():
            store = open_store(place, model=model, system=system)
        self._turns = Turns(store, wait_s, min(lease_s, LEASE_SECONDS))

    def get_message_history(self, session_id: str) -> SessionHistory:
        """What was said in a session, as LangChain's chat message history."""
        with reported():
            return SessionHistory(checked(session_id), self._turns)

    def build_conversation(
        self,
        chain: Runnable[Any, Any] | None = None,
        *,
        input_messages_key: str = INPUT,
        history_messages_key: str = HISTORY,
    ) -> Conversation:
        """The chain, with a memory; that of the environment if none is given."""
        known = chain or build_chain()
        return Conversation(known, self._turns, input_messages_key, history_messages_key)

    def build_runnable_with_history(
        self,
        chain: Runnable[Any, Any] | None = None,
        *,
        input_messages_key: str | None = INPUT,
        history_messages_key: str | None = HISTORY,
        output_messages_key: str | None = None,
    ) -> RememberingRunnable:
        """The same by LangChain's RunnableWithMessageHistory: answers what the chain does."""
        return RememberingRunnable(
            chain or build_chain(),
            self._turns,
            input_messages_key=input_messages_key,
            history_messages_key=history_messages_key,
            output_messages_key=output_messages_key,
        )

    def session_ids(self) -> list[str]:
        """Those in which something was said, in order."""
        with reported():
            return self._turns.store.sessions()

    def delete(self, session_id: str) -> None:
        """Forget a session, after the turn that is going on."""
        self.get_message_history(session_id).clear()

    def close(self) -> None:
        """Let go of the store. A client that was given stays open."""
        self._turns.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


# ---- for scripts ---------------------------------------------------------------------------------


@functools.cache
def default_sessions() -> Sessions:
    """Those of the functions below: in memory, as long as the process lives."""
    return Sessions()


def get_message_history(session_id: str) -> SessionHistory:
    """What was said in a session, as LangChain's chat message history."""
    return default_sessions().get_message_history(session_id)


def build_conversation(
    chain: Runnable[Any, Any] | None = None,
    *,
    input_messages_key: str = INPUT,
    history_messages_key: str = HISTORY,
) -> Conversation:
    """The chain, with a memory; that of the environment if none is given."""
    return default_sessions().build_conversation(
        chain, input_messages_key=input_messages_key, history_messages_key=history_messages_key
    )


def run_conversation(
    turns: Iterable[Any], *, session_id: str, conversation: Runnable[Any, Any] | None = None
) -> list[Reply]:
    """Say these things in a session, one after the other; each reply is in the log. Stops at the
    first that fails and raises what it did: those before are in the session's history.
    """
    known, config = conversation or build_conversation(), _named(session_id)
    replies = []
    for said in turns:
        replies.append(Reply(said, known.invoke({INPUT: said}, config)))
        _tell(session_id, replies)
    return replies


async def arun_conversation(
    turns: Iterable[Any], *, session_id: str, conversation: Runnable[Any, Any] | None = None
) -> list[Reply]:
    """The same for who awaits."""
    known, config = conversation or build_conversation(), _named(session_id)
    replies = []
    for said in turns:
        replies.append(Reply(said, await known.ainvoke({INPUT: said}, config)))
        _tell(session_id, replies)
    return replies


def _named(session_id: str) -> Any:
    return {"configurable": {"session_id": session_id}}


def _tell(session_id: str, replies: list[Reply]) -> None:
    last = replies[-1]
    text, count = logged(last.message), len(replies)
    log.info("session %s: turn %d: %s (%s tokens)", session_id, count, text, last.total_tokens)
