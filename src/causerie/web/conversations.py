"""OpenAI's Conversations API: contexts that begin empty, and that responses are added to."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.calls import Caller
from causerie.context_calls import LOCK_S, ContextCalls
from causerie.contexts import Context, Mode, Turn, expiry
from causerie.errors import Invalid, NotFound
from causerie.store.contexts import Contexts
from causerie.tokens import Tokens
from causerie.web.branches import RESPONSE_TTL_S
from causerie.web.callers import (
    MESSAGES_MAX,
    Callers,
    Knock,
    metadata_of,
    required,
    tenant_of,
    user_of,
)
from causerie.web.edge import JSONResponse
from causerie.web.voices import request_headers
from causerie.wire import items as wire
from causerie.wire.items import Document

PREFIXES = ("/v1/conversations", "/api/v3/conversations")
CONVERSATION_PREFIX = "conv_"
CONVERSATION_ID_BYTES = 24
ORIGIN = "openai"
BEGINNING = -1
"""The position of what a conversation begins with, before its first turn."""
encode_json = msgspec.json.Encoder().encode
decode_messages = msgspec.json.Decoder(list[dict[str, Any]]).decode


class ConversationsAPI:
    """Endpoints under `/v1/conversations`, and the same under `/api/v3`. Every session is found
    here, whatever made it.
    """

    def __init__(
        self,
        callers: Callers,
        calls: ContextCalls,
        contexts: Contexts,
        tokens: Tokens,
        clock: Callable[[], datetime],
    ) -> None:
        self._callers = callers
        self._calls = calls
        self._contexts = contexts
        self._tokens = tokens
        self._clock = clock

    def routes(self) -> list[Route]:
        """Where it answers."""
        verbs: list[tuple[str, str, Callable[[Request], object]]] = [
            ("POST", "", self.create),
            ("GET", "/{id}", self.get),
            ("POST", "/{id}", self.change),
            ("DELETE", "/{id}", self.delete),
            ("GET", "/{id}/items", self.items),
            ("POST", "/{id}/items", self.add),
            ("GET", "/{id}/items/{item}", self.item),
            ("DELETE", "/{id}/items/{item}", self.delete_item),
        ]
        return [
            Route(prefix + path, answer, methods=[method])
            for prefix in PREFIXES
            for method, path, answer in verbs
        ]

    # ---- conversations -------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        """A new conversation, with items that it begins with."""
        knock = await self._callers.admit(request)
        said = _said(knock) if "items" in knock.body else []
        initial = encode_json(said)
        context = Context(
            id=CONVERSATION_PREFIX + secrets.token_hex(CONVERSATION_ID_BYTES),
            project=knock.caller.project.id,
            # Each of its responses may be another model's.
            endpoint="",
            mode=Mode.SESSION,
            ttl_s=RESPONSE_TTL_S,
            strategy=None,
            initial=initial,
            initial_tokens=self._tokens.messages(initial),
            created_at=knock.at,
            used_at=knock.at,
            expires_at=expiry(RESPONSE_TTL_S, knock.at),
            user=user_of(request, knock.body),
            tenant=tenant_of(request),
            metadata=metadata_of(knock.body),
            origin=ORIGIN,
        )
        await self._calls.run(self._contexts.create, context)
        return _told(request, _conversation(context))

    async def get(self, request: Request) -> Response:
        """One conversation, without its items."""
        caller = await self._callers.caller(request)
        return _told(request, _conversation(await self._find(caller, request)))

    async def _find(self, caller: Caller, request: Request) -> Context:
        id = request.path_params["id"]
        work = self._contexts.get
        context = await self._calls.run(work, caller.project.id, id, self._clock())
        if context.mode is not Mode.SESSION:
            raise NotFound(f"{context.id} is a common prefix, no conversation", field="id")
        return context

    async def change(self, request: Request) -> Response:
        """Other metadata."""
        knock = await self._callers.admit(request)
        required(knock.body, "metadata")
        found = await self._find(knock.caller, request)
        context = await self._calls.run(
            self._contexts.change,
            knock.caller.project.id,
            found.id,
            knock.at,
            metadata=metadata_of(knock.body),
        )
        return _told(request, _conversation(context))

    async def delete(self, request: Request) -> Response:
        """Forget a conversation at once. Its transcript stays in the analytics."""
        caller = await self._callers.caller(request)
        context = await self._find(caller, request)
        await self._calls.run(self._contexts.delete, caller.project.id, context.id)
        gone = {"id": context.id, "object": "conversation.deleted", "deleted": True}
        return _told(request, gone)

    # ---- items ---------------------------------------------------------------------------------

    async def items(self, request: Request) -> Response:
        """What was said, also what the model no longer sees; the last first, unless asked for
        otherwise.
        """
        return _told(request, wire.page(await self._items(request), request.query_params))

    async def _items(self, request: Request) -> list[Document]:
        caller = await self._callers.caller(request)
        context = await self._find(caller, request)
        project, now = caller.project.id, self._clock()
        turns = await self._calls.run(self._contexts.history, project, context.id, now)
        said = [(BEGINNING, context.initial), *((turn.position, turn.messages) for turn in turns)]
        return [
            item
            for position, messages in said
            for item in wire.items_of(decode_messages(messages), context.id, position)
        ]

    async def item(self, request: Request) -> Response:
        """One of them."""
        id = request.path_params["item"]
        for item in await self._items(request):
            if item["id"] == id:
                return _told(request, item)
        raise NotFound(f"item {id[:100]!r} is not in this conversation", field="item_id")

    async def delete_item(self, request: Request) -> Response:
        """Refused: models would be shown a turn that was not so."""
        caller = await self._callers.caller(request)
        await self._find(caller, request)
        raise Invalid("items cannot be deleted one by one, only conversations", field="item_id")

    async def add(self, request: Request) -> Response:
        """More items, as a turn that no model was asked for."""
        knock = await self._callers.admit(request)
        required(knock.body, "items")
        said = _said(knock)
        if not said:
            raise Invalid("items: one or more are expected", field="items")
        found = await self._find(knock.caller, request)
        context = await self._calls.run(self._append, knock, found.id, said)
        added = wire.items_of(said, context.id, context.turns)
        return _told(request, wire.listed(added))

    def _append(self, knock: Knock, id: str, said: list[Document]) -> Context:
        project, holder = knock.caller.project.id, f"items {knock.id}"
        context, _ = self._contexts.begin(project, id, holder, self._clock(), LOCK_S)
        messages = encode_json(said)
        turn = Turn(
            position=context.turns,
            messages=messages,
            tokens=self._tokens.messages(messages),
            at=knock.at,
        )
        self._contexts.finish(
            context.id,
            holder,
            self._clock(),
            turn=turn,
            cut=context.cut,
            kept_tokens=context.kept_tokens + turn.tokens,
            usage=None,
        )
        return context


def _said(knock: Knock) -> list[Document]:
    given: Any = msgspec.json.decode(knock.body["items"])
    if not isinstance(given, list) or len(given) > MESSAGES_MAX:
        message = f"items: a list of at most {MESSAGES_MAX} (MESSAGES_MAX) is expected"
        raise Invalid(message, field="items")
    return wire.messages_of(given, "items")


def _conversation(context: Context) -> Document:
    return {
        "id": context.id,
        "object": "conversation",
        "created_at": int(context.created_at.timestamp()),
        "metadata": context.metadata,
    }


def _told(request: Request, said: Document) -> Response:
    return JSONResponse(said, headers=request_headers(request))
