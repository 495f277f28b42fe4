"""Contexts as callers ask for them and as they are told: from a body, and back."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, Raw
from starlette.requests import Request

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
from causerie.endpoints import Endpoint
from causerie.errors import Invalid
from causerie.token_usage import Usage, reported
from causerie.tokens import Tokens
from causerie.web.callers import (
    Body,
    Knock,
    messages_of,
    metadata_of,
    tenant_of,
    text_of,
    user_of,
)
from causerie.wire import ark as wire


class ContextForms:
    """Makes contexts of what callers send. `strict` refuses times to live that Ark refuses."""

    def __init__(self, tokens: Tokens, *, strict: bool) -> None:
        self._tokens = tokens
        self._strict = strict
        self._random = random.SystemRandom()

    def new_id(self, now: datetime) -> str:
        """An id that no other context has, in all likelihood."""
        return new_context_id(now, self._random)

    def seconds(self, ttl_s: int | None) -> int:
        """The time to live that a wish becomes. Raises Invalid."""
        return check_ttl(ttl_s, strict=self._strict)

    def created(self, request: Request, knock: Knock, endpoint: Endpoint) -> Context:
        """The context that a request asks for. Raises Invalid."""
        body = knock.body
        context = self._context(
            knock, endpoint, messages_of(body, prefill=False), self.seconds(ttl_of(body))
        )
        return msgspec.structs.replace(
            context,
            user=user_of(request, body),
            tenant=tenant_of(request),
            metadata=metadata_of(body),
        )

    def imported(
        self, knock: Knock, endpoint: Endpoint, document: wire.Exported
    ) -> tuple[Context, list[Turn]]:
        """The context and the turns of an exported document. Raises Invalid."""
        turns = [_imported_turn(place, one) for place, one in enumerate(document.turns)]
        initial = messages_of({"messages": document.initial}, prefill=False)
        context = self._context(knock, endpoint, initial, self.seconds(document.ttl))
        context = msgspec.structs.replace(
            context,
            user=document.user.replace("\0", ""),
            metadata=document.metadata,
            kept_tokens=sum(turn.tokens for turn in turns),
        )
        return context, turns

    def _context(self, knock: Knock, endpoint: Endpoint, initial: bytes, ttl_s: int) -> Context:
        body, now = knock.body, knock.at
        mode = _mode(body)
        window, output = endpoint.window_tokens, endpoint.output_tokens
        return Context(
            id=self.new_id(now),
            project=knock.caller.project.id,
            endpoint=endpoint.id,
            mode=mode,
            ttl_s=ttl_s,
            strategy=resolve_strategy(mode, _strategy(body), window, output),
            initial=initial,
            initial_tokens=self._tokens.messages(initial, endpoint.upstreams[0].model),
            created_at=now,
            used_at=now,
            expires_at=expiry(ttl_s, now),
        )


def opening_usage(context: Context) -> dict[str, Any]:
    """What the initial messages took."""
    return reported(Usage(input_tokens=context.initial_tokens, cached_tokens=0))


def answer_of(context: Context, now: datetime) -> wire.ContextAnswer:
    """A context as it is told."""
    busy = context.busy_until is not None and context.busy_until > now
    return wire.ContextAnswer(
        id=context.id,
        model=context.endpoint,
        mode=context.mode.value,
        ttl=context.ttl_s,
        usage=opening_usage(context),
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
    plain = strategy_document(strategy)
    return UNSET if plain is None else wire.TruncationStrategy(**plain)


def strategy_document(strategy: Strategy | None) -> dict[str, Any] | None:
    """The strategy with what its type uses; None for a common prefix."""
    if strategy is None:
        return None
    fields = msgspec.structs.asdict(strategy)
    fields["type"] = strategy.type.value
    return {name: value for name, value in fields.items() if value is not None}


def turn_answer(turn: Turn, context: Context) -> wire.TurnAnswer:
    """A turn as it is told."""
    at = int(turn.at.timestamp())
    dropped = turn.position < context.cut
    return wire.TurnAnswer(turn.position, Raw(turn.messages), turn.tokens, at, dropped)


def _mode(body: Body) -> Mode:
    given = text_of(body, "mode") or Mode.SESSION.value
    try:
        return Mode(given)
    except ValueError:
        raise Invalid("mode: session or common_prefix is expected", field="mode") from None


def ttl_of(body: Body) -> int | None:
    """The time to live that is wished for, in seconds. Raises Invalid."""
    if "ttl" not in body:
        return None
    try:
        # One of Ark's own examples has it as text.
        return msgspec.json.decode(body["ttl"], type=int, strict=False)
    except msgspec.DecodeError:
        raise Invalid("ttl: a number of seconds is expected", field="ttl") from None


def int_of(body: Body, name: str) -> int | None:
    """A field that is a number. Raises Invalid."""
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


def count_of(text: str | None, absent: int) -> int:
    """A parameter that is a count. Raises Invalid."""
    if text is None:
        return absent
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid("limit and offset are numbers", field="limit")
    return int(text)


def exported_of(raw: bytes) -> wire.Exported:
    """An exported context. Raises Invalid."""
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
