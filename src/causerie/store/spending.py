"""What keys have spent, in the state store: sums per key and span, which processes add to.

A span is a minute ("2026-11-20T15:18") or a month in one currency ("2026-11 USD"), both in UTC.
Minutes are swept when they are over; months are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import msgspec
from sqlalchemy import BigInteger, Connection, Engine, String, bindparam, delete, select, tuple_

from causerie.store.state import insert_into, slices, transaction
from causerie.store.state_schema import keys, spending

NANO_DIGITS = 9
MINUTES_KEPT = timedelta(minutes=10)
COUNTS = ("requests", "tokens", "cost_nano")
Place = tuple[str, str]
"""A key's id and a span."""


class Amount(msgspec.Struct, frozen=True):
    """What was spent. `cost_nano` is in billionths of a currency unit, so that sums are exact."""

    requests: int = 0
    tokens: int = 0
    cost_nano: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.requests + other.requests,
            self.tokens + other.tokens,
            self.cost_nano + other.cost_nano,
        )

    @property
    def cost(self) -> Decimal:
        """In currency units."""
        return Decimal(self.cost_nano).scaleb(-NANO_DIGITS)


NOTHING = Amount()


def nano(amount: Decimal) -> int:
    """Currency units as billionths of them, the nearest."""
    return int(amount.scaleb(NANO_DIGITS).to_integral_value(ROUND_HALF_UP))


def minute_of(at: datetime) -> str:
    """The span of a minute."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}"


def month_of(at: datetime, currency: str) -> str:
    """The span of a month, for what cost that currency or nothing that is known."""
    return f"{at.astimezone(UTC):%Y-%m} {currency}"


class Spending:
    """Its SQL, on either engine. Safe in threads; every method is one transaction, and raises
    Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def merge(
        self, added: Mapping[Place, Amount], wanted: Collection[Place]
    ) -> dict[Place, Amount]:
        """Add to what all processes have spent, all or nothing, and what is wanted as it is then.
        What belongs to no key of the store is left out.
        """
        with transaction(self._engine) as connection:
            if added:
                _add(connection, added)
            return _read(connection, wanted)

    def totals(self, wanted: Collection[Place]) -> dict[Place, Amount]:
        """What all processes have spent; nothing for a place where nobody did."""
        return self.merge({}, wanted)

    def sweep(self, now: datetime) -> None:
        """Forget minutes that are long over."""
        minutes = spending.c.span.like("____-__-__T__:__")
        over = delete(spending).where(minutes, spending.c.span < minute_of(now - MINUTES_KEPT))
        with transaction(self._engine) as connection:
            connection.execute(over)


def _add(connection: Connection, added: Mapping[Place, Amount]) -> None:
    values = [bindparam(name, type_=BigInteger()) for name in COUNTS]
    known = select(keys.c.id, bindparam("span", type_=String()), *values)
    begun = insert_into(connection, spending).from_select(
        ["key", "span", *COUNTS], known.where(keys.c.id == bindparam("of", type_=String()))
    )
    put = begun.on_conflict_do_update(
        index_elements=["key", "span"],
        set_={name: spending.c[name] + begun.excluded[name] for name in COUNTS},
    )
    # In one order everywhere, so that two processes never wait for each other's rows.
    rows = [
        {"of": key, "span": span, **msgspec.structs.asdict(amount)}
        for (key, span), amount in sorted(added.items())
    ]
    connection.execute(put, rows)


def _read(connection: Connection, wanted: Collection[Place]) -> dict[Place, Amount]:
    found: dict[Place, Amount] = {}
    for some in slices(sorted(wanted)):
        rows = connection.execute(
            select(spending).where(tuple_(spending.c.key, spending.c.span).in_(some))
        )
        found |= {(row.key, row.span): Amount(*(row[2:])) for row in rows}
    return found
