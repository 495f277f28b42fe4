"""OpenAI's Responses API, for apps that leave their conversations to the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

import msgspec
from msgspec import Raw, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.calls import Call
from causerie.completions import Answer
from causerie.context_calls import ContextCalls, Open, Question
from causerie.contexts import view
from causerie.conversations import ID_CHARS_MAX
from causerie.dialects import Prefix
from causerie.endpoints import Dialect, Endpoint
from causerie.errors import Invalid, TooMany
from causerie.exchanges import API
from causerie.gateway import Frame, Gateway
from causerie.store.contexts import Contexts
from causerie.store.responses import Responses
from causerie.token_usage import Usage, reported_responses
from causerie.tokens import Tokens
from causerie.web.branches import RESPONSE_TTL_S, WHOLE_HISTORY, Branches, Continuation
from causerie.web.callers import (
    MESSAGES_MAX,
    USER_CHARS_MAX,
    Callers,
    Knock,
    metadata_of,
    model_of,
    tenant_of,
    user_of,
)
from causerie.web.edge import JSONResponse
from causerie.web.streams import HungUp, attended, event_stream
from causerie.web.voices import Voices, request_headers
from causerie.wire import items as items_wire
from causerie.wire import responses as wire
from causerie.wire.items import Document
from causerie.wire.response_events import Events

PREFIXES = ("/v1/responses", "/api/v3/responses")
RESPONSE_PREFIX = "resp_"
encode_json = msgspec.json.Encoder().encode


class Kept(Struct):
    """A response in the store, with what was said to it."""

    response: Raw
    input: list[Document]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A response that is being made. `opened` is its turn, unless it is of no conversation."""

    call: Call
    opened: Open | None
    response: Document
    """As it is before anything is known of the answer."""
    said: list[Document]
    """The messages that it answers."""
    store: bool
    ttl_s: int

    @property
    def id(self) -> str:
        """The response's."""
        return str(self.response["id"])

    @property
    def scope(self) -> tuple[str, int]:
        """What its items are of: the turn of a context, or a call of its own."""
        if self.opened is None:
            return self.call.id, 0
        return self.opened.context.id, self.opened.position

    @property
    def place(self) -> str:
        """Of the message that it makes."""
        return items_wire.place_of(*self.scope, len(self.said))

    def ended(self, answer: Answer, usage: Usage) -> Document:
        """The whole response."""
        thought = next(iter(answer.thoughts), "")
        output = [items_wire.reasoning_item(thought, self.place)] if thought else []
        output += items_wire.items_of(answer.messages()[:1], *self.scope, len(self.said))
        used = reported_responses(usage)
        return wire.ended(self.response, answer.model, output, answer.finish_reason, used)

    def kept(self, response: Document) -> bytes:
        """The document for the store."""
        return encode_json({"response": response, "input": self.input_items()})

    def input_items(self) -> list[Document]:
        """What was said to it."""
        return items_wire.items_of(self.said, *self.scope)


class ResponsesAPI:
    """Endpoints under `/v1/responses`, and the same under `/api/v3` for Ark's clients."""

    def __init__(
        self,
        callers: Callers,
        calls: ContextCalls,
        contexts: Contexts,
        responses: Responses,
        gateway: Gateway,
        tokens: Tokens,
        clock: Callable[[], datetime],
        voices: Voices,
    ) -> None:
        self._callers = callers
        self._calls = calls
        self._branches = Branches(calls, contexts, responses, clock)
        self._gateway = gateway
        self._tokens = tokens
        self._voice = voices.openai

    def routes(self) -> list[Route]:
        """Where it answers."""
        verbs: list[tuple[str, str, Callable[[Request], object]]] = [
            ("POST", "", self.create),
            ("GET", "/{id}", self.get),
            ("DELETE", "/{id}", self.delete),
            ("GET", "/{id}/input_items", self.input_items),
            ("POST", "/{id}/cancel", self.cancel),
        ]
        return [
            Route(prefix + path, answer, methods=[method])
            for prefix in PREFIXES
            for method, path, answer in verbs
        ]

    # ---- what is asked -------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        """A response, whole or in events."""
        knock = await self._callers.admit(request)
        asked = wire.asked_of(knock.raw)
        endpoint = await self._callers.endpoint(knock.caller, model_of(knock.body))
        reply = await self._begun(request, knock, asked, endpoint)
        headers = {**request_headers(request), **knock.headers}
        try:
            if asked.stream:
                return await self._streamed(request, reply, headers)
            work = self._whole(reply)
            return JSONResponse(await attended(request.receive, work), headers=headers)
        except HungUp:
            self._let_go(reply)
            return Response(status_code=499)
        except BaseException:
            self._let_go(reply)
            raise

    async def _begun(
        self, request: Request, knock: Knock, asked: wire.Asked, endpoint: Endpoint
    ) -> Reply:
        said = items_wire.messages_of([] if asked.input is None else asked.input, "input")
        if not said:
            raise Invalid("input: a text or one or more items are expected", field="input")
        if len(said) > MESSAGES_MAX:
            raise Invalid(f"input: over {MESSAGES_MAX} items (MESSAGES_MAX)", field="input")
        question = _question(request, knock, asked, endpoint, said)
        store = asked.store is not False
        ttl_s = _ttl_s(asked, knock.at)
        conversation = wire.conversation_of(asked)
        opened = None
        if store or asked.previous_response_id or conversation:
            asking = Continuation(
                question=question,
                previous=asked.previous_response_id or "",
                conversation=conversation,
                store=store,
                tenant=tenant_of(request),
                ttl_s=ttl_s,
            )
            opened = await self._branches.begin(asking)
        response = wire.begun(
            RESPONSE_PREFIX + knock.id,
            int(knock.at.timestamp()),
            endpoint.upstreams[0].model,
            asked,
            store,
        )
        response["metadata"] = question.metadata
        if conversation and opened is not None:
            response["conversation"] = {"id": opened.context.id}
        call = _plain_call(request, question) if opened is None else opened.call
        return Reply(
            call=call, opened=opened, response=response, said=said, store=store, ttl_s=ttl_s
        )

    def _let_go(self, reply: Reply) -> None:
        if reply.opened is not None:
            self._calls.release(reply.opened)

    # ---- what is answered ----------------------------------------------------------------------

    async def _whole(self, reply: Reply) -> Document:
        made: Document = {}

        async def finish(answer: Answer) -> None:
            nonlocal made
            made = await self._kept(reply, answer)

        await self._gateway.complete(reply.call, finish)
        return made

    async def _kept(self, reply: Reply, answer: Answer) -> Document:
        # Not to be broken off half way: the answer is complete.
        return await asyncio.shield(self._keep(reply, answer))

    async def _keep(self, reply: Reply, answer: Answer) -> Document:
        usage = answer.usage
        if reply.opened is not None:
            await self._calls.finish(reply.opened, answer)
            usage = reply.opened.usage
        if usage is None:
            usage = await asyncio.to_thread(self._estimated, reply.call, answer)
        response = reply.ended(answer, usage)
        if reply.store and reply.opened is not None:
            await self._branches.keep(reply.opened, reply.id, reply.kept(response), reply.ttl_s)
        return response

    def _estimated(self, call: Call, answer: Answer) -> Usage:
        return Usage(
            input_tokens=self._tokens.messages(call.messages, answer.model),
            output_tokens=self._tokens.text(answer.text, answer.model),
            estimated=True,
        )

    async def _streamed(
        self, request: Request, reply: Reply, headers: Mapping[str, str]
    ) -> Response:
        events = Events(reply.response, reply.place)

        def fault(error: Exception) -> bytes:
            _, words = self._voice.said(request, error)
            return events.failed(_code(error), words["message"])

        async def done(sent: bool) -> None:
            if reply.opened is not None:
                await self._calls.settle(reply.opened, delivered=sent)

        return await event_stream(request, self._events(reply, events), fault, headers, done)

    async def _events(self, reply: Reply, events: Events) -> AsyncGenerator[bytes, None]:
        made: Document | None = None

        async def finish(answer: Answer) -> None:
            nonlocal made
            made = await self._kept(reply, answer)

        async with aclosing(await self._gateway.stream(reply.call, finish)) as frames:
            # What fails before the first piece is answered with a status.
            frame = await anext(frames, None)
            for event in events.begin():
                yield event
            while frame is not None and made is None:
                for event in _said(events, frame):
                    yield event
                frame = await anext(frames, None)
        assert made is not None, "a stream that did not fail was finished"
        for event in events.end(made):
            yield event

    # ---- what was answered ---------------------------------------------------------------------

    async def get(self, request: Request) -> Response:
        """A response that was kept."""
        if request.query_params.get("stream", "").lower() in ("1", "true"):
            raise Invalid("stream: a response is streamed once, when it is made", field="stream")
        kept = await self._found(request)
        headers = request_headers(request)
        return Response(bytes(kept.response), 200, headers, "application/json")

    async def _found(self, request: Request) -> Kept:
        caller = await self._callers.caller(request)
        id = request.path_params["id"]
        document = await self._branches.document(caller.project.id, id)
        return msgspec.json.decode(document, type=Kept)

    async def delete(self, request: Request) -> Response:
        """Forget a response. Its transcript stays in the analytics."""
        caller = await self._callers.caller(request)
        id = request.path_params["id"]
        await self._branches.delete(caller.project.id, id)
        gone = {"id": id, "object": "response", "deleted": True}
        return JSONResponse(gone, headers=request_headers(request))

    async def input_items(self, request: Request) -> Response:
        """What was said to it, without what went before."""
        kept = await self._found(request)
        page = items_wire.page(kept.input, request.query_params)
        return JSONResponse(page, headers=request_headers(request))

    async def cancel(self, request: Request) -> Response:
        """Refused: a response that can be asked for is complete. Who hangs up cancels."""
        await self._found(request)
        raise Invalid("cannot cancel a response that was not made in the background", field="id")


def _question(
    request: Request,
    knock: Knock,
    asked: wire.Asked,
    endpoint: Endpoint,
    said: list[Document],
) -> Question:
    user = user_of(request, knock.body) or (asked.safety_identifier or "")[:USER_CHARS_MAX]
    return Question(
        caller=knock.caller,
        endpoint=endpoint,
        api=API.RESPONSES,
        id=knock.id,
        at=knock.at,
        began=knock.began,
        context="",
        messages=encode_json(said),
        parameters=wire.chat_parameters(asked, knock.body, _length(endpoint)),
        stream=bool(asked.stream),
        user=user,
        metadata=metadata_of(knock.body),
        instructions=encode_json(_instructions(asked)),
        strategy=WHOLE_HISTORY if asked.truncation == "disabled" else None,
    )


def _instructions(asked: wire.Asked) -> list[Document]:
    given = asked.instructions
    if isinstance(given, str):
        return [{"role": "system", "content": given}]
    return items_wire.messages_of(given or [], "instructions")


def _length(endpoint: Endpoint) -> str:
    """Every provider knows `max_tokens`, but for OpenAI, whose newer models refuse it."""
    of_openai = all(one.dialect is Dialect.OPENAI for one in endpoint.upstreams)
    return "max_completion_tokens" if of_openai else "max_tokens"


def _ttl_s(asked: wire.Asked, now: datetime) -> int:
    if asked.expire_at is None:
        return RESPONSE_TTL_S
    ttl_s = asked.expire_at - int(now.timestamp())
    if not 1 <= ttl_s <= RESPONSE_TTL_S:
        raise Invalid(f"expire_at: in at most {RESPONSE_TTL_S} seconds", field="expire_at")
    return ttl_s


def _plain_call(request: Request, question: Question) -> Call:
    """A call of which nothing is kept but its recording, like a chat's."""
    conversation = request.headers.get("x-conversation-id", "")[:ID_CHARS_MAX]
    return Call(
        caller=question.caller,
        endpoint=question.endpoint,
        api=question.api,
        id=question.id,
        at=question.at,
        began=question.began,
        messages=view(question.instructions, [], question.messages),
        parameters=question.parameters,
        stream=question.stream,
        user=question.user,
        tenant=tenant_of(request),
        conversation=conversation,
        named=bool(conversation),
        metadata=question.metadata,
        prefix=Prefix(conversation, question.caller.project.id),
    )


def _said(events: Events, frame: Frame) -> list[bytes]:
    """The events of a piece; of several answers, which nobody asked for, the first."""
    deltas = (choice.delta for choice in frame.piece.choices or () if not choice.index)
    said = [delta for delta in deltas if delta is not None]
    return [
        event
        for delta in said
        for event in events.piece(
            delta.content, delta.refusal, delta.reasoning_content, delta.tool_calls
        )
    ]


def _code(error: Exception) -> str:
    """One of the few codes that a failed response may have."""
    if isinstance(error, TooMany):
        return "rate_limit_exceeded"
    return "invalid_prompt" if isinstance(error, Invalid) else "server_error"
