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

import msgspec

from causerie.errors import Invalid

TTL_S = 86_400
TTL_S_MIN, TTL_S_MAX = 1, 604_800
TTL_S_STRICT_MIN = 3_600
LAST_HISTORY_TOKENS = 4_096
ROLLING_TOKENS = 4_096
KEPT_AFTER_CUT = 0.75
"""Of last_history_tokens: so many stay, so that not every turn moves the cut."""
CONTEXT_PREFIX = "ctx-"
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


def view(initial: bytes, turns: Sequence[bytes], new: bytes) -> bytes:
    """One JSON array of all messages: the arrays put together, not a byte of them changed."""
    inner = (part.strip()[1:-1].strip() for part in (initial, *turns, new))
    return b"[" + b",".join(part for part in inner if part) + b"]"


def expiry(ttl_s: int, now: datetime) -> datetime:
    """When a context ends that is used now."""
    return now + timedelta(seconds=ttl_s)
