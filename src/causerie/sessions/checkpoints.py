"""Sessions as LangGraph's checkpoints: a session is a thread, its messages the state of a graph.

A graph of one node is compiled with a checkpointer, and each turn is one update of its state: who
opens the same database with LangGraph finds the messages there. The model is asked outside of the
graph. A run of a graph writes a checkpoint before its first node and another when it fails or is
cancelled, so that a question stays without an answer; and closing its stream waits for the node.

A checkpoint has all messages. Those before it are deleted with the update, in one transaction: a
session takes the space of its messages once, not once for each turn.
"""

from __future__ import annotations

import operator
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import Context
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AnyMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

MESSAGES, TURN = "messages", "turn"
Saver = BaseCheckpointSaver[Any]


class Said(TypedDict):
    """The state: what was said. Nothing is merged by its id: models repeat theirs."""

    messages: Annotated[list[AnyMessage], operator.add]


def _graph() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(Said)
    graph.add_node(TURN, lambda _: None)
    graph.add_edge(START, TURN)
    graph.add_edge(TURN, END)
    return graph


def thread(session: str) -> RunnableConfig:
    """How LangGraph calls the session."""
    return {"configurable": {"thread_id": session}}


class CheckpointStore(ABC):
    """The part that is the same for every checkpointer."""

    shared = True

    def __init__(self) -> None:
        self._graph = _graph()

    @abstractmethod
    def _reading(self, session: str) -> AbstractContextManager[Saver]:
        """A checkpointer to be read."""

    @abstractmethod
    def _writing(self, session: str, holder: str) -> AbstractContextManager[Saver]:
        """A checkpointer whose changes are kept all or, when the block raises, not at all. Raises
        SessionLost when the session is another's.
        """

    def read(self, session: str) -> list[BaseMessage]:
        """All that was said, from the beginning."""
        with self._reading(session) as saver:
            saved = saver.get_tuple(thread(session))
        if saved is None:
            return []
        return list(saved.checkpoint["channel_values"].get(MESSAGES, ()))

    def append(self, session: str, holder: str, messages: Sequence[BaseMessage]) -> None:
        """All of them at the end, or none. Raises SessionLost."""
        # Nobody else writes meanwhile: if somebody did, the session is not this holder's any more.
        said = [*self.read(session), *messages]
        with self._writing(session, holder) as saver:
            saver.delete_thread(session)
            update = self._graph.compile(checkpointer=saver).update_state
            # A turn may be within a run of the app's, whose settings and tracers are not for this.
            Context().run(update, thread(session), {MESSAGES: said}, as_node=TURN)

    def delete(self, session: str, holder: str) -> None:
        """Forget it. Raises SessionLost."""
        with self._writing(session, holder) as saver:
            saver.delete_thread(session)


class MemoryStore(CheckpointStore):
    """In this process and as long as it lives. Each session has a checkpointer of its own, which a
    turn replaces by another: so a turn that cannot be written changes nothing.
    """

    shared = False

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._savers: dict[str, InMemorySaver] = {}

    @contextmanager
    def _reading(self, session: str) -> Iterator[Saver]:
        yield self._savers.get(session) or InMemorySaver()

    @contextmanager
    def _writing(self, session: str, holder: str) -> Iterator[Saver]:
        saver = InMemorySaver()
        yield saver
        with self._lock:
            if saver.get_tuple(thread(session)) is None:
                self._savers.pop(session, None)
            else:
                self._savers[session] = saver

    def sessions(self) -> list[str]:
        """The ids of those that have messages, in order."""
        with self._lock:
            return sorted(self._savers)

    def take(self, session: str, holder: str, lease_s: float) -> bool:
        """Always: nobody else has this memory, and in this process sessions have lines."""
        return True

    def release(self, session: str, holder: str) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""
