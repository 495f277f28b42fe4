"""Tally: what calls took and cost, model by model, priced when somebody asks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causerie.prices import Prices
    from causerie.token_usage import Usage

CALLS_WAITING_MAX = 10_000
"""Calls that are kept until somebody asks what they cost; one more, and they are priced."""
UNNAMED = "unnamed"
"""Stands for a model that neither the request nor the answer names."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call whose provider said what it took."""

    model: str
    base_url: str
    """The provider's address; empty when it is not known."""
    at: datetime
    usage: Usage
    sold_by_token: bool = True
    """Pictures and sounds are sold otherwise: no price is looked up."""


@dataclass(slots=True)
class ModelUsage:
    """What the calls of one model took and cost."""

    successful_requests: int = 0
    """Calls that were answered, also those whose answer is still coming or was not read to its
    end.
    """
    failed_requests: int = 0
    unreported_requests: int = 0
    """Calls whose provider did not say what they took, or has not yet."""
    unpriced_requests: int = 0
    """Calls whose price nobody knows."""
    prompt_tokens: int = 0
    """All input: what came from a cache and what went into one too."""
    prompt_tokens_cached: int = 0
    prompt_tokens_cache_written: int = 0
    completion_tokens: int = 0
    """All output: the reasoning too."""
    reasoning_tokens: int = 0
    costs: dict[str, Decimal] = field(default_factory=dict)
    """Currency (ISO 4217) to what is known to have been spent in it. Nothing is converted."""

    @property
    def total_tokens(self) -> int:
        """Everything that was read and written."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def total_cost(self) -> Decimal | None:
        """All costs; None when one is unknown, or when they are in more than one currency."""
        if self.unreported_requests or self.unpriced_requests or len(self.costs) > 1:
            return None
        return sum(self.costs.values(), Decimal(0))

    def take(self, usage: Usage) -> None:
        """Adds the tokens of one call."""
        self.prompt_tokens += usage.input_tokens
        self.prompt_tokens_cached += usage.cached_tokens or 0
        self.prompt_tokens_cache_written += usage.cache_written_tokens
        self.completion_tokens += usage.output_tokens
        self.reasoning_tokens += usage.reasoning_tokens

    def spend(self, currency: str, amount: Decimal) -> None:
        """Adds the cost of one call."""
        self.costs[currency] = self.costs.get(currency, Decimal(0)) + amount

    def add(self, other: ModelUsage) -> None:
        """Adds all that another model took."""
        for one in fields(self):
            if one.name != "costs":
                setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        for currency, amount in other.costs.items():
            self.spend(currency, amount)


class Tally:
    """Counts calls from many threads. Can be read at any time, while it counts too.

    The price tables are read when a cost is first asked for: half a second, once in a process.
    """

    def __init__(self, prices: Prices | None = None) -> None:
        """`prices` says what calls cost; None takes all the tables that we know."""
        self._prices = prices
        self._models: dict[str, ModelUsage] = {}
        self._waiting: list[Call] = []
        self._counting = Lock()
        self._pricing = Lock()

    def count(self, call: Call) -> None:
        """An answered call."""
        with self._counting:
            model = self._model(call.model)
            model.successful_requests += 1
            model.take(call.usage)
            self._waiting.append(call)
            full = len(self._waiting) >= CALLS_WAITING_MAX
        if full:
            self._price()

    def count_unreported(self, model: str, change: int = 1) -> None:
        """An answered call of which nobody knows what it took; -1 takes one back."""
        with self._counting:
            self._model(model).successful_requests += change
            self._model(model).unreported_requests += change
            self._forget_if_unused(model)

    def count_failed(self, model: str, *, answering: bool) -> None:
        """A call that failed. `answering`: after it had begun to answer, which is billed."""
        with self._counting:
            self._model(model).failed_requests += 1
            self._model(model).unreported_requests += answering

    @property
    def by_model(self) -> Mapping[str, ModelUsage]:
        """Each model that was called, by the name that its answers give."""
        self._price()
        return self._copy()

    @property
    def prompt_tokens(self) -> int:
        """All input: what came from a cache and what went into one too."""
        return self._sum(lambda model: model.prompt_tokens)

    @property
    def prompt_tokens_cached(self) -> int:
        """Input read from a provider's cache."""
        return self._sum(lambda model: model.prompt_tokens_cached)

    @property
    def prompt_tokens_cache_written(self) -> int:
        """Input written to a provider's cache."""
        return self._sum(lambda model: model.prompt_tokens_cache_written)

    @property
    def completion_tokens(self) -> int:
        """All output: the reasoning too."""
        return self._sum(lambda model: model.completion_tokens)

    @property
    def reasoning_tokens(self) -> int:
        """Output that was thought and not said."""
        return self._sum(lambda model: model.reasoning_tokens)

    @property
    def total_tokens(self) -> int:
        """All input and all output."""
        return self._sum(lambda model: model.total_tokens)

    @property
    def successful_requests(self) -> int:
        """Calls that were answered."""
        return self._sum(lambda model: model.successful_requests)

    @property
    def failed_requests(self) -> int:
        """Calls that ended in an error."""
        return self._sum(lambda model: model.failed_requests)

    @property
    def unreported_requests(self) -> int:
        """Calls whose provider did not say what they took, or has not yet."""
        return self._sum(lambda model: model.unreported_requests)

    @property
    def unreported_models(self) -> list[str]:
        """The models of those calls."""
        models = self._copy()
        return [name for name, model in models.items() if model.unreported_requests]

    @property
    def unpriced_models(self) -> list[str]:
        """Models of which at least one call has no known price."""
        return [name for name, model in self.by_model.items() if model.unpriced_requests]

    @property
    def costs(self) -> dict[str, Decimal]:
        """Currency to what is known to have been spent in it. Nothing is converted."""
        return self._total().costs

    @property
    def total_cost(self) -> Decimal | None:
        """All costs; 0 when nothing was called. None when the cost of a call is unknown, or when
        they are in more than one currency.
        """
        return self._total().total_cost

    def __str__(self) -> str:
        """A few lines for people."""
        return "\n".join([*_lines(self._total()), *self._unknown()])

    def _unknown(self) -> list[str]:
        named = (
            ("No price known", self.unpriced_models),
            ("No usage reported", self.unreported_models),
        )
        return [f"{what}: {', '.join(models)}" for what, models in named if models]

    def _total(self) -> ModelUsage:
        total = ModelUsage()
        for model in self.by_model.values():
            total.add(model)
        return total

    def _sum(self, count: Callable[[ModelUsage], int]) -> int:
        with self._counting:
            return sum(map(count, self._models.values()))

    def _copy(self) -> dict[str, ModelUsage]:
        with self._counting:
            return {
                name: replace(model, costs=dict(model.costs))
                for name, model in self._models.items()
            }

    def _model(self, name: str) -> ModelUsage:
        return self._models.setdefault(name or UNNAMED, ModelUsage())

    def _forget_if_unused(self, name: str) -> None:
        # A stream begins under the name that was asked for and ends under the one that answered.
        if self._model(name) == ModelUsage():
            del self._models[name or UNNAMED]

    def _price(self) -> None:
        # Whoever asks while another prices waits for it, or would miss the calls at hand.
        with self._pricing:
            with self._counting:
                calls, self._waiting = self._waiting, []
            if not calls:
                return
            prices = self._prices or _all_tables()
            for call in calls:
                cost = (
                    prices.cost(call.model, call.usage, call.at, base_url=call.base_url)
                    if call.sold_by_token
                    else None
                )
                with self._counting:
                    if cost is None:
                        self._model(call.model).unpriced_requests += 1
                    else:
                        self._model(call.model).spend(cost.currency, cost.amount)


@functools.cache
def _all_tables() -> Prices:
    from causerie.prices import Prices  # Not for those who never ask what it cost.

    return Prices()


def _lines(total: ModelUsage) -> list[str]:
    cost = " + ".join(f"{_short(amount)} {currency}" for currency, amount in total.costs.items())
    if total.unpriced_requests or total.unreported_requests:
        cost = f"unknown, at least {cost}" if cost else "unknown"
    return [
        f"Requests: {total.successful_requests}"
        + (f", and {total.failed_requests} failed" if total.failed_requests else ""),
        f"Tokens: {total.total_tokens}",
        f"  Prompt: {total.prompt_tokens}, of them cached {total.prompt_tokens_cached}",
        f"  Completion: {total.completion_tokens}, of them reasoning {total.reasoning_tokens}",
        f"Cost: {cost or 0}",
    ]


def _short(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
