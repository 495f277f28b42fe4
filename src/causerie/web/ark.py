"""Ark's Context API: create and chat, and the verbs that it lacks (`context_verbs.py`).

Under `/api/v3`, `/v1` and without prefix: clients put their paths behind whatever base they know.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from msgspec import Raw
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.calls import Call
from causerie.context_calls import INLINE_BYTES_MAX
from causerie.contexts import Context
from causerie.dialects import Prefix
from causerie.endpoints import Dialect, Endpoint
from causerie.errors import CauserieError
from causerie.exchanges import API
from causerie.gateway import Gateway
from causerie.web.callers import (
    Body,
    Callers,
    Knock,
    decode_speakers,
    flag_of,
    model_of,
    required,
    text_of,
)
from causerie.web.context_forms import ContextForms, answer_of, ttl_of
from causerie.web.context_turns import ContextTurns
from causerie.web.context_verbs import ContextVerbs, Verb
from causerie.web.edge import JSONResponse
from causerie.web.openai import question_of
from causerie.web.turns import Manner, Turns
from causerie.web.voices import Voices, request_headers

PREFIXES = ("/api/v3/context", "/v1/context", "/context")
log = logging.getLogger(__name__)


class ArkAPI:
    """Contexts for callers with a key of the gateway."""

    def __init__(
        self,
        callers: Callers,
        turns: Turns,
        verbs: ContextVerbs,
        added: ContextTurns,
        forms: ContextForms,
        gateway: Gateway,
        clock: Callable[[], datetime],
        voices: Voices,
    ) -> None:
        self._callers = callers
        self._turns = turns
        self._verbs = verbs
        self._added = added
        self._forms = forms
        self._gateway = gateway
        self._clock = clock
        self._manner = Manner(voices.ark, strict=True)

    def routes(self) -> list[Route]:
        """Where it answers."""
        own: list[Verb] = [
            ("POST", "/create", self.create),
            ("POST", "/chat/completions", self.chat),
        ]
        return [
            Route(prefix + path, answer, methods=[method])
            for prefix in PREFIXES
            for method, path, answer in (*own, *self._verbs.verbs(), *self._added.verbs())
        ]

    async def create(self, request: Request) -> Response:
        """A new context with its initial messages."""
        knock = await self._callers.admit(request)
        endpoint = await self._callers.endpoint(knock.caller, model_of(knock.body))
        context = await self._created(request, knock, endpoint)
        context = await self._verbs.keep(context, (), knock.at)
        if self._warms(knock.body, endpoint):
            await self._warm(knock, endpoint, context)
        answer = answer_of(context, self._clock())
        asked = ttl_of(knock.body)
        if asked is not None and asked != context.ttl_s:
            answer.ttl_given = asked
        return JSONResponse(answer, headers={**request_headers(request), **knock.headers})

    async def _created(self, request: Request, knock: Knock, endpoint: Endpoint) -> Context:
        if len(knock.raw) <= INLINE_BYTES_MAX:
            return self._forms.created(request, knock, endpoint)
        return await run_in_threadpool(self._forms.created, request, knock, endpoint)

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
