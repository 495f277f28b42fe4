"""Where sessions are kept: what each such place can do, and which one an address means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from langchain_core.messages import BaseMessage

from causerie.client import Client
from causerie.sessions.errors import NotConfigured
from causerie.sessions.models import SYSTEM

Place = None | str | Path | Client
POSTGRES = ("postgresql://", "postgres://")
SQLITE = "sqlite:///"


class Store(Protocol):
    """Messages by session, and who holds which session. Safe in threads; each call raises
    StoreUnavailable when it cannot be done.
    """

    @property
    def shared(self) -> bool:
        """Whether other processes have it as well, so that holds have to be renewed."""

    def read(self, session: str) -> list[BaseMessage]:
        """All that was said, from the beginning."""

    def append(self, session: str, holder: str, messages: Sequence[BaseMessage]) -> None:
        """All of them at the end, or none. Raises SessionLost when another took the session."""

    def delete(self, session: str, holder: str) -> None:
        """Forget it. Raises SessionLost."""

    def sessions(self) -> list[str]:
        """The ids of those that have messages, in order."""

    def take(self, session: str, holder: str, lease_s: float) -> bool:
        """Hold a session for so many seconds, or longer if it is held by the same; False while
        another holds it.
        """

    def release(self, session: str, holder: str) -> None:
        """Let it go; nothing is done when another holds it."""

    def close(self) -> None:
        """Let go of files and connections."""


def open_store(place: Place = None, *, model: str | None = None, system: str = SYSTEM) -> Store:
    """The store at a place: None is memory, a path (or sqlite:///PATH) a file, postgresql://…
    a database, a client the contexts of its server, for which `model` names an endpoint and
    `system` is what they begin with. Raises NotConfigured, StoreUnavailable.
    """
    if place is None:
        from causerie.sessions.checkpoints import MemoryStore

        return MemoryStore()
    if isinstance(place, Client):
        from causerie.sessions.contexts import ContextStore

        if not model:
            raise NotConfigured("contexts are of an endpoint of their server: pass model")
        return ContextStore(place, model, system)
    address = str(place)
    if address.startswith(POSTGRES):
        from causerie.sessions.postgres import PostgresStore

        return PostgresStore(address)
    from causerie.sessions.sqlite import SqliteStore

    return SqliteStore(Path(address.removeprefix(SQLITE)))
