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
STEPS = 200
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
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    flat = np.zeros((len(vectors), 2))
    kept = min(2, len(sizes))
    flat[:, :kept] = left[:, :kept] * sizes[:kept]
    # Rows that are equal would never come apart.
    turns = np.arange(len(vectors)) * 2.4
    return flat + 1e-6 * np.column_stack([np.cos(turns), np.sin(turns)])


def _nearer(places: Rows, wanted: Rows) -> Rows:
    """Moved so that distances come nearer to those wanted (stress majorization)."""
    count = len(places)
    for _ in range(STEPS if count > 1 else 0):
        ratio = wanted / np.maximum(_distances(places), NEVER)
        np.fill_diagonal(ratio, 0)
        pull = -ratio
        np.fill_diagonal(pull, ratio.sum(axis=1))
        places = pull @ places / count
    return places


def _turned(places: Rows) -> Rows:
    """The longer side level, and no mirror image: what lies farthest is right, and at the top."""
    places = places - places.mean(axis=0)
    left, sizes, _ = np.linalg.svd(places, full_matrices=False)
    turned = np.zeros_like(places)
    kept = min(2, len(sizes))
    turned[:, :kept] = left[:, :kept] * sizes[:kept]
    signs = np.sign(turned[np.abs(turned).argmax(axis=0), [0, 1]])
    # Down is more on a page.
    found: Rows = turned * np.where(signs == 0, 1, signs) * np.array([1, -1])
    return found


def _apart(places: Rows, radii: Rows) -> Rows:
    """Pushed off each other until no two circles overlap, or nearly so."""
    least = (radii[:, None] + radii[None, :]) * GAP
    for _ in range(APART_STEPS):
        between = places[:, None, :] - places[None, :, :]
        far = np.maximum(np.sqrt((between**2).sum(axis=2)), NEVER)
        lacking = np.maximum(least - far, 0)
        np.fill_diagonal(lacking, 0)
        if not lacking.any():
            break
        places = places + (between / far[:, :, None] * (lacking / 2)[:, :, None]).sum(axis=1)
    return places


def _distances(places: Rows) -> Rows:
    between = places[:, None, :] - places[None, :, :]
    found: Rows = np.sqrt((between**2).sum(axis=2))
    return found


def nearest(vectors: NDArray[Any], count: int) -> list[list[int]]:
    """For each row those that mean most alike, the nearest first."""
    units = _units(vectors)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -2)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, : min(count, len(vectors) - 1)]
    return [[int(place) for place in row] for row in order]
