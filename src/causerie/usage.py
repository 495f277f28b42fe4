"""Usage: how many tokens one call took, as the model's provider says or as we count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens of one call. `input_tokens` holds the cached ones too, `output_tokens` the reasoning
    ones.
    """

    input_tokens: int = 0
    cached_tokens: int | None = None
    """Read from the provider's prefix cache; None where it does not say."""
    output_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    """Counted here, because the provider said nothing."""

    @property
    def total_tokens(self) -> int:
        """Everything that was read and written."""
        return self.input_tokens + self.output_tokens


def usage_of(reported: Any) -> Usage | None:
    """The usage that a provider reports, in the words of OpenAI's chat and Responses APIs,
    DeepSeek or Anthropic; None when it reports none that makes sense.
    """
    if not isinstance(reported, Mapping):
        return None
    taken = _count(reported, "prompt_tokens", "input_tokens")
    given = _count(reported, "completion_tokens", "output_tokens")
    if taken is None or given is None:
        return None
    cached = _cached(reported)
    if cached is not None and "cache_read_input_tokens" in reported and "input_tokens" in reported:
        # Anthropic counts what it read from and wrote to its cache beside the input.
        taken += cached + (_count(reported, "cache_creation_input_tokens") or 0)
    details = _details(reported, "completion_tokens_details", "output_tokens_details")
    return Usage(
        input_tokens=taken,
        cached_tokens=None if cached is None else min(cached, taken),
        output_tokens=given,
        reasoning_tokens=_count(details, "reasoning_tokens") or 0,
    )


def _cached(reported: Mapping[str, Any]) -> int | None:
    details = _details(reported, "prompt_tokens_details", "input_tokens_details")
    found = _count(details, "cached_tokens")
    if found is not None:
        return found
    return _count(reported, "cache_read_input_tokens", "prompt_cache_hit_tokens")


def _details(reported: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    found = (reported.get(name) for name in names)
    return next((details for details in found if isinstance(details, Mapping)), {})


def _count(reported: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = reported.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
