"""Rate, Period, Tariff: what tokens cost, by the size and the time of a call, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from causerie.token_usage import Usage


@dataclass(frozen=True, slots=True)
class Rate:
    """What a million tokens cost in calls with more than `above` tokens of input."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    """Read from the provider's cache; like other input where the table names no price."""
    written: Decimal | None = None
    """Written to the provider's cache; like other input where the table names no price."""
    written_1h: Decimal | None = None
    """Kept there for an hour; like the rest where the table names no price."""
    reasoning: Decimal | None = None
    """Like other output where the table names no price."""
    call: Decimal = Decimal(0)
    """For each call besides its tokens."""
    above: int = -1
    output_max: int | None = None
    """Only while the answer has no more tokens than this."""

    def __post_init__(self) -> None:
        """Raises ValueError for what is no price."""
        read = (self.input, self.cached, self.written, self.written_1h)
        for value in (*read, self.output, self.reasoning, self.call):
            if value is not None and not (value.is_finite() and value >= 0):
                raise ValueError(f"not a price: {value}")

    def fits(self, usage: Usage) -> bool:
        """Whether a call of that size is billed at this rate."""
        short = self.output_max is None or usage.output_tokens <= self.output_max
        return usage.input_tokens > self.above and short

    def amount(self, usage: Usage) -> Decimal:
        """What the call costs, exactly."""
        cached = min(usage.cached_tokens or 0, usage.input_tokens)
        written = min(usage.cache_written_tokens, usage.input_tokens - cached)
        hour = min(usage.cache_written_1h_tokens, written)
        write_price = self.input if self.written is None else self.written
        thought = min(usage.reasoning_tokens, usage.output_tokens)
        total = (
            self.input * (usage.input_tokens - cached - written)
            + (self.input if self.cached is None else self.cached) * cached
            + write_price * (written - hour)
            + (write_price if self.written_1h is None else self.written_1h) * hour
            + self.output * (usage.output_tokens - thought)
            + (self.output if self.reasoning is None else self.reasoning) * thought
        )
        return total.scaleb(-6) + self.call


@dataclass(frozen=True, slots=True)
class Period:
    """Rates, the most particular one last, and when they are in force."""

    rates: tuple[Rate, ...]
    in_force: Callable[[datetime], bool] | None = None
    """None: always."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """All that one table knows of the price of one model; the latest period comes last."""

    prices: str
    """The table's name and version."""
    currency: str
    periods: tuple[Period, ...]

    def rate(self, usage: Usage, at: datetime) -> Rate | None:
        """The rate for that call; None when no price of that time is known."""
        for period in reversed(self.periods):
            if period.in_force is None or period.in_force(at):
                return next((rate for rate in reversed(period.rates) if rate.fits(usage)), None)
        return None


class Table(Protocol):
    """Where prices stand. `url` is https://host/path, `model` in small letters."""

    def knows(self, url: str) -> bool:
        """Whether that address belongs to a provider in the table."""

    def at(self, url: str, model: str) -> Tariff | None:
        """What the model costs at that address."""

    def named(self, model: str, *, closed: bool) -> Tariff | None:
        """What the model costs at its own maker. `closed`: only if nobody else can run it."""
