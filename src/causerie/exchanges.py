"""Exchange: one call of a model through the gateway, and what it took."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from causerie.token_usage import Usage


class API(StrEnum):
    """Which interface the caller used."""

    CHAT = "chat"
    CONTEXT = "context"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"


class Cost(msgspec.Struct, gc=False, frozen=True):
    """What a call cost, and which price table says so."""

    amount: Decimal
    currency: str
    """ISO 4217."""
    prices: str
    """Name and version of the table, such as `genai-prices 0.2.3`."""


class Exchange(msgspec.Struct, gc=False, frozen=True, kw_only=True, omit_defaults=True):
    """The facts of one call. Its words are in the conversation."""

    id: str
    at: datetime
    """When the call came in."""
    api: API
    key: str
    endpoint: str
    model: str
    """The model that answered, as its provider names it."""
    upstream: str = ""
    """Host name of the provider."""
    user: str = ""
    tenant: str = ""
    conversation: str = ""
    context: str = ""
    first_token_ms: int | None = None
    """Until the first token went to the caller; None when none did."""
    total_ms: int = 0
    usage: Usage = Usage()
    cost: Cost | None = None
    """None where no price is known: never 0 for want of one."""
    finish_reason: str = ""
    status: int = 200
    """The HTTP status that the caller got."""
    error: str = ""
    streamed: bool = False
    partial: bool = False
    """The answer was broken off: by the caller, the provider, or a kill."""
