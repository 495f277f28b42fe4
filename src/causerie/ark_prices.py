"""ArkPrices: our own table of what models cost on Volcengine Ark, ark_prices.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from causerie.rates import Period, Rate, Tariff


@dataclass(frozen=True, slots=True)
class _Since:
    day: date

    def __call__(self, at: datetime) -> bool:
        utc = at if at.tzinfo is None else at.astimezone(UTC)
        return utc.date() >= self.day


@dataclass(slots=True)
class ArkPrices:
    """Models on Volcengine Ark, in CNY."""

    document: Mapping[str, Any] = field(
        default_factory=lambda: tomllib.loads(
            (files("causerie") / "ark_prices.toml").read_text(), parse_float=Decimal
        )
    )
    _models: dict[str, Mapping[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._models = {name: one for one in self.document["models"] for name in one["names"]}

    def knows(self, url: str) -> bool:
        return urlsplit(url).hostname in self.document["hosts"] or self._is_unpriced(url)

    def at(self, url: str, model: str) -> Tariff | None:
        return None if self._is_unpriced(url) else self._find(model)

    def named(self, model: str, *, closed: bool) -> Tariff | None:
        # Other makers' models cost this only on Ark.
        return self._find(model) if model.rpartition("/")[2].startswith("doubao") else None

    def _is_unpriced(self, url: str) -> bool:
        host, path = urlsplit(url).hostname or "", urlsplit(url).path
        for listed in self.document["unpriced"]:
            name, _, begin = listed.partition("/")
            if (host == name or host.endswith(f".{name}")) and path.startswith(f"/{begin}"):
                return True
        return False

    def _find(self, model: str) -> Tariff | None:
        # doubao-seed-1-6-250615, Doubao-Seed-1.6 and doubao/doubao-seed-1.6 are one model.
        name = model.rpartition("/")[2].replace(".", "-")
        found = self._models.get(name) or self._models.get(re.sub(r"-2\d{5}$", "", name))
        if found is None:
            return None
        rates = sorted(map(_ark_rate, found["tiers"]), key=lambda rate: (rate.above, -_room(rate)))
        period = Period(tuple(rates), _Since(found["since"]))
        return Tariff(f"ark {self.document['date']}", self.document["currency"], (period,))


def _room(rate: Rate) -> float:
    return float("inf") if rate.output_max is None else rate.output_max


def _ark_rate(tier: Mapping[str, Any]) -> Rate:
    return Rate(
        input=Decimal(tier["input"]),
        output=Decimal(tier["output"]),
        cached=Decimal(tier["cached"]) if "cached" in tier else None,
        above=tier["above"] or -1,
        output_max=tier.get("output_max"),
    )
