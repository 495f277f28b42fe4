"""Prices: what a call cost, by the endpoint's own price or by the price tables."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from threading import Lock
from typing import TypeVar
from urllib.parse import urlsplit

from causerie.ark_prices import ArkPrices
from causerie.endpoints import MODEL_CHARS_MAX, Price
from causerie.exchanges import Cost
from causerie.rates import Rate, Table, Tariff
from causerie.token_usage import Usage

REMEMBERED_MAX = 4_096
"""Models at an address whose price is not looked up again."""
ENDPOINT_PRICES = "endpoint"
"""Stands for a table's name where the endpoint has a price of its own."""

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class Prices:
    """Says what calls cost. Safe to use from many threads; the tables are read when first needed.

    A price that nobody knows is no price: the cost is None then, and 0 only of what is free.
    """

    def __init__(self, tables: Sequence[Table] | None = None) -> None:
        """`tables` in the order in which they are asked; None takes those that we know."""
        self._tables = tables
        self._reading = Lock()
        self._tariff = lru_cache(REMEMBERED_MAX)(self._look_up)

    def load(self) -> None:
        """Reads the tables, so that the first call does not wait: about 0.6 s and 80 MiB."""
        self._read()

    def cost(
        self,
        model: str,
        usage: Usage,
        at: datetime,
        *,
        base_url: str = "",
        price: Price | None = None,
    ) -> Cost | None:
        """What a call of `model` at that time cost; None when no price is known.

        `base_url` is the provider's address. `price`, if any, goes before every table.
        """
        if price is not None:
            rate = Rate(input=price.input, output=price.output, cached=price.cached)
            return Cost(rate.amount(usage), price.currency, ENDPOINT_PRICES)
        tariff = self._tariff(model, base_url) if len(model) <= MODEL_CHARS_MAX else None
        if tariff is None:
            return None
        try:
            known = tariff.rate(usage, at)
        except Exception:
            # A flaw in somebody's table may cost us a price, but never a call.
            log.exception("%s: no price of %r", tariff.prices, model)
            return None
        return Cost(known.amount(usage), tariff.currency, tariff.prices) if known else None

    def _look_up(self, model: str, base_url: str) -> Tariff | None:
        # Gemini's clients may say models/gemini-…
        name, url = model.lower().removeprefix("models/"), _plain(base_url)
        tables = self._read()
        known = [table for table in tables if _ask(lambda one: bool(url) and one.knows(url), table)]
        for table in known:
            if found := _ask(lambda one: one.at(url, name), table):
                return found
        for table in () if known else tables:
            if found := _ask(lambda one: one.named(name, closed=bool(url)), table):
                return found
        return None

    def _read(self) -> Sequence[Table]:
        with self._reading:
            if self._tables is None:
                # Ours first, since it answers for Ark alone: there it has Ark's own currency and
                # steps, where others convert and round.
                self._tables = (ArkPrices(), *_packaged())
            return self._tables


def _packaged() -> Sequence[Table]:
    """The tables that packages bring, which an app may do without."""
    try:
        # They take half a second to import, which a command of the shell shall not wait.
        from causerie.price_tables import GenaiPrices, ModelsDev
    except ImportError as error:
        log.warning(
            "No prices but Ark's are known (%s): install causerie[usage] for the others", error
        )
        return ()
    return GenaiPrices(), ModelsDev()


def _ask(question: Callable[[Table], Answer], table: Table) -> Answer | None:
    try:
        return question(table)
    except Exception:
        # One broken entry: the next table may know the price.
        log.exception("%s cannot be read", type(table).__name__)
        return None


def _plain(base_url: str) -> str:
    """https://host/path, however the address is written."""
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "https://-"  # No address that anybody knows.
    return f"https://{host}{parts.path.rstrip('/')}" if host else ""
