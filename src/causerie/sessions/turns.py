"""One turn of a session: what was said before it, and what it adds, kept at once or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from causerie.sessions.errors import reported
from causerie.sessions.holds import LEASE_SECONDS, WAIT_SECONDS, Holds, checked
from causerie.sessions.stores import Store
from causerie.sessions.threads import in_thread


@dataclass(frozen=True)
class Turn:
    """A turn that is going on. Nobody else changes its session meanwhile."""

    session: str
    holder: str
    store: Store

    def said(self) -> list[BaseMessage]:
        """All that was said before."""
        return self.store.read(self.session)

    def keep(self, messages: Sequence[BaseMessage]) -> None:
        """Add what was said. Raises SessionLost, StoreUnavailable; then nothing is added."""
        self.store.append(self.session, self.holder, messages)

    def forget(self) -> None:
        """Delete the session."""
        self.store.delete(self.session, self.holder)


class Turns:
    """Begins turns, one at a time in each session, and says their errors in the log."""

    def __init__(
        self, store: Store, wait_s: float = WAIT_SECONDS, lease_s: float = LEASE_SECONDS
    ) -> None:
        self.store = store
        self._holds = Holds(store, wait_s, lease_s)

    @contextmanager
    def turn(self, session: str) -> Iterator[Turn]:
        """A turn, for as long as the block lasts. Raises SessionError."""
        with reported(session), self._holds.hold(session) as holder:
            yield Turn(session, holder, self.store)

    @asynccontextmanager
    async def aturn(self, session: str) -> AsyncIterator[Turn]:
        """The same for who awaits."""
        with reported(session):
            async with self._holds.ahold(session) as holder:
                yield Turn(session, holder, self.store)

    def said(self, session: str) -> list[BaseMessage]:
        """All that was said so far. Does not wait for a turn that is going on."""
        with reported(session):
            return self.store.read(checked(session))

    async def asaid(self, session: str) -> list[BaseMessage]:
        """The same for who awaits."""
        return await in_thread(self.said, session)

    def close(self) -> None:
        """Let go of the store."""
        self._holds.close()
        self.store.close()
