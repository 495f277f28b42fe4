"""An endpoint as a form: its fields filled in from one, and one made of what was filled in.

The fields of a provider carry its number. A key that is saved stays while its field is empty, but
only for the server that it was given for: else whoever changes the address would be sent the key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec

from causerie.endpoints import (
    OUTPUT_TOKENS,
    UPSTREAMS_MAX,
    WINDOW_TOKENS,
    Dialect,
    Endpoint,
    Price,
    Upstream,
    new_endpoint_id,
)
from causerie.errors import CauserieError, Invalid
from causerie.store.endpoints import SEAL
from causerie.web.amounts import price as written
from causerie.wording import Wording, say

Form = Mapping[str, str]
Number = TypeVar("Number", int, float)
TIMEOUTS = ("connect_timeout_s", "first_token_timeout_s", "idle_timeout_s")
WORDS = {
    "base_url": say("address"),
    "model": say("model"),
    "key": say("key"),
    "weight": say("weight"),
}
_OF_UPSTREAM = re.compile(r"upstreams\[(\d+)\]\.(\w+): (.*)")
_FIELD = re.compile(r"^[\w.\[\]]+\s*[:：]\s*")
_OF_PRICE = re.compile(r"price(?:\.(\w+))?: (.*)")
PRICE_MAX = 1_000_000_000
PRICE_DIGITS_MAX = 12
"""After the point."""


def fields_of(endpoint: Endpoint | None) -> dict[str, str]:
    """What the form shows of an endpoint, or of none yet. Never a key."""
    if endpoint is None:
        tokens = {"window_tokens": str(WINDOW_TOKENS), "output_tokens": str(OUTPUT_TOKENS)}
        return {**tokens, "currency": "USD"}
    fields = {
        "name": endpoint.name,
        "serves": "\n".join(endpoint.serves),
        "defaults": _indented(endpoint.defaults),
        "window_tokens": str(endpoint.window_tokens),
        "output_tokens": str(endpoint.output_tokens),
        "disabled": "on" if endpoint.disabled else "",
        **_price_fields(endpoint.price),
    }
    for number, upstream in enumerate(endpoint.upstreams, 1):
        fields |= _upstream_fields(upstream, number)
    return fields


def _indented(defaults: dict[str, Any]) -> str:
    if not defaults:
        return ""
    return msgspec.json.format(msgspec.json.encode(defaults), indent=2).decode()


def _price_fields(price: Price | None) -> dict[str, str]:
    if price is None:
        return {"currency": "USD"}
    cached = "" if price.cached is None else written(price.cached)
    return {
        "price_input": written(price.input),
        "price_output": written(price.output),
        "price_cached": cached,
        "currency": price.currency,
    }


def _upstream_fields(upstream: Upstream, number: int) -> dict[str, str]:
    timeouts = {f"{name}_{number}": f"{getattr(upstream, name):g}" for name in TIMEOUTS}
    return {
        f"base_url_{number}": upstream.base_url,
        f"model_{number}": upstream.model,
        f"weight_{number}": str(upstream.weight),
        f"dialect_{number}": upstream.dialect.value,
        **timeouts,
    }


def _blank(number: int) -> dict[str, str]:
    return _upstream_fields(Upstream(base_url="", model=""), number)


def upstreams_in(form: Form) -> int:
    """How many providers the form has fields for, at least one."""
    numbers = [number for number in range(1, UPSTREAMS_MAX + 1) if f"base_url_{number}" in form]
    return max([1, *numbers])


def with_room(fields: Form) -> dict[str, str]:
    """The same with empty fields for one more provider, if there may be one."""
    last = upstreams_in(fields)
    more = last + 1 if fields.get(f"base_url_{last}") else max(last, 2)
    room = {} if last > 1 or f"base_url_{last}" in fields else _blank(1)
    return {**room, **_blank(min(more, UPSTREAMS_MAX)), **fields}


def endpoint_of(
    form: Form, project: str, now: datetime, before: Endpoint | None = None
) -> Endpoint:
    """What the form says, with the keys that it leaves as they are. Raises Invalid, naming the
    field of the form.
    """
    id = form.get("id", "").strip() or new_endpoint_id(now)
    return Endpoint(
        project=project,
        id=id if before is None else before.id,
        name=form.get("name", ""),
        upstreams=_upstreams(form, before),
        created_at=now if before is None else before.created_at,
        serves=tuple(dict.fromkeys(form.get("serves", "").replace(",", " ").split())),
        defaults=_defaults(form.get("defaults", "")),
        price=_price(form),
        window_tokens=_number(form, "window_tokens", int, WINDOW_TOKENS),
        output_tokens=_number(form, "output_tokens", int, OUTPUT_TOKENS),
        disabled=form.get("disabled") == "on",
    )


def reason_of(error: CauserieError) -> tuple[str, str | None]:
    """Why a form was refused, and which of its fields is at fault."""
    if at := _OF_UPSTREAM.match(error.message):
        number, name = int(at[1]) + 1, at[2]
        words = say(
            "provider %(number)s, %(field)s: %(reason)s",
            number=number,
            field=WORDS.get(name, name),
            reason=_after_field(error.wording),
        )
        return words, f"{name}_{number}"
    if at := _OF_PRICE.match(error.message):
        return say("price: %(reason)s", reason=_after_field(error.wording)), at[1] or "price_input"
    return error.wording, error.field


def _after_field(words: str) -> str:
    """What an error says after the name of the field that the API has."""

    def rest(told: str) -> str:
        return _FIELD.sub("", told)

    return words.shaped(rest) if isinstance(words, Wording) else rest(words)


def _upstreams(form: Form, before: Endpoint | None) -> tuple[Upstream, ...]:
    """Those that have an address or a model; empty fields are no provider."""
    found = []
    for number in range(1, upstreams_in(form) + 1):
        if form.get(f"base_url_{number}", "").strip() or form.get(f"model_{number}", "").strip():
            known = before.upstreams if before is not None else ()
            saved = known[number - 1] if number <= len(known) else None
            found.append(_upstream(form, number, saved))
    if not found:
        raise Invalid(say("an endpoint needs the address of a provider"), field="base_url_1")
    return tuple(found)


def _upstream(form: Form, number: int, saved: Upstream | None) -> Upstream:
    base_url = form.get(f"base_url_{number}", "").strip().rstrip("/")
    try:
        dialect = Dialect(form.get(f"dialect_{number}") or Dialect.PLAIN)
    except ValueError as error:
        raise Invalid(
            say("choose how its cache is asked for"), field=f"dialect_{number}"
        ) from error
    timeouts = {
        name: _number(form, f"{name}_{number}", float, 0.0)
        for name in TIMEOUTS
        if form.get(f"{name}_{number}", "").strip()
    }
    return Upstream(
        base_url=base_url,
        model=form.get(f"model_{number}", "").strip(),
        key=_key(form, number, base_url, saved),
        weight=_number(form, f"weight_{number}", int, 1),
        dialect=dialect,
        slots=saved.slots if saved is not None else 0,
        **timeouts,
    )


def _key(form: Form, number: int, base_url: str, saved: Upstream | None) -> str:
    field = f"key_{number}"
    typed = form.get(field, "").strip()
    if typed.startswith(SEAL):
        raise Invalid(say("a key does not begin with %(seal)s", seal=SEAL), field=field)
    if typed or saved is None or not saved.key or form.get(f"forget_{number}") == "on":
        return typed
    if _server(base_url) != _server(saved.base_url):
        said = "type the key again: the saved one is for another server"
        raise Invalid(said, field=field)
    return saved.key


def _server(address: str) -> tuple[str, str]:
    try:
        parts: SplitResult = urlsplit(address)
    except ValueError:
        return "", address
    return parts.scheme, parts.netloc.lower()


def _defaults(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any]) if text.strip() else {}
    except (msgspec.DecodeError, RecursionError) as error:
        said = 'the default parameters are not a JSON object such as {"temperature": 0.7}'
        raise Invalid(said, field="defaults") from error


def _price(form: Form) -> Price | None:
    names = ("price_input", "price_output", "price_cached")
    given = {name: form.get(name, "").strip() for name in names}
    if not any(given.values()):
        return None
    cached = given["price_cached"]
    return Price(
        input=_amount(given["price_input"], "price_input"),
        output=_amount(given["price_output"], "price_output"),
        cached=_amount(cached, "price_cached") if cached else None,
        currency=form.get("currency", "").strip().upper(),
    )


def _amount(text: str, field: str) -> Decimal:
    try:
        amount = Decimal(text)
        fits = amount.is_finite() and 0 <= amount <= PRICE_MAX
        if fits and amount == round(amount, PRICE_DIGITS_MAX):
            return amount
    except InvalidOperation:
        pass
    raise Invalid(
        say("a price has an amount for input and one for output, such as 0.80"), field=field
    )


def _number(form: Form, field: str, kind: type[Number], default: Number) -> Number:
    text = form.get(field, "").strip()
    try:
        return kind(text) if text else default
    except ValueError as error:
        raise Invalid(say("“%(given)s” is not a number", given=text[:40]), field=field) from error
