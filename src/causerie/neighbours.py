"""Which rows of a matrix of meanings are nearest to which, exactly, in memory that is bounded; and
the graph that this makes, whose edges weigh how many neighbours two rows share.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csr_matrix

from causerie.embeddings import Vectors

BLOCK_ROWS = 1024


class Neighbours(NamedTuple):
    """The nearest other rows of each row, nearest first."""

    rows: npt.NDArray[np.int32]
    """(rows, k)"""
    cosines: Vectors
    """(rows, k)"""


def nearest(vectors: Vectors, count: int) -> Neighbours:
    """The `count` nearest other rows of each row by cosine; fewer if there are not so many.

    Takes time with the square of the rows: 30,000 some 15 seconds on one core.
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


def shared_graph(neighbours: Neighbours) -> csr_matrix:
    """A symmetric graph, an edge wherever one row is among the nearest of the other. It weighs how
    many nearest rows the two share, of all that they have (Jaccard), so that a bridge between two
    groups weighs little however close its ends are.
    """
    size, count = neighbours.rows.shape
    if not count:
        return csr_matrix((size, size), dtype=np.float64)
    start = np.repeat(np.arange(size), count)
    ones = np.ones(size * count)
    linked = coo_matrix((ones, (start, neighbours.rows.ravel())), shape=(size, size)).tocsr()
    near = linked + coo_matrix((np.ones(size), (np.arange(size), np.arange(size)))).tocsr()
    shared = (near @ near.T).multiply(linked.maximum(linked.T)).tocsr()
    shared.data = shared.data / (2 * (count + 1) - shared.data)
    shared.sort_indices()
    return shared
