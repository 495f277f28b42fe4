"""Context: a conversation that is kept for its caller, and what is dropped when it is full.

Pure values and rules. The initial messages are never dropped. Of the turns, the oldest go first,
in blocks: between two cuts each view of the context begins with the one before it, byte for byte,
so that a provider can reuse what it has read.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from causerie.errors import Invalid
from causerie.token_usage import Usage

TTL_S = 86_400
TTL_S_MIN, TTL_S_MAX = 1, 604_800
TTL_S_STRICT_MIN = 3_600
LAST_HISTORY_TOKENS = 4_096
ROLLING_TOKENS = 4_096
KEPT_AFTER_CUT = 0.75
"""Of last_history_tokens: so many stay, so that not every turn moves the cut."""
CONTEXT_PREFIX = "ctx-"
TAG_PREFIX = "tag:"
"""Before the name of a tag, where the id of a context is expected."""
TAG_CHARS_MAX = 100
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class Mode(StrEnum):
    """Whether turns are added to the context, or it stays what it was."""

    SESSION = "session"
    COMMON_PREFIX = "common_prefix"


class Truncation(StrEnum):
    """What is dropped when a session is full."""

    LAST_HISTORY = "last_history_tokens"
    ROLLING = "rolling_tokens"


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """How a session is kept within bounds. Every number is in tokens."""

    type: Truncation
    last_history_tokens: int | None = None
    """Most that the turns may have, without the initial messages."""
    rolling_tokens: bool | None = None
    """Whether old turns are dropped; if not, an answer that meets the window is cut short."""
    max_window_tokens: int | None = None
    """At which size, with the initial messages, a block is dropped."""
    rolling_window_tokens: int | None = None
    """The size of that block."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and answered: a JSON array of messages, byte for byte as they were sent."""

    position: int
    messages: bytes
    tokens: int
    at: datetime
    request: bytes | None = None
    answer: bytes | None = None
    delivered: bool = True


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that is kept for its caller, without its turns."""

    id: str
    project: str
    endpoint: str
    mode: Mode
    ttl_s: int
    strategy: Strategy | None
    initial: bytes
    """JSON array of the initial messages, byte for byte as it came."""
    initial_tokens: int
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    user: str = ""
    tenant: str = ""
    metadata: dict[str, str] = {}
    origin: str = "ark"
    """What made it: `ark`, `openai` (a conversation) or `response`."""
    cut: int = 0
    """Position of the first turn that the model still sees."""
    turns: int = 0
    """How many turns there ever were: the position of the next one."""
    kept_tokens: int = 0
    """Of the turns that the model still sees."""
    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    """Of all calls so far, as the provider reported."""
    busy_until: datetime | None = None
    """Until when a turn is believed to be going on."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The live contexts of a project, and what their calls took so far."""

    live: int
    kept_tokens: int
    """Of the turns that the models still see, and of the initial messages."""
    calls: int
    input_tokens: int
    cached_tokens: int


class Plan(msgspec.Struct, frozen=True):
    """What the next call of a context sends."""

    cut: int
    """Position of the first turn that is sent."""
    kept_tokens: int
    """Of the turns that are sent."""
    room: int
    """How many tokens are left for the answer; 0 or less when there is none."""


def new_context_id(now: datetime, generator: random.Random) -> str:
    """An id like `ctx-20261120151807-x3k9q`."""
    tail = "".join(generator.choice(LETTERS) for _ in range(5))
    return f"{CONTEXT_PREFIX}{now:%Y%m%d%H%M%S}-{tail}"


def check_ttl(ttl_s: int | None, *, strict: bool) -> int:
    """Seconds to live since the last use. Raises Invalid; outside of strictness it is clamped."""
    if ttl_s is None:
        return TTL_S
    if strict and not TTL_S_STRICT_MIN <= ttl_s <= TTL_S_MAX:
        raise Invalid(f"ttl: {TTL_S_STRICT_MIN} to {TTL_S_MAX} seconds are expected", field="ttl")
    return min(max(ttl_s, TTL_S_MIN), TTL_S_MAX)


def check_tag(tag: str) -> str:
    """The same name. Raises Invalid."""
    if not 1 <= len(tag) <= TAG_CHARS_MAX or not tag.isprintable():
        raise Invalid(f"tag: 1 to {TAG_CHARS_MAX} letters are expected", field="tag")
    return tag


def expiry(ttl_s: int, now: datetime) -> datetime:
    """When a context ends that is used now."""
    return now + timedelta(seconds=ttl_s)


# ---- what a context keeps to ---------------------------------------------------------------------


def resolve_strategy(
    mode: Mode, strategy: Strategy | None, window: int, output: int
) -> Strategy | None:
    """What a session keeps to, with every number of its type, and nothing of the other type; None
    for a common prefix. `window` and `output` are the tokens that the model can take, and those of
    them that are kept free for an answer. Raises Invalid, naming the field.
    """
    if mode is Mode.COMMON_PREFIX:
        if strategy is not None:
            raise _refused("a common prefix has none")
        return None
    if strategy is None:
        return _rolling(Strategy(type=Truncation.ROLLING), window, output)
    if strategy.type is Truncation.LAST_HISTORY:
        return _last_history(strategy, window, output)
    return _rolling(strategy, window, output)


def _last_history(given: Strategy, window: int, output: int) -> Strategy:
    most = _count(given, "last_history_tokens")
    if most is None:
        most = min(LAST_HISTORY_TOKENS, max(window - output, 1))
    return Strategy(type=given.type, last_history_tokens=most)


def _rolling(given: Strategy, window: int, output: int) -> Strategy:
    full = _count(given, "max_window_tokens")
    block = _count(given, "rolling_window_tokens")
    if given.rolling_tokens is False:
        return Strategy(type=given.type, rolling_tokens=False)
    if full is None:
        full = max(window - output, 2)
    elif not 2 <= full <= window:
        raise _refused(f"2 to {window}, the model's window, are expected", "max_window_tokens")
    if block is None:
        block = min(ROLLING_TOKENS, full // 2)
    elif block >= full:
        raise _refused(f"less than {full}, the whole, is expected", "rolling_window_tokens")
    return Strategy(
        type=given.type,
        rolling_tokens=True,
        max_window_tokens=full,
        rolling_window_tokens=block,
    )


def _count(given: Strategy, name: str) -> int | None:
    value = getattr(given, name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _refused("a number of 1 or more is expected", name)
    return value


def _refused(why: str, name: str = "") -> Invalid:
    field = f"truncation_strategy.{name}" if name else "truncation_strategy"
    return Invalid(f"{field}: {why}", field=field)


# ---- one turn ------------------------------------------------------------------------------------


class _Said(msgspec.Struct, frozen=True):
    """Of a message: who says it, and whether it calls a tool."""

    role: str = ""
    tool_calls: Any = None
    function_call: Any = None


_said_in = msgspec.json.Decoder(list[_Said]).decode


def plan(
    context: Context,
    turns: Sequence[Turn],
    new_tokens: int,
    max_tokens: int | None,
    window: int,
    output: int,
) -> Plan:
    """What the next call sends: `turns` are those from the context's cut on, `new_tokens` what the
    new messages have, `max_tokens` what the caller allows the answer.

    Whole turns are dropped, the oldest first, until all fits or none is left; what is new is always
    sent, however long it is. Turns that were dropped stay dropped.
    """
    free = window - context.initial_tokens
    if context.mode is Mode.COMMON_PREFIX:
        return Plan(cut=0, kept_tokens=0, room=free - new_tokens)
    kept = sum(turn.tokens for turn in turns)
    strategy = context.strategy or _rolling(Strategy(type=Truncation.ROLLING), window, output)
    # A model never says more than `output`, so that a greater wish needs no more room.
    reserve = min(max_tokens or output, output)
    history = kept + new_tokens
    most, then = _bounds(strategy, context.initial_tokens, history, free - reserve)
    dropped = _dropped(turns, then - new_tokens) if history > most else 0
    kept -= sum(turn.tokens for turn in turns[:dropped])
    cut = turns[dropped].position if dropped < len(turns) else context.turns
    return Plan(cut=cut, kept_tokens=kept, room=free - kept - new_tokens)


def _dropped(turns: Sequence[Turn], kept_max: int) -> int:
    """How many of the oldest turns go, so that the others have no more tokens than that.

    Providers refuse the answer of a tool without its call: they go together, and stay together
    while the call waits for the answer.
    """
    kept = sum(turn.tokens for turn in turns)
    dropped = 0
    while dropped < len(turns) and (kept > kept_max or _answers_tool(turns[dropped])):
        kept -= turns[dropped].tokens
        dropped += 1
    if turns and dropped == len(turns) and _calls_tool(turns[-1]):
        dropped -= 1
        while dropped and _answers_tool(turns[dropped]):
            dropped -= 1
    return dropped


def _answers_tool(turn: Turn) -> bool:
    said = _said_in(turn.messages)
    return bool(said) and said[0].role in ("tool", "function")


def _calls_tool(turn: Turn) -> bool:
    said = _said_in(turn.messages)
    return bool(said) and bool(said[-1].tool_calls or said[-1].function_call)


def _bounds(strategy: Strategy, initial: int, history: int, free: int) -> tuple[int, int]:
    """How many tokens the history may have, with what is new, and how many it has after a cut.

    `free` is what the window leaves for it beside the initial messages and an answer.
    """
    if strategy.type is Truncation.LAST_HISTORY:
        most = min(strategy.last_history_tokens or LAST_HISTORY_TOKENS, free)
        return most, int(most * KEPT_AFTER_CUT)
    if not strategy.rolling_tokens:
        return history, history
    most = free
    if strategy.max_window_tokens is not None:
        # Perhaps more than is free: the model may have changed, and the whole window may be named.
        most = min(strategy.max_window_tokens - initial, free)
    return most, min(most, history - (strategy.rolling_window_tokens or ROLLING_TOKENS))


def grown(context: Context, plan: Plan, usage: Usage | None, fallback_tokens: int) -> int:
    """How many tokens the turn just made adds to the history: by the provider's count of the whole
    call, without what it reasoned, which is not sent again; else `fallback_tokens`. At least 1.

    The provider's counts of a context add up to what it counts for the whole, although ours of the
    initial messages is an estimate.
    """
    if usage is None or usage.estimated or not usage.input_tokens:
        return max(fallback_tokens, 1)
    history = usage.total_tokens - usage.reasoning_tokens - context.initial_tokens
    return max(history - plan.kept_tokens, 1)


def view(initial: bytes, turns: Sequence[bytes], new: bytes) -> bytes:
    """One JSON array of all messages: the arrays put together, not a byte of them changed."""
    inner = (part.strip()[1:-1].strip() for part in (initial, *turns, new))
    return b"[" + b",".join(part for part in inner if part) + b"]"
