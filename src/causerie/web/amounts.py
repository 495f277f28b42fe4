"""How pages write what calls took: money, tokens, milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from markupsafe import Markup

from causerie.web.speech import speech

SMALL = Decimal("0.01")
DIGITS_OF_SMALL = 2
"""Of an amount under a cent, so many digits that say something."""
UNKNOWN = "–"
COMPACT_FROM = 1_000


def money(amount: Decimal | None, currency: str) -> str:
    """`12.40 USD`, `0.0042 USD`, `0 USD`, or a dash for what is not known."""
    return UNKNOWN if amount is None else f"{_digits(amount)}\u00a0{currency}"


def amount(value: float | None) -> str:
    """The same without its currency."""
    return UNKNOWN if value is None else _digits(Decimal(repr(value)))


def _digits(amount: Decimal) -> str:
    if amount == 0:
        return "0"
    if amount >= SMALL:
        return speech().decimal(amount, "#,##0.00")
    places = DIGITS_OF_SMALL - 1 - amount.adjusted()
    return speech().decimal(amount, f"0.{'0' * places}")


def bill(costs: Mapping[str, Decimal]) -> str:
    """Every currency, the greatest first, or a dash where no cost is known."""
    sums = sorted(costs.items(), key=lambda cost: (-cost[1], cost[0]))
    # What was free says nothing beside what was not.
    paid = [cost for cost in sums if cost[1]] or sums[:1]
    return " + ".join(money(amount, currency) for currency, amount in paid) or UNKNOWN


def price(amount: Decimal) -> str:
    """A price as it was given, without zeros that say nothing: `0.8`, `12`."""
    places = max(0, -int(amount.normalize().as_tuple().exponent))
    return speech().decimal(amount, f"0.{'0' * places}" if places else "0")


def compact(count: int | None) -> Markup | str:
    """`987`, `12.3k`, `4.5M`; all digits on hover. A dash for what is not known."""
    if count is None:
        return UNKNOWN
    whole = speech().decimal(count, "#,##0")
    if count < COMPACT_FROM:
        return whole
    return Markup('<span title="{}">{}</span>').format(whole, speech().compact(count))


def latency(ms: int | None) -> str:
    """`340 ms`, `1.2 s`, `75 s`, or a dash for what is not known."""
    if ms is None:
        return UNKNOWN
    if ms < 1_000:
        return f"{ms}\u00a0ms"
    return f"{speech().decimal(ms / 1_000, '0.0' if ms < 10_000 else '#,##0')}\u00a0s"
