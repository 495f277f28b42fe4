"""Sessions as contexts of a Causerie server: a session is the context of a tag.

What is said in them can be read, listed and forgotten there, and gone on with by a model of the
server. A context ends when nobody used it for its time to live; its session then begins anew. What
the model said is kept as chat messages have it: without counts of tokens and the like.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages, convert_to_openai_messages

from causerie.client import Busy, Client, ClientError, Conflict, NotFound
from causerie.client.calls import new_key
from causerie.sessions.errors import SessionLost, StoreUnavailable

TAG = "session:"
PLAIN = re.compile(r"[\w.:@+-]{1,80}", re.ASCII)
"""What is the same in a tag and in a path."""
SESSION = "session"
"""Under which the metadata of a context has the id of its session."""
PAGE = 500
TTL_SECONDS_MAX = 604_800


class ContextStore:
    """Contexts of an endpoint. The server holds them, for half a minute at a time."""

    shared = True

    def __init__(
        self, client: Client, model: str, system: str, ttl_s: int = TTL_SECONDS_MAX
    ) -> None:
        """`system` is what the contexts begin with; it is not part of what a session said."""
        self._client = client
        self._model = model
        self._system = system
        self._ttl_s = ttl_s

    def read(self, session: str) -> list[BaseMessage]:
        """All that was said, from the beginning."""
        with _translated():
            try:
                turns = self._client.history(named(session)).turns
            except NotFound:
                return []
        return convert_to_messages([_whole(said) for turn in turns for said in turn.messages])

    def append(self, session: str, holder: str, messages: Sequence[BaseMessage]) -> None:
        """All of them at the end, or none. Raises SessionLost."""
        said: Any = convert_to_openai_messages(list(messages))
        with _translated():
            try:
                self._client.add_turn(named(session), said, hold=holder, key=new_key())
            except (Conflict, NotFound) as error:
                raise SessionLost("the context is another's or gone", session) from error

    def delete(self, session: str, holder: str) -> None:
        """Forget it."""
        with _translated(), suppress(NotFound):
            self._client.delete_context(named(session))

    def sessions(self) -> list[str]:
        """The ids of those that have messages, in order."""
        found: list[str] = []
        with _translated():
            for offset in range(0, 1_000_000, PAGE):
                page = self._client.contexts(limit=PAGE, offset=offset)
                found += [
                    c.metadata[SESSION] for c in page.data if c.turns and SESSION in c.metadata
                ]
                if offset + PAGE >= page.total:
                    break
        return sorted(set(found))

    def take(self, session: str, holder: str, lease_s: float) -> bool:
        """Hold a session for as long as the server does; False while another holds it."""
        with _translated():
            try:
                return self._held(session, holder)
            except NotFound:
                self._begin(session)
                return self._held(session, holder)

    def _held(self, session: str, holder: str) -> bool:
        try:
            self._client.hold(named(session), holder)
        except Busy:
            return False
        return True

    def _begin(self, session: str) -> None:
        context = self._client.create_context(
            self._model, self._system, ttl=self._ttl_s, metadata={SESSION: session}, warm=False
        )
        # Of two who begin a session at once one finds the context of the other.
        if self._client.tag(tag_of(session), context.id, keep=True) != context.id:
            self._client.delete_context(context.id)

    def release(self, session: str, holder: str) -> None:
        """Let it go."""
        with _translated(), suppress(NotFound):
            self._client.release(named(session), holder)

    def close(self) -> None:
        """Nothing to do: the client is the app's."""


def tag_of(session: str) -> str:
    """The tag of a session: its id, or, where that can be none, a digest of it."""
    if PLAIN.fullmatch(session):
        return TAG + session
    return f"{TAG}#{hashlib.blake2b(session.encode(), digest_size=16).hexdigest()}"


def named(session: str) -> str:
    """What stands for the session where the server takes the id of a context."""
    return f"tag:{tag_of(session)}"


def _whole(said: dict[str, Any]) -> dict[str, Any]:
    # Providers leave out the content of who only calls tools; LangChain wants to see one.
    return said if said.get("content") is not None else {**said, "content": ""}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        message = f"the server of the contexts fails: {type(error).__name__} {error.status}"
        raise StoreUnavailable(message) from error
