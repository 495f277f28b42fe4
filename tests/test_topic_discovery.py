"""Discovery: topics are found without being told how many, over languages, and always the same."""

from __future__ import annotations

import numpy as np
import pytest

from causerie.embeddings import UniversalSentenceEncoder
from causerie.topic_discovery import GROUP_ROWS_MIN, discover
from tests.topic_world import Messages, messages, purity


@pytest.fixture(scope="module")
def world() -> Messages:
    return messages(UniversalSentenceEncoder())


def test_a_handful_of_topics_is_found_over_four_languages(world: Messages) -> None:
    groups = discover(world.vectors, seed=1)
    labels = groups.labels.tolist()
    assert purity(labels, world.topics) > 0.9
    assert purity(labels, world.languages) < 0.6
    assert 4 <= groups.count <= 10


def test_the_same_rows_and_seed_give_the_same_groups(world: Messages) -> None:
    first, second = (discover(world.vectors, seed=5) for _ in range(2))
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.prototypes, second.prototypes)
    assert first.resolution == second.resolution


def test_groups_are_numbered_by_size_and_none_is_too_small(world: Messages) -> None:
    groups = discover(world.vectors, seed=1)
    sizes = np.bincount(groups.labels[groups.labels >= 0])
    assert sizes.min() >= GROUP_ROWS_MIN and len(sizes) == groups.count
    assert set(groups.owners.tolist()) == set(range(groups.count))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 8])
def test_a_few_rows_are_no_trouble(world: Messages, size: int) -> None:
    groups = discover(world.vectors[:size], seed=1)
    assert len(groups.labels) == size
    assert len(groups.themes) == groups.count


def test_a_text_that_came_often_may_be_a_topic_of_few_texts(world: Messages) -> None:
    rows = world.where("weather").vectors[:2]
    assert discover(rows, seed=1).count == 0
    assert discover(rows, seed=1, weights=np.array([30, 10])).count >= 1


def test_rows_that_are_all_the_same_are_no_trouble(world: Messages) -> None:
    same = np.repeat(world.vectors[:1], 60, axis=0)
    assert discover(same, seed=1).count >= 1


def test_what_was_together_stays_so_in_doubt(world: Messages) -> None:
    half = len(world.texts) // 2
    first = discover(world.vectors[:half], seed=1)
    before = np.concatenate([first.labels, np.full(len(world.texts) - half, -1)])
    second = discover(world.vectors, seed=2, before=before)
    kept = 0
    for group in range(first.count):
        now = second.labels[:half][first.labels == group]
        kept += np.bincount(now[now >= 0]).max()
    assert kept >= 0.85 * half
