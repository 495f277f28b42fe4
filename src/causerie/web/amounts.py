"""How pages write what calls took: money, tokens, milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from markupsafe import Markup

SMALL = Decimal("0.01")
DIGITS_OF_SMALL = 2
"""Of an amount under a cent, so many digits that say something."""
UNKNOWN = "–"
STEPS = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))


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
        return f"{amount:,.2f}"
    places = DIGITS_OF_SMALL - 1 - amount.adjusted()
    return f"{amount:.{places}f}"


def bill(costs: Mapping[str, Decimal]) -> str:
    """Every currency, the greatest first, or a dash where no cost is known."""
    sums = sorted(costs.items(), key=lambda cost: (-cost[1], cost[0]))
    # What was free says nothing beside what was not.
    paid = [cost for cost in sums if cost[1]] or sums[:1]
    return " + ".join(money(amount, currency) for currency, amount in paid) or UNKNOWN


def price(amount: Decimal) -> str:
    """A price as it was given, without zeros that say nothing: `0.8`, `12`."""
    return f"{amount.normalize():f}"


def compact(count: int | None) -> Markup | str:
    """`987`, `12.3k`, `4.5M`; all digits on hover. A dash for what is not known."""
    if count is None:
        return UNKNOWN
    for size, letter in STEPS:
        if count >= size:
            short = f"{count / size:.1f}".removesuffix(".0")
            return Markup('<span title="{:,}">{}</span>').format(count, f"{short}{letter}")
    return f"{count:,}"


def latency(ms: int | None) -> str:
    """`340 ms`, `1.2 s`, `75 s`, or a dash for what is not known."""
    if ms is None:
        return UNKNOWN
    if ms < 1_000:
        return f"{ms}\u00a0ms"
    return f"{ms / 1_000:.1f}\u00a0s" if ms < 10_000 else f"{ms / 1_000:,.0f}\u00a0s"
