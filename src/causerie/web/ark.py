"""Ark's Context API, and the verbs that it lacks: read, list, change, delete, clone, undo, move.

Under `/api/v3`, `/v1` and without prefix: clients put their paths behind whatever base they know.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.calls import Call, Caller
from causerie.context_calls import ContextCalls
from causerie.contexts import (
    Context,
    Mode,
    Strategy,
    Truncation,
    Turn,
    check_ttl,
    expiry,
    new_context_id,
    resolve_strategy,
)
from causerie.dialects import Prefix
from causerie.endpoints import Dialect, Endpoint
from causerie.errors import CauserieError, Conflict, Invalid
from causerie.exchanges import API
from causerie.gateway import Gateway
from causerie.store.contexts import Contexts
from causerie.tokens import Tokens
from causerie.usage import Usage, reported
from causerie.web.callers import (
    Body,
    Callers,
    Knock,
    decode_speakers,
    flag_of,
    messages_of,
    metadata_of,
    model_of,
    required,
    tenant_of,
    text_of,
    user_of,
)
from causerie.web.edge import JSONResponse
from causerie.web.openai import question_of
from causerie.web.turns import Manner, Turns
from causerie.web.voices import Voices, request_headers
from causerie.wire import ark as wire

PREFIXES = ("/api/v3/context", "/v1/context", "/context")
LIST_MAX = 500
ID_TRIES_MAX = 20
log = logging.getLogger(__name__)


class ArkAPI:
    """Contexts for callers with a key of the gateway. `strict` refuses times to live that Ark
    refuses.
    """

    def __init__(
        self,
        callers: Callers,
        turns: Turns,
        calls: ContextCalls,
        contexts: Contexts,
        gateway: Gateway,
        tokens: Tokens,
        clock: Callable[[], datetime],
        voices: Voices,
        *,
        strict: bool,
    ) -> None:
        self._callers = callers
        self._turns = turns
        self._calls = calls
        self._contexts = contexts
        self._gateway = gateway
        self._tokens = tokens
        self._clock = clock
        self._manner = Manner(voices.ark, strict=True)
        self._strict = strict
        self._random = random.SystemRandom()

    def routes(self) -> list[Route]:
        """Where it answers."""
        verbs: list[tuple[str, str, Callable[[Request], Any]]] = [
            ("POST", "/create", self.create),
            ("POST", "/chat/completions", self.chat),
            ("POST", "/clone", self.clone),
            ("POST", "/import", self.import_context),
            ("GET", "/tags", self.tags),
            ("PUT", "/tags/{tag}", self.tag),
            ("DELETE", "/tags/{tag}", self.untag),
            ("GET", "", self.listed),
            ("GET", "/{id}", self.get),
            ("PATCH", "/{id}", self.change),
            ("DELETE", "/{id}", self.delete),
            ("GET", "/{id}/history", self.history),
            ("POST", "/{id}/undo", self.undo),
            ("GET", "/{id}/export", self.export),
        ]
        return [
            Route(prefix + path, answer, methods=[method])
            for prefix in PREFIXES
            for method, path, answer in verbs
        ]

    # ---- create and chat -----------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        """A new context with its initial messages."""
        knock = await self._callers.admit(request)
        endpoint = await self._callers.endpoint(knock.caller, model_of(knock.body))
        context, asked = self._made(request, knock, endpoint)
        context = await self._kept(context, knock.at)
        if self._warms(knock.body, endpoint):
            await self._warm(knock, endpoint, context)
        usage = Usage(input_tokens=context.initial_tokens, cached_tokens=0)
        answer = answer_of(context, reported(usage))
        if asked is not None and asked != context.ttl_s:
            answer.ttl_given = asked
        return JSONResponse(answer, headers={**request_headers(request), **knock.headers})

    def _made(
        self, request: Request, knock: Knock, endpoint: Endpoint
    ) -> tuple[Context, int | None]:
        body, now = knock.body, knock.at
        mode = _mode(body)
        messages = messages_of(body, prefill=False)
        ttl = _ttl(body)
        ttl_s = check_ttl(ttl, strict=self._strict)
        strategy = resolve_strategy(
            mode, _strategy(body), endpoint.window_tokens, endpoint.output_tokens
        )
        context = Context(
            id=new_context_id(now, self._random),
            project=knock.caller.project.id,
            endpoint=endpoint.id,
            mode=mode,
            ttl_s=ttl_s,
            strategy=strategy,
            initial=messages,
            initial_tokens=self._tokens.messages(messages, endpoint.upstreams[0].model),
            created_at=now,
            used_at=now,
            expires_at=expiry(ttl_s, now),
            user=user_of(request, body),
            tenant=tenant_of(request),
            metadata=metadata_of(body),
        )
        return context, ttl

    async def _kept(self, context: Context, now: datetime) -> Context:
        for _ in range(ID_TRIES_MAX):
            try:
                await self._calls.run(self._contexts.create, context)
                return context
            except Conflict:
                another = new_context_id(now, self._random)
                context = msgspec.structs.replace(context, id=another)
        raise Conflict("no free id was found, try again")

    def _warms(self, body: Body, endpoint: Endpoint) -> bool:
        """The provider reads the initial messages now, so that the first turn finds them read."""
        local = endpoint.upstreams[0].dialect is Dialect.LLAMACPP
        return flag_of(body, "warm") if "warm" in body else local

    async def _warm(self, knock: Knock, endpoint: Endpoint, context: Context) -> None:
        call = Call(
            caller=knock.caller,
            endpoint=endpoint,
            api=API.CONTEXT,
            id=knock.id,
            at=knock.at,
            began=knock.began,
            messages=context.initial,
            parameters={"max_tokens": Raw(b"1")},
            context=context.id,
            prefix=Prefix(context.id, context.project, len(decode_speakers(context.initial))),
        )
        try:
            await self._gateway.warm(call)
        except CauserieError as error:
            log.info("%s was not warmed: %s", context.id, error.message)

    async def chat(self, request: Request) -> Response:
        """A turn of a context."""
        knock = await self._callers.admit(request)
        required(knock.body, "context_id")
        endpoint = await self._callers.endpoint(knock.caller, model_of(knock.body))
        context = text_of(knock.body, "context_id")
        question = question_of(request, knock, endpoint, context, API.CONTEXT)
        return await self._turns.in_context(request, question, self._manner, knock.headers)

    # ---- read and change -----------------------------------------------------------------------

    async def get(self, request: Request) -> Response:
        """One context, without what was said in it."""
        caller = await self._callers.caller(request)
        context = await self._find(caller, request)
        return self._told(request, context)

    async def _find(self, caller: Caller, request: Request) -> Context:
        id = request.path_params["id"]
        return await self._calls.run(self._contexts.get, caller.project.id, id, self._clock())

    def _told(self, request: Request, context: Context) -> Response:
        usage = Usage(input_tokens=context.initial_tokens, cached_tokens=0)
        answer = answer_of(context, reported(usage), self._clock())
        return JSONResponse(answer, headers=request_headers(request))

    async def listed(self, request: Request) -> Response:
        """Live contexts, the last used first; by `user` or `tag`."""
        caller = await self._callers.caller(request)
        query = request.query_params
        limit, offset = _count(query.get("limit"), 50), _count(query.get("offset"), 0)
        found, total = await self._calls.run(
            self._contexts.list,
            caller.project.id,
            self._clock(),
            user=query.get("user"),
            tag=query.get("tag"),
            limit=min(limit, LIST_MAX),
            offset=offset,
        )
        data = [
            answer_of(context, reported(Usage(input_tokens=context.initial_tokens)), self._clock())
            for context in found
        ]
        page = wire.ListAnswer(data, total, min(limit, LIST_MAX), offset)
        return JSONResponse(page, headers=request_headers(request))

    async def change(self, request: Request) -> Response:
        """Another time to live or other metadata."""
        knock = await self._callers.admit(request)
        ttl = _ttl(knock.body)
        context = await self._calls.run(
            self._contexts.change,
            knock.caller.project.id,
            request.path_params["id"],
            knock.at,
            ttl_s=None if ttl is None else check_ttl(ttl, strict=self._strict),
            metadata=metadata_of(knock.body) if "metadata" in knock.body else None,
        )
        return self._told(request, context)

    async def delete(self, request: Request) -> Response:
        """Forget a context at once. Its transcript stays in the analytics."""
        caller = await self._callers.caller(request)
        id = request.path_params["id"]
        await self._calls.run(self._contexts.delete, caller.project.id, id)
        return JSONResponse(wire.Deleted(id), headers=request_headers(request))

    async def history(self, request: Request) -> Response:
        """All that was said, also what the model no longer sees."""
        caller = await self._callers.caller(request)
        context = await self._find(caller, request)
        turns = await self._calls.run(
            self._contexts.history, caller.project.id, context.id, self._clock()
        )
        told = [_turn_answer(turn, context) for turn in turns]
        answer = wire.HistoryAnswer(context.id, Raw(context.initial), told)
        return JSONResponse(answer, headers=request_headers(request))

    async def undo(self, request: Request) -> Response:
        """Drop the last turn, as if it had not been."""
        caller = await self._callers.caller(request)
        id = request.path_params["id"]
        work = self._contexts.undo
        context = await self._calls.run(work, caller.project.id, id, self._clock())
        return self._told(request, context)

    # ---- copies --------------------------------------------------------------------------------

    async def clone(self, request: Request) -> Response:
        """Another context that begins as this one is, or as it was after so many `turns`."""
        knock = await self._callers.admit(request)
        required(knock.body, "context_id")
        context = await self._calls.run(
            self._contexts.clone,
            knock.caller.project.id,
            text_of(knock.body, "context_id"),
            new_context_id(knock.at, self._random),
            knock.at,
            turns=_int(knock.body, "turns"),
        )
        return self._told(request, context)

    async def export(self, request: Request) -> Response:
        """A context as a document."""
        caller = await self._callers.caller(request)
        context = await self._find(caller, request)
        turns = await self._calls.run(
            self._contexts.history, caller.project.id, context.id, self._clock()
        )
        document = wire.Exported(
            model=context.endpoint,
            mode=context.mode.value,
            ttl=context.ttl_s,
            initial=Raw(context.initial),
            initial_tokens=context.initial_tokens,
            truncation_strategy=_plain(context.strategy),
            turns=[
                wire.ExportedTurn(Raw(turn.messages), turn.tokens, turn.at.timestamp())
                for turn in turns
            ],
            user=context.user,
            metadata=context.metadata,
        )
        return JSONResponse(document, headers=request_headers(request))

    async def import_context(self, request: Request) -> Response:
        """A new context from such a document."""
        knock = await self._callers.admit(request)
        document = _exported(knock.raw)
        endpoint = await self._callers.endpoint(knock.caller, document.model)
        context, turns = self._imported(knock, endpoint, document)
        for _ in range(ID_TRIES_MAX):
            try:
                await self._calls.run(self._contexts.create, context, turns)
                return self._told(request, msgspec.structs.replace(context, turns=len(turns)))
            except Conflict:
                another = new_context_id(knock.at, self._random)
                context = msgspec.structs.replace(context, id=another)
        raise Conflict("no free id was found, try again")

    def _imported(
        self, knock: Knock, endpoint: Endpoint, document: wire.Exported
    ) -> tuple[Context, list[Turn]]:
        body = knock.body
        mode = _mode(body)
        ttl_s = check_ttl(document.ttl, strict=self._strict)
        model = endpoint.upstreams[0].model
        turns = [_imported_turn(place, one) for place, one in enumerate(document.turns)]
        initial = messages_of({"messages": document.initial}, prefill=False)
        context = Context(
            id=new_context_id(knock.at, self._random),
            project=knock.caller.project.id,
            endpoint=endpoint.id,
            mode=mode,
            ttl_s=ttl_s,
            strategy=resolve_strategy(
                mode, _strategy(body), endpoint.window_tokens, endpoint.output_tokens
            ),
            initial=initial,
            initial_tokens=self._tokens.messages(initial, model),
            created_at=knock.at,
            used_at=knock.at,
            expires_at=expiry(ttl_s, knock.at),
            user=document.user,
            metadata=document.metadata,
            kept_tokens=sum(turn.tokens for turn in turns),
        )
        return context, turns

    # ---- tags ----------------------------------------------------------------------------------

    async def tags(self, request: Request) -> Response:
        """Every tag of the project."""
        caller = await self._callers.caller(request)
        found = await self._calls.run(self._contexts.tags, caller.project.id)
        data = [wire.TagAnswer(tag, context) for tag, context in sorted(found.items())]
        return JSONResponse({"object": "list", "data": data}, headers=request_headers(request))

    async def tag(self, request: Request) -> Response:
        """Let a tag stand for a context; `tag:NAME` is then understood as its id."""
        knock = await self._callers.admit(request)
        required(knock.body, "context_id")
        context, tag = text_of(knock.body, "context_id"), request.path_params["tag"]
        project = knock.caller.project.id
        await self._calls.run(self._contexts.tag, project, tag, context, knock.at)
        return JSONResponse(wire.TagAnswer(tag, context), headers=request_headers(request))

    async def untag(self, request: Request) -> Response:
        """Forget a tag."""
        caller = await self._callers.caller(request)
        tag = request.path_params["tag"]
        await self._calls.run(self._contexts.untag, caller.project.id, tag)
        return JSONResponse(wire.Deleted(tag), headers=request_headers(request))


def answer_of(
    context: Context, usage: dict[str, Any], now: datetime | None = None
) -> wire.ContextAnswer:
    """A context as it is told."""
    busy = context.busy_until is not None and now is not None and context.busy_until > now
    return wire.ContextAnswer(
        id=context.id,
        model=context.endpoint,
        mode=context.mode.value,
        ttl=context.ttl_s,
        usage=usage,
        truncation_strategy=_strategy_answer(context.strategy),
        created_at=int(context.created_at.timestamp()),
        expire_at=int(context.expires_at.timestamp()),
        turns=context.turns,
        kept_tokens=context.initial_tokens + context.kept_tokens,
        calls=context.calls,
        input_tokens=context.input_tokens,
        cached_tokens=context.cached_tokens,
        user=context.user,
        metadata=context.metadata,
        busy=busy,
    )


def _strategy_answer(strategy: Strategy | None) -> wire.TruncationStrategy | msgspec.UnsetType:
    plain = _plain(strategy)
    return UNSET if plain is None else wire.TruncationStrategy(**plain)


def _plain(strategy: Strategy | None) -> dict[str, Any] | None:
    if strategy is None:
        return None
    fields = msgspec.structs.asdict(strategy)
    fields["type"] = strategy.type.value
    return {name: value for name, value in fields.items() if value is not None}


def _turn_answer(turn: Turn, context: Context) -> wire.TurnAnswer:
    at = int(turn.at.timestamp())
    dropped = turn.position < context.cut
    return wire.TurnAnswer(turn.position, Raw(turn.messages), turn.tokens, at, dropped)


def _mode(body: Body) -> Mode:
    given = text_of(body, "mode") or Mode.SESSION.value
    try:
        return Mode(given)
    except ValueError:
        raise Invalid("mode: session or common_prefix is expected", field="mode") from None


def _ttl(body: Body) -> int | None:
    if "ttl" not in body:
        return None
    try:
        # One of Ark's own examples has it as text.
        return msgspec.json.decode(body["ttl"], type=int, strict=False)
    except msgspec.DecodeError:
        raise Invalid("ttl: a number of seconds is expected", field="ttl") from None


def _int(body: Body, name: str) -> int | None:
    if name not in body:
        return None
    try:
        return msgspec.json.decode(body[name], type=int)
    except msgspec.DecodeError:
        raise Invalid(f"{name}: a number is expected", field=name) from None


def _strategy(body: Body) -> Strategy | None:
    if "truncation_strategy" not in body:
        return None
    try:
        given = msgspec.json.decode(body["truncation_strategy"], type=dict[str, Any])
        known = {name: value for name, value in given.items() if value not in (None, "")}
        return msgspec.convert(known, Strategy) if known else None
    except msgspec.DecodeError as error:
        kinds = " or ".join(kind.value for kind in Truncation)
        message = f"truncation_strategy: {error}; its type is {kinds}"
        raise Invalid(message, field="truncation_strategy") from None


def _count(text: str | None, absent: int) -> int:
    if text is None:
        return absent
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid("limit and offset are numbers", field="limit")
    return int(text)


def _exported(raw: bytes) -> wire.Exported:
    try:
        return msgspec.json.decode(raw, type=wire.Exported)
    except msgspec.DecodeError as error:
        raise Invalid(f"this is no exported context: {error}", field="body") from None


def _imported_turn(place: int, given: wire.ExportedTurn) -> Turn:
    messages = messages_of({"messages": given.messages})
    if not 0 <= given.tokens <= 1 << 30:
        raise Invalid(f"turns[{place}].tokens: a count is expected", field="turns")
    try:
        at = datetime.fromtimestamp(given.created_at, UTC)
    except (ValueError, OverflowError, OSError):
        raise Invalid(f"turns[{place}].created_at: seconds are expected", field="turns") from None
    return Turn(position=place, messages=messages, tokens=given.tokens, at=at)
