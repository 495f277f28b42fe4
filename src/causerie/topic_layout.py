"""Where topics lie on a map: near each other when they mean alike, none on top of another.

The same topics give the same map: it begins with the two directions in which they differ most, and
moves them until distances on the map are as much like those of meanings as two dimensions allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
TURNS = 60
STEPS = 150
APART_STEPS = 120
GAP = 1.06
"""Circles stand apart by so much more than their radii."""
NEVER = 1e-9


def lay_out(vectors: NDArray[Any], radii: Sequence[float], width: float) -> Rows:
    """A place for each row, (rows, 2), in the units of the radii; the map is about as wide as
    `width` and grows where circles need more room.
    """
    if not len(vectors):
        return np.zeros((0, 2))
    units = _units(vectors)
    wanted = np.sqrt(np.maximum(2 - 2 * units @ units.T, 0))
    places = _nearer(_flat(units), wanted)
    places = _turned(places)
    reach = np.abs(places).max()
    places = places / max(reach, NEVER) * width / 2
    return _apart(places, np.asarray(radii, float))


def _units(vectors: NDArray[Any]) -> Rows:
    """The rows at a length of one."""
    rows = np.asarray(vectors, float)
    found: Rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), NEVER)
    return found


def _flat(vectors: Rows) -> Rows:
    """Along the two directions in which the rows differ most."""
    centred = vectors - vectors.mean(axis=0)
    alike = centred @ centred.T
    # By turns, not by a decomposition: that starts threads, which takes longer than all of this.
    flat = _around(len(vectors))
    for _ in range(TURNS):
        flat = _square(alike @ flat)
    reach = np.sqrt(np.maximum((flat * (alike @ flat)).sum(axis=0), 0))
    found: Rows = flat * reach
    return found


def _around(count: int) -> Rows:
    """Directions, no two alike."""
    turns = np.arange(count) * 2.4
    return np.column_stack([np.cos(turns), np.sin(turns)])


def _square(pair: Rows) -> Rows:
    """Both at a length of one, the second at right angles to the first."""
    first, second = pair.T
    first = first / max(float(np.sqrt((first**2).sum())), NEVER)
    second = second - first * (first * second).sum()
    second = second / max(float(np.sqrt((second**2).sum())), NEVER)
    return np.column_stack([first, second])


def _nearer(places: Rows, wanted: Rows) -> Rows:
    """Moved so that distances come nearer to those wanted (stress majorization)."""
    count = len(places)
    for _ in range(STEPS if count > 1 else 0):
        ratio = wanted / _apart_by(places)[2]
        np.fill_diagonal(ratio, 0)
        pull = -ratio
        np.fill_diagonal(pull, ratio.sum(axis=1))
        places = pull @ places / count
    return places


def _turned(places: Rows) -> Rows:
    """The longer side level, and no mirror image: what lies farthest is right, and at the top."""
    places = places - places.mean(axis=0)
    (wide, both), (_, high) = places.T @ places
    angle = 0.5 * np.arctan2(2 * both, wide - high)
    along = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = places @ along
    signs = np.sign(turned[np.abs(turned).argmax(axis=0), [0, 1]])
    # Down is more on a page.
    found: Rows = turned * np.where(signs == 0, 1, signs) * np.array([1, -1])
    return found


def _apart(places: Rows, radii: Rows) -> Rows:
    """Pushed off each other until no two circles overlap, or nearly so."""
    least = (radii[:, None] + radii[None, :]) * GAP
    np.fill_diagonal(least, 0)
    # Those at one place have no direction to be pushed in.
    places = places + 1e-3 * _around(len(places))
    for _ in range(APART_STEPS):
        right, down, far = _apart_by(places)
        lacking = np.maximum(least - far, 0)
        if not lacking.any():
            break
        push = lacking / far / 2
        places = places + np.column_stack([(right * push).sum(axis=1), (down * push).sum(axis=1)])
    return places


def _apart_by(places: Rows) -> tuple[Rows, Rows, Rows]:
    """How far each lies right of each, how far down, and how far in all: never nothing."""
    x, y = places.T
    right, down = x[:, None] - x[None, :], y[:, None] - y[None, :]
    return right, down, np.maximum(np.sqrt(right * right + down * down), NEVER)


def nearest(vectors: NDArray[Any], count: int) -> list[list[int]]:
    """For each row those that mean most alike, the nearest first."""
    units = _units(vectors)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -2)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, : min(count, len(vectors) - 1)]
    return [[int(place) for place in row] for row in order]
