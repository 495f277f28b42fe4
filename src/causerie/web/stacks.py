"""Stacked bars as a drawing of the server's: it needs no script, and each piece is a door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720.0, 180.0
"""In the drawing's own units."""
GAP_SHARE = 0.28
BAR_MAX = 48.0
TICKS_MAX = 4
"""Lines above the ground."""


@dataclass(frozen=True)
class Piece:
    """A part of a bar: of which kind, how many, and where it stands."""

    kind: str
    count: int
    x: float
    y: float
    width: float
    height: float
    door: str


@dataclass(frozen=True)
class Bar:
    """All of one bucket."""

    middle: float
    total: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Tick:
    """A number of the axis, and how high it lies."""

    count: int
    y: float


@dataclass(frozen=True)
class Stacks:
    """Bars side by side; `top` is what the whole height stands for, the last of the ticks."""

    bars: tuple[Bar, ...]
    top: int
    ticks: tuple[Tick, ...] = ()


def stack(buckets: Sequence[Sequence[tuple[str, int, str]]]) -> Stacks:
    """Of each bucket its parts from the ground up: kind, count, door."""
    most = max((sum(count for _, count, _ in parts) for parts in buckets), default=0)
    step = step_of(most)
    top = -(-most // step) * step
    room = WIDTH / max(len(buckets), 1)
    width = min(room * (1 - GAP_SHARE), BAR_MAX)
    bars = []
    for place, parts in enumerate(buckets):
        x, ground, pieces = place * room + (room - width) / 2, HEIGHT, []
        for kind, count, door in parts:
            height = HEIGHT * count / top if top else 0.0
            ground -= height
            if count:
                pieces.append(Piece(kind, count, x, ground, width, height, door))
        total = sum(count for _, count, _ in parts)
        bars.append(Bar(x + width / 2, total, tuple(pieces)))
    ticks = [Tick(count, HEIGHT * (1 - count / top)) for count in range(0, top + 1, step) if top]
    return Stacks(tuple(bars), top, tuple(ticks))


def step_of(most: int) -> int:
    """From one round number of the axis to the next, so that four at most reach that many."""
    step = 1
    while most > TICKS_MAX * step:
        # 1, 2, 5, 10, 20, 50 …
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    return step
