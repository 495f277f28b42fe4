"""Conversations that the server keeps: turns are sent, the server has the rest."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Literal, overload

import msgspec

from causerie.client.calls import Calls, Document, fields, new_key, path_of
from causerie.wire.ark import ContextAnswer, Deleted, ListAnswer, TagAnswer

CONTEXTS = ("api", "v3", "context")
Messages = str | Sequence[Mapping[str, Any]]


class HistoryTurn(msgspec.Struct):
    """A turn: what was said by both. `dropped` when the model no longer sees it."""

    position: int
    messages: list[Document]
    tokens: int
    created_at: int
    dropped: bool


class History(msgspec.Struct):
    """All that was said in a context."""

    id: str
    initial: list[Document]
    turns: list[HistoryTurn]

    @property
    def messages(self) -> list[Document]:
        """Every message from the beginning."""
        return [*self.initial, *(said for turn in self.turns for said in turn.messages)]


class _Tags(msgspec.Struct):
    data: list[TagAnswer]


class Contexts:
    """Each call raises ClientError. Wherever an id is taken, `tag:NAME` is as well."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def create_context(
        self,
        model: str,
        messages: Messages,
        *,
        mode: str | None = None,
        ttl: int | None = None,
        truncation_strategy: Mapping[str, Any] | None = None,
        user: str | None = None,
        metadata: Mapping[str, str] | None = None,
        warm: bool | None = None,
    ) -> ContextAnswer:
        """A new context with its initial messages; a text is the system's. `ttl` in seconds."""
        given = fields(
            mode=mode,
            ttl=ttl,
            truncation_strategy=truncation_strategy,
            user=user,
            metadata=metadata,
            warm=warm,
        )
        body = {"model": model, "messages": _messages(messages, "system"), **given}
        return self._calls.ask(ContextAnswer, "POST", path_of(*CONTEXTS, "create"), body)

    @overload
    def chat(
        self,
        context: str | ContextAnswer,
        messages: Messages,
        *,
        stream: Literal[False] = False,
        model: str | None = None,
        key: str | None = None,
        **parameters: Any,
    ) -> Document: ...

    @overload
    def chat(
        self,
        context: str | ContextAnswer,
        messages: Messages,
        *,
        stream: Literal[True],
        model: str | None = None,
        key: str | None = None,
        **parameters: Any,
    ) -> Generator[Document, None, None]: ...

    def chat(
        self,
        context: str | ContextAnswer,
        messages: Messages,
        *,
        stream: bool = False,
        model: str | None = None,
        key: str | None = None,
        **parameters: Any,
    ) -> Document | Generator[Document, None, None]:
        """A turn: a chat completion, or with `stream` its pieces; a text is the user's. With a
        `key` of the caller's own the same turn can be asked for again after a failure.
        """
        found = self.context(context) if isinstance(context, str) and model is None else context
        id = found if isinstance(found, str) else found.id
        body = {
            "context_id": id,
            "model": model or (found.model if isinstance(found, ContextAnswer) else ""),
            "messages": _messages(messages, "user"),
            **parameters,
        }
        path, key = path_of(*CONTEXTS, "chat", "completions"), key or new_key()
        if stream:
            return self._calls.stream("POST", path, {**body, "stream": True}, key=key)
        return self._calls.ask(Document, "POST", path, body, key=key)

    def context(self, id: str) -> ContextAnswer:
        """One context, without what was said in it."""
        return self._calls.ask(ContextAnswer, "GET", path_of(*CONTEXTS, id))

    def contexts(
        self,
        *,
        user: str | None = None,
        tag: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> ListAnswer:
        """Live contexts, the last used first."""
        path = path_of(*CONTEXTS, user=user, tag=tag, limit=limit, offset=offset)
        return self._calls.ask(ListAnswer, "GET", path)

    def change_context(
        self, id: str, *, ttl: int | None = None, metadata: Mapping[str, str] | None = None
    ) -> ContextAnswer:
        """Another time to live, which starts anew, or other metadata."""
        body = fields(ttl=ttl, metadata=metadata)
        return self._calls.ask(ContextAnswer, "PATCH", path_of(*CONTEXTS, id), body)

    def delete_context(self, id: str) -> None:
        """Forget a context at once. Its transcript stays in the analytics."""
        self._calls.ask(Deleted, "DELETE", path_of(*CONTEXTS, id))

    def history(self, id: str) -> History:
        """All that was said, also what the model no longer sees."""
        return self._calls.ask(History, "GET", path_of(*CONTEXTS, id, "history"))

    def add_turn(
        self, id: str, messages: Messages, *, hold: str | None = None, key: str | None = None
    ) -> ContextAnswer:
        """Append a turn that was answered elsewhere; a text is the user's. With a `hold` the turn
        ends it. With a `key` of the caller's own the same turn can be sent again after a failure.
        """
        body = {"messages": _messages(messages, "user"), **fields(hold=hold)}
        path = path_of(*CONTEXTS, id, "turns")
        return self._calls.ask(ContextAnswer, "POST", path, body, key=key or new_key())

    def hold(self, id: str, name: str) -> ContextAnswer:
        """Keep a context for a turn that is answered elsewhere, under a name that nobody else has;
        again within 30 seconds, to keep it longer. Raises Busy while another has it.
        """
        path = path_of(*CONTEXTS, id, "hold")
        return self._calls.ask(ContextAnswer, "POST", path, {"hold": name}, key=new_key())

    def release(self, id: str, name: str) -> None:
        """Let a context go that was held, without a turn."""
        self._calls.ask(Deleted, "DELETE", path_of(*CONTEXTS, id, "hold", name))

    def undo(self, id: str) -> ContextAnswer:
        """Drop the last turn, as if it had not been."""
        return self._calls.ask(ContextAnswer, "POST", path_of(*CONTEXTS, id, "undo"), {})

    def clone_context(self, id: str, *, turns: int | None = None) -> ContextAnswer:
        """Another context that begins as this one is, or as it was after so many turns."""
        body = {"context_id": id, **fields(turns=turns)}
        return self._calls.ask(ContextAnswer, "POST", path_of(*CONTEXTS, "clone"), body)

    def export_context(self, id: str) -> Document:
        """A context as a document, for `import_context` here or elsewhere."""
        return self._calls.ask(Document, "GET", path_of(*CONTEXTS, id, "export"))

    def import_context(self, document: Mapping[str, Any]) -> ContextAnswer:
        """A new context from such a document."""
        return self._calls.ask(ContextAnswer, "POST", path_of(*CONTEXTS, "import"), document)

    def tags(self) -> dict[str, str]:
        """The context of every tag."""
        found = self._calls.ask(_Tags, "GET", path_of(*CONTEXTS, "tags"))
        return {one.tag: one.context_id for one in found.data}

    def tag(self, tag: str, id: str, *, keep: bool = False) -> str:
        """Let a tag stand for a context; with `keep`, unless a live one has it already. Returns the
        id that it stands for.
        """
        path = path_of(*CONTEXTS, "tags", tag)
        body = {"context_id": id, **({"keep": True} if keep else {})}
        return self._calls.ask(TagAnswer, "PUT", path, body).context_id

    def untag(self, tag: str) -> None:
        """Forget a tag."""
        self._calls.ask(Deleted, "DELETE", path_of(*CONTEXTS, "tags", tag))


def _messages(given: Messages, role: str) -> Sequence[Mapping[str, Any]]:
    return [{"role": role, "content": given}] if isinstance(given, str) else list(given)
