"""Groups in a matrix of meanings, how many of them is not told: Leiden on the graph of shared
neighbours, at the resolution that is told by the rows themselves (`worth`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causerie.embeddings import Vectors, unit
from causerie.neighbours import nearest, shared_graph

Labels = npt.NDArray[np.int64]
"""A group's number for each row, -1 for none."""
NEIGHBOURS_MIN, NEIGHBOURS_MAX = 5, 30
RESOLUTIONS = tuple(0.25 * 2 ** (step / 2) for step in range(16))
GROUP_ROWS_MIN = 4
"""Fewer messages make no topic: they are left unsorted."""
GROUPS_FACTOR, GROUPS_POWER = 0.35, 0.6
"""So many groups are expected of n rows: factor * n ** power, 11 of 300, 88 of 10,000."""
DEVIATION_COST = 0.05
"""What twice or half the expected groups cost, in units of the silhouette; the square of it for
more. The silhouette is flat over wide ranges, and tells nothing there."""
OTHER_GROUP_SHARE = 0.35
"""What is left of an edge between rows that were of different groups before."""
STAYING_WORTH = 0.1
"""What it is worth, in units of the silhouette, that all rows stay with those they were with."""
PROTOTYPES_MAX = 4
ROWS_PER_PROTOTYPE = 12
PROTOTYPE_ROUNDS = 6
THEME_NEIGHBOURS = 6
THEME_RESOLUTION = 1.5
GROUPS_THEMED_MIN = 8


@dataclass(frozen=True)
class Groups:
    """What was found. The prototypes of a group are some of its rows' means: one where it is small,
    up to four where it is large and has several ways to say what it says.
    """

    labels: Labels
    prototypes: Vectors
    owners: Labels
    """Whose each prototype is."""
    themes: Labels
    """The theme of each group, -1 for none."""
    resolution: float

    @property
    def count(self) -> int:
        return len(self.themes)


def discover(
    vectors: Vectors,
    *,
    seed: int,
    weights: npt.NDArray[np.int64] | None = None,
    before: Labels | None = None,
) -> Groups:
    """The groups among rows of unit length; the same ones for the same rows and seed.

    Args:
        weights: how many messages each row stands for; one each if not given.
        before: the groups that rows were of, -1 where none: boundaries there are kept if the rows
            do not speak clearly against them.
    """
    weights = np.ones(len(vectors), dtype=np.int64) if weights is None else weights
    if weights.sum() < GROUP_ROWS_MIN or len(vectors) < 2:
        nothing = np.empty(0, dtype=np.int64)
        return Groups(np.full(len(vectors), -1), vectors[:0], nothing, nothing, 1.0)
    graph = shared_graph(nearest(vectors, neighbour_count(len(vectors))))
    if before is not None:
        graph = remembering(graph, before)
    resolution, labels = best_partition(vectors, graph, seed, before)
    labels = without_small(labels, weights)
    prototypes, owners = prototypes_of(vectors, labels, seed)
    if len(owners):
        # Whatever comes later goes to the nearest prototype: what is here does so too.
        grouped = labels >= 0
        labels[grouped] = owners[(vectors[grouped] @ prototypes.T).argmax(axis=1)]
        labels = without_small(labels, weights)
        prototypes, owners = prototypes_of(vectors, labels, seed)
    return Groups(labels, prototypes, owners, themes_of(vectors, labels, seed), resolution)


def neighbour_count(size: int) -> int:
    """Few rows have few neighbours that are of their kind."""
    return min(max(round(math.sqrt(size)), NEIGHBOURS_MIN), NEIGHBOURS_MAX)


def remembering(graph: Any, before: Labels) -> Any:
    """The graph with edges weakened that join what was apart. Edges inside of what was one group
    keep their proportions, so that it can still fall into parts.
    """
    edges = graph.tocoo()
    start, end = before[edges.row], before[edges.col]
    apart = (start != end) & (start >= 0) & (end >= 0)
    edges.data = np.where(apart, edges.data * OTHER_GROUP_SHARE, edges.data)
    kept = edges.tocsr()
    kept.sort_indices()
    return kept


def best_partition(
    vectors: Vectors, graph: Any, seed: int, before: Labels | None
) -> tuple[float, Labels]:
    """The resolution that is worth most, and the partition there."""
    best: tuple[float, float, Labels] | None = None
    for resolution, labels in partitions(graph, seed):
        worth_here = worth(vectors, labels)
        if before is not None:
            worth_here += STAYING_WORTH * staying_share(labels, before)
        if best is None or worth_here > best[0]:
            best = worth_here, resolution, labels
    assert best is not None
    return best[1], best[2]


def partitions(graph: Any, seed: int) -> Iterator[tuple[float, Labels]]:
    """Ever finer ones, as far as they may still be worth something."""
    expected = expected_groups(graph.shape[0])
    for resolution in RESOLUTIONS:
        labels = leiden(graph, resolution, seed)
        yield resolution, labels
        if group_count(labels) > 4 * expected:
            return


def leiden(graph: Any, resolution: float, seed: int) -> Labels:
    """A partition of the graph's nodes, by modularity at that resolution."""
    from graspologic_native import leiden_csr

    _, found = leiden_csr(
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int32),
        graph.data.astype(np.float64),
        graph.shape[0],
        resolution=resolution,
        seed=seed,
    )
    labels = np.full(graph.shape[0], -1, dtype=np.int64)
    labels[list(found.keys())] = list(found.values())
    return labels


def worth(vectors: Vectors, labels: Labels) -> float:
    """How well rows lie in their groups (silhouette by centroids), less the cost of a number of
    groups far from what so many rows have by experience.
    """
    count = group_count(labels)
    if count < 2:
        return -math.inf
    deviation = math.log2(count / expected_groups(len(labels)))
    return silhouette(vectors, labels) - DEVIATION_COST * deviation**2


def staying_share(labels: Labels, before: Labels) -> float:
    """The share of rows that are with most of those that they were with before."""
    known = (before >= 0) & (labels >= 0)
    if not known.any():
        return 1.0
    together = np.zeros((int(before.max()) + 1, int(labels.max()) + 1), dtype=np.int64)
    np.add.at(together, (before[known], labels[known]), 1)
    return float(together.max(axis=1).sum() / known.sum())


def expected_groups(size: int) -> float:
    return GROUPS_FACTOR * math.pow(size, GROUPS_POWER)


def group_count(labels: Labels) -> int:
    return int((np.bincount(labels[labels >= 0]) >= GROUP_ROWS_MIN).sum())


def silhouette(vectors: Vectors, labels: Labels) -> float:
    """The mean over rows of how much nearer the rest of the own group's mean is than the next
    group's, between -1 and 1.
    """
    sums, sizes = sums_of(vectors, labels)
    similar = vectors @ unit(sums).T
    rest = unit(sums[labels] - vectors)
    own = np.einsum("ij,ij->i", rest, vectors)
    own[sizes[labels] < 2] = 0.0
    similar[np.arange(len(labels)), labels] = -1.0
    far, near = 1 - similar.max(axis=1), 1 - own
    return float(np.mean((far - near) / np.maximum(np.maximum(far, near), 1e-9)))


def sums_of(vectors: Vectors, labels: Labels) -> tuple[Vectors, Labels]:
    """The sum of each group's rows, and their number."""
    count = int(labels.max()) + 1
    return added_up(vectors, labels, count), np.bincount(labels, minlength=count)


def added_up(vectors: Vectors, labels: Labels, count: int) -> Vectors:
    """The sum of each group's rows: (count, dimensions)."""
    from scipy.sparse import csr_array

    # A product with a sparse matrix: adding row by row takes many times as long.
    ones = np.ones(len(labels), dtype=np.float32)
    members = csr_array((ones, (labels, np.arange(len(labels)))), shape=(count, len(labels)))
    sums: Vectors = members @ vectors
    return sums


def without_small(labels: Labels, weights: npt.NDArray[np.int64]) -> Labels:
    """Groups of too few messages as none, the others numbered anew, largest first."""
    sizes = np.bincount(labels[labels >= 0], weights[labels >= 0], minlength=1)
    kept = np.flatnonzero(sizes >= GROUP_ROWS_MIN)
    numbers = np.full(len(sizes) + 1, -1, dtype=np.int64)
    numbers[kept[np.argsort(-sizes[kept], kind="stable")]] = np.arange(len(kept))
    return numbers[labels]


def prototypes_of(vectors: Vectors, labels: Labels, seed: int) -> tuple[Vectors, Labels]:
    """Up to four means of each group, and whose each is."""
    rows, owners = [vectors[:0]], []
    for group in range(int(labels.max(initial=-1)) + 1):
        own = vectors[labels == group]
        means = means_of(own, seed) if len(own) else own
        rows.append(means)
        owners += [group] * len(means)
    return np.concatenate(rows), np.array(owners, dtype=np.int64)


def means_of(vectors: Vectors, seed: int) -> Vectors:
    """A few means of one group's rows (spherical k-means)."""
    count = min(max(len(vectors) // ROWS_PER_PROTOTYPE, 1), PROTOTYPES_MAX)
    if count == 1:
        return unit(vectors.mean(axis=0, keepdims=True))
    chosen = np.random.default_rng(seed).permutation(len(vectors))[:count]
    means = vectors[chosen]
    for _ in range(PROTOTYPE_ROUNDS):
        nearest_mean = (vectors @ means.T).argmax(axis=1)
        sums = added_up(vectors, nearest_mean, count)
        empty = np.bincount(nearest_mean, minlength=count) == 0
        sums[empty] = means[empty]
        means = unit(sums)
    return means


def themes_of(vectors: Vectors, labels: Labels, seed: int) -> Labels:
    """Which groups belong together: Leiden once more, on the groups' means."""
    count = int(labels.max(initial=-1)) + 1
    if count < GROUPS_THEMED_MIN:
        return np.full(count, -1, dtype=np.int64)
    grouped = labels >= 0
    sums, _ = sums_of(vectors[grouped], labels[grouped])
    # What all groups have in common tells none of them apart.
    means = unit(unit(sums) - unit(sums).mean(axis=0))
    themes = leiden(shared_graph(nearest(means, THEME_NEIGHBOURS)), THEME_RESOLUTION, seed)
    alone = np.bincount(themes[themes >= 0], minlength=int(themes.max()) + 1) < 2
    return np.where((themes >= 0) & ~alone[themes], themes, -1)
