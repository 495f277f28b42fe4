"""Which rows of a matrix of meanings are nearest to which, exactly, in memory that is bounded; and
the graph that this makes, whose edges weigh how many neighbours two rows share.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from causerie.embeddings import Vectors

BLOCK_ROWS = 1024
EVENNESS = 0.25
"""The power that shared neighbours are taken to: the lower, the more alike all edges weigh. At one,
groups of a hundred rows fall apart along chance; at none, bridges hold groups together."""


class Neighbours(NamedTuple):
    """The nearest other rows of each row, nearest first."""

    rows: npt.NDArray[np.int32]
    """(rows, count)"""
    cosines: Vectors
    """(rows, count)"""


def nearest(vectors: Vectors, count: int) -> Neighbours:
    """The `count` nearest other rows of each row by cosine; fewer if there are not so many.

    Takes time with the square of the rows: 15,000 some 3 seconds on one core.
    """
    size = len(vectors)
    count = max(min(count, size - 1), 0)
    rows = np.empty((size, count), dtype=np.int32)
    cosines = np.empty((size, count), dtype=np.float32)
    for start in range(0, size if count else 0, BLOCK_ROWS):
        block = slice(start, min(start + BLOCK_ROWS, size))
        similar = vectors[block] @ vectors.T
        own = np.arange(block.start, block.stop)
        similar[own - start, own] = -np.inf
        best = np.argpartition(-similar, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(similar, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        rows[block] = np.take_along_axis(best, order, axis=1)
        cosines[block] = np.take_along_axis(values, order, axis=1)
    return Neighbours(rows, cosines)


def shared_graph(neighbours: Neighbours) -> Any:
    """A symmetric sparse matrix, an edge wherever one row is among the nearest of the other. It
    weighs the share of their nearest rows that the two have in common (Jaccard), evened out, so
    that a bridge between two groups weighs little however close its ends are.
    """
    # Not above: a server imports this and leaves the computing to its processes of models.
    from scipy.sparse import coo_matrix, csr_matrix, identity

    size, count = neighbours.rows.shape
    if not count:
        return csr_matrix((size, size), dtype=np.float64)
    start = np.repeat(np.arange(size), count)
    places = (start, neighbours.rows.ravel().astype(np.int64))
    linked = coo_matrix((np.ones(size * count), places), shape=(size, size)).tocsr()
    near = linked + identity(size, format="csr")
    shared = (near @ near.T).multiply(linked.maximum(linked.T)).tocsr()
    shared.eliminate_zeros()
    shared.data = (shared.data / (2 * (count + 1) - shared.data)) ** EVENNESS
    shared.sort_indices()
    return shared
