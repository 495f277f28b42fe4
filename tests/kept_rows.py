"""Rows put straight into the analytics store, as deliveries and understanding would leave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from causerie.store.events import EventStore
from causerie.store.events_schema import EventTable

NOTHING: Mapping[str, Any] = {
    "String": "",
    "LowCardinality": "",
    "Map": {},
    "Array": [],
    "Nullable": None,
}


def put(events: EventStore, table: EventTable, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes rows; what one does not say is its type's default."""
    default = {name: _nothing(kind) for name, kind in table.columns.items()}
    filled = [{**default, "version": 1, **row} for row in rows]
    assert all(len(row) == len(default) for row in filled), "a column that is not there"
    events.insert(table, [[row[name] for name in table.columns] for row in filled])


def _nothing(kind: str) -> Any:
    outer = kind.partition("(")[0].partition(" ")[0]
    return NOTHING.get(outer, 0)
