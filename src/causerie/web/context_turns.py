"""Turns that were answered elsewhere, for a context to keep; and a context held meanwhile.

Nothing of them is recorded as an exchange: no model was called here. The app that called one tells
the analytics of it, or calls it through the gateway, and either would be doubled.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from causerie.context_calls import LOCK_S, ContextCalls, request_digest
from causerie.contexts import Context, Mode, Turn
from causerie.errors import Conflict, Invalid
from causerie.store.contexts import Contexts
from causerie.tokens import Tokens
from causerie.web.callers import (
    Body,
    Callers,
    Knock,
    decode_speakers,
    messages_of,
    required,
    text_of,
)
from causerie.web.context_forms import answer_of
from causerie.web.context_verbs import Verb
from causerie.web.edge import JSONResponse
from causerie.web.voices import request_headers
from causerie.wire import ark as wire

ROLES = ("user", "assistant", "tool", "system", "developer", "function")
HOLD_CHARS_MAX = 100
HELD = "hold "
"""Before the name of a hold where it is that of a lock: no call of the gateway is named so."""


class ContextTurns:
    """Adds turns to sessions, one at a time like those that are answered here."""

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

    def verbs(self) -> list[Verb]:
        """Methods and paths, behind those of a context."""
        return [
            ("POST", "/{id}/turns", self.add),
            ("POST", "/{id}/hold", self.hold),
            ("DELETE", "/{id}/hold/{hold}", self.release),
        ]

    async def add(self, request: Request) -> Response:
        """Append a turn of given messages. With the name of a `hold` the turn ends it."""
        knock = await self._callers.admit(request)
        messages = _said(knock.body)
        held = "hold" in knock.body
        id = request.path_params["id"]
        holder = HELD + _hold(knock.body) if held else f"turn {knock.id}"
        key = request.headers.get("idempotency-key")
        digest = None if key is None else request_digest(knock.caller, id, knock.raw, key)
        context = await self._added(knock, id, digest)
        if context is None:
            context = await self._begun(knock, id, holder, held=held)
            turn = await self._turn(knock, context, messages, digest)
            context = await self._appended(context, turn, holder, knock)
        headers = {**request_headers(request), **knock.headers}
        return JSONResponse(answer_of(context, knock.at), headers=headers)

    async def _added(self, knock: Knock, id: str, digest: bytes | None) -> Context | None:
        """The context, when its last turn is of this very request."""
        if digest is None:
            return None
        project, work = knock.caller.project.id, self._contexts.replay
        if await self._calls.run(work, project, id, digest, knock.at, keyed=True) is None:
            return None
        return await self._calls.run(self._contexts.get, project, id, knock.at)

    async def _begun(self, knock: Knock, id: str, holder: str, *, held: bool) -> Context:
        project = knock.caller.project.id
        found = await self._calls.run(self._contexts.get, project, id, knock.at)
        _refuse_prefix(found)
        if held:
            return found
        return (await self._calls.admitted(project, found.id, holder))[0]

    async def _turn(
        self, knock: Knock, context: Context, messages: bytes, digest: bytes | None
    ) -> Turn:
        tokens = await self._calls.run(self._tokens.messages, messages)
        return Turn(
            position=context.turns,
            messages=messages,
            tokens=max(tokens, 1),
            at=knock.at,
            request=digest,
        )

    async def _appended(self, context: Context, turn: Turn, holder: str, knock: Knock) -> Context:
        kept = context.kept_tokens + turn.tokens
        await self._calls.run(
            self._contexts.finish,
            context.id,
            holder,
            knock.at,
            turn=turn,
            cut=context.cut,
            kept_tokens=kept,
            usage=None,
        )
        return replace(context, turns=context.turns + 1, kept_tokens=kept, busy_until=None)

    async def hold(self, request: Request) -> Response:
        """Keep a session for who answers its next turn elsewhere; again, to keep it longer."""
        knock = await self._callers.admit(request)
        required(knock.body, "hold")
        holder, id = HELD + _hold(knock.body), request.path_params["id"]
        project, work = knock.caller.project.id, self._contexts.hold
        context = await self._calls.run(work, project, id, holder, knock.at, LOCK_S)
        headers = {**request_headers(request), **knock.headers}
        return JSONResponse(answer_of(context, knock.at), headers=headers)

    async def release(self, request: Request) -> Response:
        """Let a session go without a turn; nothing is done when another has it."""
        caller = await self._callers.caller(request)
        id, hold, now = request.path_params["id"], request.path_params["hold"], self._clock()
        context = await self._calls.run(self._contexts.get, caller.project.id, id, now)
        await self._calls.run(self._contexts.release, context.id, HELD + hold, now)
        return JSONResponse(wire.Deleted(hold), headers=request_headers(request))


def _said(body: Body) -> bytes:
    messages = messages_of(body)
    for place, speaker in enumerate(decode_speakers(messages)):
        if speaker.role not in ROLES:
            expected = ", ".join(ROLES)
            message = f"messages[{place}].role: one of {expected} is expected"
            raise Invalid(message, field="messages")
    return messages


def _hold(body: Body) -> str:
    hold = text_of(body, "hold")
    if not 1 <= len(hold) <= HOLD_CHARS_MAX or not hold.isprintable():
        raise Invalid(f"hold: 1 to {HOLD_CHARS_MAX} letters are expected", field="hold")
    return hold


def _refuse_prefix(context: Context) -> None:
    if context.mode is not Mode.SESSION:
        raise Conflict(f"context {context.id} is a common prefix: nothing is added to it")
