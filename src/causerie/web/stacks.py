"""Stacked bars as a drawing of the server's: it needs no script, and each piece is a door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720.0, 180.0
"""In the drawing's own units."""
GAP_SHARE = 0.28
BAR_MAX = 48.0


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
class Stacks:
    """Bars side by side; `top` is what the whole height stands for."""

    bars: tuple[Bar, ...]
    top: int


def stack(buckets: Sequence[Sequence[tuple[str, int, str]]]) -> Stacks:
    """Of each bucket its parts from the ground up: kind, count, door."""
    top = max((sum(count for _, count, _ in parts) for parts in buckets), default=0)
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
    return Stacks(tuple(bars), top)
