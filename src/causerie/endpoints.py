"""Endpoint, Upstream: under which name callers reach which model, and where it is."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from causerie.errors import Invalid
from causerie.wording import say

ENDPOINT_ID = re.compile(r"ep-[a-z0-9][a-z0-9-]{0,58}")
ENDPOINT_PREFIX = "ep-"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
MODEL_CHARS_MAX = 200
SERVES_MAX = 50
UPSTREAMS_MAX = 20
WEIGHT_MAX = 1_000
TIMEOUT_S_MAX = 3_600
WINDOW_TOKENS = 32_768
OUTPUT_TOKENS = 4_096
LOCAL_ENDPOINT = "ep-local"


class Dialect(StrEnum):
    """What a provider wants to hear to reuse the prefix that it has read before.

    All are spoken to by OpenAI's chat API; they differ in the field or header that keeps the
    calls of one context together.
    """

    PLAIN = "plain"
    """Nothing: prefixes are matched by themselves, or not at all."""
    OPENAI = "openai"
    """`prompt_cache_key`."""
    ANTHROPIC = "anthropic"
    """`cache_control` marks at the end of the initial messages and of the history."""
    DASHSCOPE = "dashscope"
    """`cache_control` marks as well, of five minutes."""
    VLLM = "vllm"
    """`cache_salt`, one for each project."""
    LLAMACPP = "llamacpp"
    """`cache_prompt` and a slot for each context."""
    XAI = "xai"
    """The header `x-grok-conv-id`."""


class Upstream(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A provider's address and the model there."""

    base_url: str
    """Up to and with `/v1`, without a slash at the end."""
    model: str
    key: str = ""
    """The provider's key in the clear. In the store it is encrypted; it is never shown again."""
    weight: int = 1
    """Share of the calls; 0 takes calls only when all others fail."""
    dialect: Dialect = Dialect.PLAIN
    slots: int = 0
    """How many conversations llama.cpp keeps apart; 0 leaves the choice of the slot to it."""
    connect_timeout_s: float = 5.0
    first_token_timeout_s: float = 300.0
    """Until the provider begins to answer; without streaming, until it has answered."""
    idle_timeout_s: float = 60.0
    """Between two pieces of an answer."""

    @property
    def host(self) -> str:
        """Host name and port, as logs show the provider."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]


class Price(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a million tokens cost. `cached` defaults to `input`."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    currency: str = "USD"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A name under which the callers of a project reach a model."""

    project: str
    id: str
    name: str
    upstreams: tuple[Upstream, ...]
    created_at: datetime
    serves: tuple[str, ...] = ()
    """Plain model names that are answered by this endpoint too."""
    defaults: dict[str, Any] = {}
    """Parameters for calls that do not give them, such as `temperature`."""
    price: Price | None = None
    """Goes before every price table."""
    window_tokens: int = WINDOW_TOKENS
    """How much the model can read and write in one call."""
    output_tokens: int = OUTPUT_TOKENS
    """How much of the window is kept free for an answer."""
    disabled: bool = False


def new_endpoint_id(now: datetime) -> str:
    """An id like `ep-20261120151807-x3k9q`."""
    return (
        f"{ENDPOINT_PREFIX}{now:%Y%m%d%H%M%S}-{''.join(secrets.choice(LETTERS) for _ in range(5))}"
    )


def check_endpoint(endpoint: Endpoint) -> Endpoint:
    """The same endpoint. Raises Invalid, naming the field."""
    if not ENDPOINT_ID.fullmatch(endpoint.id):
        raise Invalid(say("an endpoint's id is ep- and small letters, digits, hyphens"), field="id")
    if not 1 <= len(endpoint.upstreams) <= UPSTREAMS_MAX:
        raise Invalid(
            say("an endpoint has 1 to %(upstreams_max)s upstreams", upstreams_max=UPSTREAMS_MAX),
            field="upstreams",
        )
    if len(endpoint.serves) > SERVES_MAX:
        raise Invalid(
            say("at most %(serves_max)s model names", serves_max=SERVES_MAX), field="serves"
        )
    for name in endpoint.serves:
        _check_model(name, "serves")
    if not 1 <= endpoint.output_tokens < endpoint.window_tokens:
        raise Invalid(
            say("output_tokens: 1 or more, and less than the window"), field="output_tokens"
        )
    for index, upstream in enumerate(endpoint.upstreams):
        check_upstream(upstream, f"upstreams[{index}]")
    if endpoint.price is not None:
        _check_price(endpoint.price)
    return endpoint


def _check_model(name: str, field: str) -> None:
    if not 1 <= len(name) <= MODEL_CHARS_MAX or not name.isprintable() or " " in name:
        raise Invalid(say("%(field)s: a model name has no spaces", field=field), field=field)
    if field == "serves" and name.startswith(ENDPOINT_PREFIX):
        raise Invalid(say("serves: ep-… names an endpoint, not a model"), field=field)


def check_upstream(upstream: Upstream, field: str) -> None:
    """Raises Invalid, naming the part below `field`, unless it can be asked."""
    _check_model(upstream.model, f"{field}.model")
    try:
        parts = urlsplit(upstream.base_url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or "@" in upstream.base_url or "?" in upstream.base_url:
        raise Invalid(
            say("%(field)s.base_url: http://… or https://… is expected", field=field), field=field
        )
    if not 0 <= upstream.weight <= WEIGHT_MAX:
        raise Invalid(
            say("%(field)s.weight: 0 to %(weight_max)s", field=field, weight_max=WEIGHT_MAX),
            field=field,
        )
    for name in ("connect_timeout_s", "first_token_timeout_s", "idle_timeout_s"):
        if not 0 < getattr(upstream, name) <= TIMEOUT_S_MAX:
            raise Invalid(
                say(
                    "%(field)s.%(name)s: up to %(timeout_s_max)s seconds",
                    field=field,
                    name=name,
                    timeout_s_max=TIMEOUT_S_MAX,
                ),
                field=field,
            )


def _check_price(price: Price) -> None:
    amounts = (price.input, price.output, price.cached or Decimal(0))
    if not all(amount.is_finite() and amount >= 0 for amount in amounts):
        raise Invalid(say("price: amounts of 0 or more per million tokens"), field="price")
    if not (len(price.currency) == 3 and price.currency.isascii() and price.currency.isupper()):
        raise Invalid(say("price.currency: three letters such as USD or CNY"), field="price")
