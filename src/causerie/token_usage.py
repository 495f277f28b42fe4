"""Usage: how many tokens one call took, as the model's provider says or as we count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

TOKENS_MAX = 2**31 - 1
"""A provider that reports more is not to be believed."""


class Usage(msgspec.Struct, gc=False, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens of one call. `input_tokens` holds those read from and written to a cache too,
    `output_tokens` the reasoning ones.
    """

    input_tokens: int = 0
    cached_tokens: int | None = None
    """Read from the provider's prefix cache; None where it does not say."""
    cache_written_tokens: int = 0
    """Written to the provider's cache, where writing has a price of its own."""
    cache_written_1h_tokens: int = 0
    """Those among them that the cache keeps for an hour."""
    output_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    """Counted here, because the provider said nothing."""

    @property
    def total_tokens(self) -> int:
        """Everything that was read and written."""
        return self.input_tokens + self.output_tokens


def usage_of(reported: Any, timings: Any = None) -> Usage | None:
    """The usage that a provider reports, in the words of OpenAI's chat, embeddings and Responses
    APIs, DeepSeek, Moonshot or Anthropic; None when it reports none that makes sense.

    `timings` is what llama.cpp sends beside the usage: how much of the prompt it had already read.
    """
    if not isinstance(reported, Mapping):
        return None
    taken = _count(reported, "prompt_tokens", "input_tokens")
    given = _count(reported, "completion_tokens", "output_tokens")
    total = _count(reported, "total_tokens")
    if taken is None or (given is None and total is None):
        return None
    cached = _cached(reported)
    if cached is None and isinstance(timings, Mapping):
        cached = _count(timings, "cache_n")
    taken += _beside(reported)
    cached = None if cached is None else min(cached, taken)
    into_cache, for_an_hour = _cache_written(reported)
    into_cache = min(into_cache, taken - (cached or 0))
    said, thought = _said(reported, taken, given, total)
    return Usage(
        input_tokens=taken,
        cached_tokens=cached,
        cache_written_tokens=into_cache,
        cache_written_1h_tokens=min(for_an_hour, into_cache),
        output_tokens=said,
        reasoning_tokens=min(thought, said),
    )


def reported(usage: Usage) -> dict[str, Any]:
    """The usage as OpenAI's chat API reports it. `prompt_tokens_details` is there only when it is
    known what came from a cache, `estimated` only when we counted.
    """
    document: dict[str, Any] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.cached_tokens is not None:
        document["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    document["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return document | ({"estimated": True} if usage.estimated else {})


def reported_responses(usage: Usage) -> dict[str, Any]:
    """The usage as OpenAI's Responses API reports it. Its clients read both details without
    asking, so an unknown number of cached tokens is 0 here.
    """
    document: dict[str, Any] = {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
    return document | ({"estimated": True} if usage.estimated else {})


def _cached(reported: Mapping[str, Any]) -> int | None:
    details = _details(reported, "prompt_tokens_details", "input_tokens_details")
    found = _count(details, "cached_tokens")
    if found is not None:
        return found
    return _count(reported, "cache_read_input_tokens", "prompt_cache_hit_tokens", "cached_tokens")


def _cache_written(reported: Mapping[str, Any]) -> tuple[int, int]:
    """All tokens written to a cache, and those that it keeps for an hour."""
    lives = _details(reported, "cache_creation")
    hour = _count(lives, "ephemeral_1h_input_tokens") or 0
    by_life = hour + (_count(lives, "ephemeral_5m_input_tokens") or 0)
    details = _details(reported, "prompt_tokens_details", "input_tokens_details")
    named = _count(details, "cache_write_tokens")
    return by_life or named or _count(reported, "cache_creation_input_tokens") or 0, hour


def _beside(reported: Mapping[str, Any]) -> int:
    """Anthropic, and nobody else, counts what it read from and wrote to its cache beside the
    input.
    """
    if "prompt_tokens" in reported or _details(reported, "input_tokens_details"):
        return 0
    names = ("cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(_count(reported, name) or 0 for name in names)


def _said(
    reported: Mapping[str, Any], taken: int, given: int | None, total: int | None
) -> tuple[int, int]:
    """The tokens of the answer with its reasoning, and those of the reasoning alone."""
    details = _details(reported, "completion_tokens_details", "output_tokens_details")
    thought = _count(details, "reasoning_tokens")
    unseen = max(0, (total or 0) - taken - (given or 0))
    if given is None:
        return unseen, thought or 0
    # Gemini and xAI leave the reasoning out of the answer's tokens, though not out of the total.
    if unseen and thought in (None, 0, unseen):
        return given + unseen, unseen
    return given, thought or 0


def _details(reported: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    found = (reported.get(name) for name in names)
    return next((details for details in found if isinstance(details, Mapping)), {})


def _count(reported: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = reported.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= TOKENS_MAX:
            return value
    return None
