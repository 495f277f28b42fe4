"""The shapes of Ark's Context API, and what we add to it."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType


class TruncationStrategy(Struct):
    """How a session is kept within bounds. Only what its type uses is there."""

    type: str
    last_history_tokens: int | UnsetType = UNSET
    rolling_tokens: bool | UnsetType = UNSET
    max_window_tokens: int | UnsetType = UNSET
    rolling_window_tokens: int | UnsetType = UNSET


class ContextAnswer(Struct):
    """Answer to create, with what we add: from `created_at` on."""

    id: str
    model: str
    mode: str
    ttl: int
    usage: dict[str, Any]
    truncation_strategy: TruncationStrategy | UnsetType = UNSET
    created_at: int = 0
    """Seconds since 1970."""
    expire_at: int = 0
    turns: int = 0
    """How many there ever were."""
    kept_tokens: int = 0
    """What the model sees: the initial messages and the turns that were not dropped."""
    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    user: str = ""
    metadata: dict[str, str] = {}
    busy: bool = False
    tags: list[str] | UnsetType = UNSET
    ttl_given: int | UnsetType = UNSET
    """The time to live that was asked for, where it was out of range."""


class TurnAnswer(Struct):
    """A turn of a context's history."""

    position: int
    messages: Raw
    tokens: int
    created_at: int
    dropped: bool
    """Whether the model no longer sees it."""


class HistoryAnswer(Struct):
    """What was said in a context, from the beginning."""

    id: str
    initial: Raw
    turns: list[TurnAnswer]


class ListAnswer(Struct):
    """A page of contexts."""

    data: list[ContextAnswer]
    total: int
    limit: int
    offset: int
    object: str = "list"


class TagAnswer(Struct):
    """The context that a tag stands for."""

    tag: str
    context_id: str


class Deleted(Struct):
    """What is no more."""

    id: str
    deleted: bool = True


class ExportedTurn(Struct):
    """A turn in an exported context."""

    messages: Raw
    tokens: int
    created_at: float


class Exported(Struct):
    """A context as a document, to be imported here or elsewhere."""

    model: str
    mode: str
    ttl: int
    initial: Raw
    initial_tokens: int
    truncation_strategy: dict[str, Any] | None = None
    turns: list[ExportedTurn] = []
    user: str = ""
    metadata: dict[str, str] = {}
    format: str = "causerie-context-1"
