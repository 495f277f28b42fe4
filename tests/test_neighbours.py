"""Neighbours: exact, whatever the size of a block, and a graph that follows from them."""

from __future__ import annotations

import numpy as np
import pytest

from causerie import neighbours
from causerie.embeddings import unit
from causerie.neighbours import nearest, shared_graph

ROWS = unit(np.random.default_rng(3).normal(size=(70, 8)).astype(np.float32))


@pytest.mark.parametrize("block", [7, 70, 1024])
def test_the_nearest_are_those_of_the_whole_matrix(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "BLOCK_ROWS", block)
    found = nearest(ROWS, 5)
    similar = ROWS @ ROWS.T
    np.fill_diagonal(similar, -2)
    assert np.allclose(found.cosines, -np.sort(-similar, axis=1)[:, :5], atol=1e-5)
    assert (found.rows != np.arange(70)[:, None]).all()


def test_few_rows_have_few_neighbours() -> None:
    assert nearest(ROWS[:3], 5).rows.shape == (3, 2)
    assert nearest(ROWS[:1], 5).rows.shape == (1, 0)
    assert nearest(ROWS[:0], 5).rows.shape == (0, 0)
    assert shared_graph(nearest(ROWS[:1], 5)).nnz == 0


def test_the_graph_is_symmetric_and_weighs_what_is_shared() -> None:
    graph = shared_graph(nearest(ROWS, 5))
    dense = graph.toarray()
    assert np.allclose(dense, dense.T) and (np.diag(dense) == 0).all()
    assert (graph.data > 0).all() and (graph.data <= 1).all()


def test_rows_that_are_all_the_same_make_a_graph() -> None:
    same = np.repeat(ROWS[:1], 20, axis=0)
    assert np.isfinite(shared_graph(nearest(same, 5)).data).all()
