"""OpenAI's API: chat completions, models, embeddings. With `context_id`, a kept conversation."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.calls import Call
from causerie.context_calls import Question, request_digest
from causerie.conversations import ID_CHARS_MAX
from causerie.dialects import Prefix
from causerie.endpoints import Endpoint
from causerie.exchanges import API
from causerie.gateway import Gateway
from causerie.web.callers import (
    Callers,
    Knock,
    flag_of,
    includes_usage,
    messages_of,
    metadata_of,
    model_of,
    required,
    tenant_of,
    text_of,
    user_of,
    without,
)
from causerie.web.edge import JSONResponse
from causerie.web.streams import HungUp, attended
from causerie.web.turns import Manner, Turns
from causerie.web.voices import Voices, request_headers

OWN_FIELDS = ("model", "messages", "stream", "stream_options", "metadata", "context_id")
"""What the gateway answers for; everything else goes to the provider as it came."""
OWNER = "causerie"


class OpenAIAPI:
    """Endpoints under `/v1`, and the same under `/api/v3` for Ark's clients."""

    def __init__(self, callers: Callers, turns: Turns, gateway: Gateway, voices: Voices) -> None:
        self._callers = callers
        self._turns = turns
        self._gateway = gateway
        self._openai = Manner(voices.openai, strict=False)
        self._ark = Manner(voices.ark, strict=True)

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/embeddings", self.embeddings, methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/v1/models/{id:path}", self.model),
            Route("/api/v3/chat/completions", self.ark_chat, methods=["POST"]),
            Route("/api/v3/embeddings", self.embeddings, methods=["POST"]),
        ]

    async def chat(self, request: Request) -> Response:
        """A completion, in OpenAI's manner."""
        return await self._chat(request, self._openai)

    async def ark_chat(self, request: Request) -> Response:
        """A completion, in Ark's manner."""
        return await self._chat(request, self._ark)

    async def _chat(self, request: Request, manner: Manner) -> Response:
        knock = await self._callers.admit(request)
        endpoint = await self._callers.endpoint(knock.caller, model_of(knock.body))
        context = text_of(knock.body, "context_id")
        if context:
            question = question_of(request, knock, endpoint, context, API.CHAT)
            return await self._turns.in_context(request, question, manner, knock.headers)
        call = self._call(request, knock, endpoint)
        return await self._turns.plain(request, call, manner, knock.headers)

    def _call(self, request: Request, knock: Knock, endpoint: Endpoint) -> Call:
        body = knock.body
        conversation = request.headers.get("x-conversation-id", "")[:ID_CHARS_MAX]
        return Call(
            caller=knock.caller,
            endpoint=endpoint,
            api=API.CHAT,
            id=knock.id,
            at=knock.at,
            began=knock.began,
            messages=messages_of(body),
            parameters=without(body, *OWN_FIELDS),
            stream=flag_of(body, "stream"),
            wants_usage=includes_usage(body),
            user=user_of(request, body),
            tenant=tenant_of(request),
            conversation=conversation,
            named=bool(conversation),
            metadata=metadata_of(body),
            prefix=Prefix(conversation, knock.caller.project.id),
        )

    async def embeddings(self, request: Request) -> Response:
        """Vectors of texts, as the provider gives them."""
        knock = await self._callers.admit(request)
        endpoint = await self._callers.endpoint(knock.caller, model_of(knock.body))
        call = Call(
            caller=knock.caller,
            endpoint=endpoint,
            api=API.EMBEDDINGS,
            id=knock.id,
            at=knock.at,
            began=knock.began,
            # To be counted where the provider does not.
            messages=b'[{"role":"user","content":' + bytes(required(knock.body, "input")) + b"}]",
            parameters=without(knock.body, "model"),
            user=user_of(request, knock.body),
            tenant=tenant_of(request),
        )
        try:
            body = await attended(request.receive, self._gateway.embed(call))
        except HungUp:
            return Response(status_code=499)
        headers = {**request_headers(request), **knock.headers}
        return Response(body, 200, headers, "application/json")

    async def models(self, request: Request) -> Response:
        """Every name under which the caller reaches a model."""
        caller = await self._callers.caller(request)
        endpoints = await self._callers.endpoints(caller)
        data = [said for endpoint in endpoints for said in _names(endpoint)]
        return JSONResponse({"object": "list", "data": data}, headers=request_headers(request))

    async def model(self, request: Request) -> Response:
        """One of them."""
        caller = await self._callers.caller(request)
        name = request.path_params["id"]
        endpoint = await self._callers.endpoint(caller, name)
        said = next(one for one in _names(endpoint) if one["id"] == name)
        return JSONResponse(said, headers=request_headers(request))


def question_of(
    request: Request, knock: Knock, endpoint: Endpoint, context: str, api: API
) -> Question:
    """What a chat request says to a context. Raises Invalid."""
    body = knock.body
    key = request.headers.get("idempotency-key")
    return Question(
        caller=knock.caller,
        endpoint=endpoint,
        api=api,
        id=knock.id,
        at=knock.at,
        began=knock.began,
        context=context,
        messages=messages_of(body, prefill=False),
        parameters=without(body, *OWN_FIELDS, "mode"),
        stream=flag_of(body, "stream"),
        wants_usage=includes_usage(body),
        user=user_of(request, body),
        metadata=metadata_of(body),
        request=request_digest(knock.caller, context, knock.raw, key),
        keyed=key is not None,
    )


def _names(endpoint: Endpoint) -> list[dict[str, Any]]:
    created = int(endpoint.created_at.timestamp())
    about = {"object": "model", "created": created, "owned_by": OWNER, "name": endpoint.name}
    return [{"id": name, **about} for name in (endpoint.id, *endpoint.serves)]
