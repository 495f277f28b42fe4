"""What a typed query found, as a page shows it: cells, a chart, and what could be on its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from causerie.queries.desk import Answer, Field
from causerie.wording import Wording, say

ROWS_SHOWN = 300
SERIES_MAX = 8
POINTS_MAX = 1_000
CELL_CHARS_MAX = 300
SHOWS = {"table": say("Table"), "line": say("Line"), "bars": say("Bars")}


@dataclass(frozen=True)
class Axes:
    """Which columns a chart is of, by name; empty for none."""

    x: str = ""
    y: str = ""
    split: str = ""


@dataclass(frozen=True)
class Drawing:
    """A chart. `notes` are sentences about what it leaves out."""

    axes: Axes
    labels: list[str]
    series: list[tuple[str, list[float | None]]]
    notes: list[Wording]

    def data(self, show: str) -> dict[str, Any]:
        """What the browser draws."""
        series = [{"name": name, "values": values} for name, values in self.series]
        return {"kind": show, "labels": self.labels, "series": series}


def fitting_axes(fields: Sequence[Field], wanted: Axes) -> Axes:
    """The columns that were chosen; where one was not, or is not there, what fits best: time goes
    to the right, a number upwards, and the first text tells lines apart.
    """
    names = {field.name for field in fields}
    of = {kind: [f.name for f in fields if f.kind == kind] for kind in ("time", "text", "number")}
    x = wanted.x if wanted.x in names else next(iter(of["time"] + of["text"] + of["number"]), "")
    numbers = [name for name in of["number"] if name != x]
    y = wanted.y if wanted.y in of["number"] else next(iter(numbers), "")
    texts = [name for name in of["text"] if name != x]
    split = wanted.split if wanted.split in names - {x, y} else ""
    if not wanted.split and texts:
        split = texts[0]
    return Axes(x, y, split)


def drawing(answer: Answer, wanted: Axes, zone: str) -> Drawing | None:
    """A chart of it; None where no column is a number or nothing was found."""
    axes = fitting_axes(answer.fields, wanted)
    if not axes.y or not answer.rows:
        return None
    place = {field.name: index for index, field in enumerate(answer.fields)}
    kinds = {field.name: field for field in answer.fields}
    values: dict[str, dict[str, float]] = {}
    labels: dict[str, None] = {}
    for row in answer.rows:
        label = cell(row[place[axes.x]], kinds[axes.x], zone)
        name = axes.y
        if axes.split:
            name = cell(row[place[axes.split]], kinds[axes.split], zone) or "–"
        number = _number(row[place[axes.y]])
        if number is not None:
            line = values.setdefault(name, {})
            line[label] = line.get(label, 0.0) + number
            labels.setdefault(label)
    shown = sorted(values, key=lambda name: -sum(abs(v) for v in values[name].values()))
    kept = list(labels)[:POINTS_MAX]
    notes = []
    if len(shown) > SERIES_MAX:
        notes.append(
            say("Drawn are the %(count)s largest of %(all)s.", count=SERIES_MAX, all=len(shown))
        )
    if len(labels) > POINTS_MAX:
        notes.append(say("Drawn are the first %(count)s points.", count=POINTS_MAX))
    series = [(name, [values[name].get(label) for label in kept]) for name in shown[:SERIES_MAX]]
    return Drawing(axes, kept, series, notes)


def cell(value: Any, field: Field, zone: str) -> str:
    """A value as text, times in the zone."""
    if value is None:
        return "–"
    if field.plain_type.startswith("DateTime") and isinstance(value, str):
        moment = datetime.fromisoformat(value).astimezone(ZoneInfo(zone))
        return f"{moment:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return str(value)


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
