"""Inventory: what every page tells of a project, read once in ten seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from causerie.inventory import KEPT_FOR, NOTHING, Inventory
from causerie.reports import FilterValues, Reports
from causerie.testing import Ticking

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@dataclass
class Told(Reports):
    """Reports that say what they are told to, and count how often they are asked."""

    models: dict[str, list[str]] = field(default_factory=dict)
    began: dict[tuple[str, str | None], datetime] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def values(self, project: str) -> FilterValues:
        self.asked["values"] += 1
        return FilterValues(self.models.get(project, []), [], [], [])

    def first(self, project: str, tenant: str | None = None) -> datetime | None:
        self.asked["first"] += 1
        return self.began.get((project, tenant))


def test_what_is_known_is_read_again_after_ten_seconds() -> None:
    told, clock = Told({"a": ["small"]}, {("a", None): NOON, ("a", "acme"): NOON}), Ticking(NOON)
    inventory = Inventory(told, clock)
    assert [inventory.values("a").models for _ in range(3)] == [["small"]] * 3
    assert [inventory.first("a", tenant) for tenant in (None, "acme", None)] == [NOON] * 3
    assert told.asked == {"values": 1, "first": 2}
    told.models["a"], told.began["a", None] = ["small", "large"], NOON - timedelta(days=1)
    clock.now += KEPT_FOR - timedelta(microseconds=1)
    assert (inventory.values("a").models, inventory.first("a", None)) == (["small"], NOON)
    clock.now += timedelta(microseconds=1)
    assert inventory.values("a").models == ["small", "large"]
    assert inventory.first("a", None) == NOON - timedelta(days=1)


def test_what_comes_first_is_seen_at_once() -> None:
    told = Told()
    inventory = Inventory(told, Ticking(NOON))
    assert (inventory.values("a"), inventory.first("a", None)) == (NOTHING, None)
    told.models["a"], told.began["a", None] = ["small"], NOON
    assert (inventory.values("a").models, inventory.first("a", None)) == (["small"], NOON)


def test_no_project_is_told_what_another_has() -> None:
    told = Told({"a": ["small"], "b": ["large"]}, {("a", None): NOON})
    inventory = Inventory(told, Ticking(NOON))
    assert [inventory.values(name).models for name in "abab"] == [["small"], ["large"]] * 2
    assert (inventory.first("a", None), inventory.first("b", None)) == (NOON, None)
