"""What each provider is told so that it reuses the prefix that it has read before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from causerie.endpoints import Dialect, Upstream

MARK = {"type": "ephemeral"}
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Prefix:
    """What successive calls have in common."""

    key: str = ""
    """Names the calls that begin alike: a context; empty where nothing is known."""
    project: str = ""
    initial: int = 0
    """How many messages never change."""
    history: int = 0
    """How many messages, with the initial ones, were there before this call."""


def hinted(
    body: dict[str, Any], messages: Sequence[Raw], upstream: Upstream, prefix: Prefix
) -> tuple[dict[str, Any], dict[str, str]]:
    """The body, with `messages` in it, and headers for this provider."""
    hints: dict[str, Any] = {}
    headers: dict[str, str] = {}
    said: Sequence[Any] = messages
    match upstream.dialect:
        case Dialect.OPENAI if prefix.key:
            hints["prompt_cache_key"] = prefix.key
        case Dialect.VLLM:
            hints["cache_salt"] = _digest(prefix.project).hex()
        case Dialect.LLAMACPP:
            hints["cache_prompt"] = True
            if prefix.key and upstream.slots:
                hints["id_slot"] = int.from_bytes(_digest(prefix.key)[:4], "big") % upstream.slots
        case Dialect.XAI if prefix.key:
            headers["x-grok-conv-id"] = prefix.key
        case Dialect.ANTHROPIC | Dialect.DASHSCOPE if prefix.key:
            said = _marked(messages, {prefix.initial, prefix.history})
    # What the caller says itself is not overruled.
    return {"messages": said, **hints, **body}, headers


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _marked(messages: Sequence[Raw], counts: set[int]) -> list[Any]:
    """The messages with a mark on the last of the first so many."""
    places = {count - 1 for count in counts if 0 < count <= len(messages)}
    return [_mark(said) if place in places else said for place, said in enumerate(messages)]


def _mark(raw: Raw) -> Any:
    said: Any = msgspec.json.decode(raw)
    content = said.get("content") if isinstance(said, dict) else None
    if isinstance(content, str) and content:
        said["content"] = [{"type": "text", "text": content, "cache_control": MARK}]
    elif isinstance(content, list) and content and isinstance(content[-1], dict):
        content[-1]["cache_control"] = MARK
    else:
        return raw
    return said
