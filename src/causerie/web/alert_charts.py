"""The past of an alert, drawn: what the number was, what was expected, and where it fired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from math import isinf

from causerie.alert_rules import Judged

WIDTH, HEIGHT, EDGE = 960, 200, 12


@dataclass(frozen=True)
class Mark:
    """Where it fired."""

    x: float
    y: float
    start: datetime
    value: float


@dataclass(frozen=True)
class Picture:
    """Lines and areas as SVG takes their points."""

    lines: tuple[str, ...]
    bands: tuple[str, ...]
    marks: tuple[Mark, ...]
    lowest: float
    highest: float
    width: int = WIDTH
    height: int = HEIGHT


def draw_past(judged: Sequence[Judged]) -> Picture | None:
    """None where nothing is known of any period."""
    values = [each.reading.value for each in judged if each.reading.value is not None]
    if not values:
        return None
    ends = [
        end
        for each in judged
        if each.range is not None
        for end in (each.range.low, each.range.high)
        if not isinf(end)
    ]
    lowest, highest = min([0.0, *values, *ends]), max([*values, *ends])
    span = highest - lowest or 1.0

    def x(at: int) -> float:
        return round(EDGE + at * (WIDTH - 2 * EDGE) / max(len(judged) - 1, 1), 1)

    def y(value: float) -> float:
        place = min(max((value - lowest) / span, 0.0), 1.0)
        return round(HEIGHT - EDGE - place * (HEIGHT - 2 * EDGE), 1)

    known = [(at, each) for at, each in enumerate(judged) if each.reading.value is not None]
    return Picture(
        lines=tuple(
            " ".join(f"{x(at)},{y(each.reading.value or 0.0)}" for at, each in part)
            for part in _runs(known)
        ),
        bands=tuple(
            " ".join(
                [
                    *(f"{x(at)},{y(each.range.high)}" for at, each in part if each.range),
                    *(f"{x(at)},{y(each.range.low)}" for at, each in part[::-1] if each.range),
                ]
            )
            for part in _runs([pair for pair in enumerate(judged) if pair[1].range is not None])
        ),
        marks=tuple(
            Mark(x(at), y(each.reading.value or 0.0), each.reading.start, each.reading.value or 0.0)
            for at, each in known
            if each.fires
        ),
        lowest=lowest,
        highest=highest,
    )


def _runs(pairs: Sequence[tuple[int, Judged]]) -> list[list[tuple[int, Judged]]]:
    """Parts whose places follow upon each other."""
    numbered = enumerate(pairs)
    return [
        [pair for _, pair in run]
        for _, run in groupby(numbered, key=lambda one: one[1][0] - one[0])
    ]
