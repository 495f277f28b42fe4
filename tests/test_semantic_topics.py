"""Semantic topics: what is near enough to an example belongs to them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from causerie.embeddings import Embedder, UniversalSentenceEncoder
from causerie.semantic_topics import SemanticTopics, preview, threshold_of, unit_rows

SET = Path("../shared/data/labelled/intents/clinc150_train.jsonl")
EXAMPLES = np.array([[1, 0], [0, 1]], dtype=np.float32)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return UniversalSentenceEncoder()


def test_the_nearest_example_decides() -> None:
    topics = SemanticTopics(
        ["a", "b", "none"], [EXAMPLES, EXAMPLES[:1], EXAMPLES[:0]], [0.9, 0.5, 0]
    )
    rows = np.array([[1, 0.1], [0, 3], [1, 1], [-1, -1], [0, 0]], dtype=np.float32)
    assert topics.match(rows) == [("a", "b"), ("a",), ("b",), (), ()]
    assert SemanticTopics([], [], []).match(rows) == [()] * 5
    assert topics.match(rows[:0]) == []


def test_whole_numbers_are_vectors_too() -> None:
    topics = SemanticTopics(["a"], [EXAMPLES], [0.99])
    assert topics.match(np.array([[127, 3], [90, 90]], dtype=np.int8)) == [("a",), ()]


def test_a_topic_may_have_a_threshold_of_its_own() -> None:
    assert threshold_of("use-multilingual", 0.3) == 0.3
    assert 0.4 < threshold_of("use-multilingual") < 0.8 and threshold_of("unheard of") > 0


def test_a_preview_shows_both_sides_of_the_line() -> None:
    cosines = [0.9, 0.61, 0.61, 0.59, 0.2, 0.7]
    rows = np.array([[value, (1 - value**2) ** 0.5] for value in cosines], dtype=np.float32)
    texts = ["a", "b", "b", "c", "d", "e"]
    shown = preview(rows, texts, EXAMPLES[:1], 0.6, count=2)
    assert ([near.text for near in shown.above], shown.found, shown.of) == (["b", "e"], 4, 6)
    assert [near.text for near in shown.below] == ["c", "d"]
    assert shown.below[0].cosine == pytest.approx(0.59, abs=1e-5) and shown.below[0].place == 3
    nothing = preview(rows[:0], [], EXAMPLES, 0.6)
    assert (nothing.above, nothing.below, nothing.found) == ([], [], 0)


def test_a_few_examples_find_what_means_the_same(embedder: Embedder) -> None:
    examples = embedder.embed(["I want my money back", "how do I get a refund"])
    topics = SemanticTopics(["refund"], [examples], [threshold_of(embedder.name)])
    near = [
        "can I have a refund please",
        "je veux être remboursé",
        "quiero que me devuelvan el dinero",
    ]
    far = ["what is the weather tomorrow", "写一首诗", "play some jazz"]
    assert topics.match(embedder.embed(near)) == [("refund",)] * 3
    assert topics.match(embedder.embed(far)) == [()] * 3


def test_the_default_threshold_finds_most_and_little_else(embedder: Embedder) -> None:
    if not SET.exists():
        pytest.skip(f"{SET} is not there")
    rows = [json.loads(line) for line in SET.read_text().splitlines()]
    kinds = sorted({row["label"] for row in rows})[::10]
    texts = {kind: [row["text"] for row in rows if row["label"] == kind][:25] for kind in kinds}
    examples = [embedder.embed(texts[kind][:5]) for kind in kinds]
    topics = SemanticTopics(kinds, examples, [threshold_of(embedder.name)] * len(kinds))
    hits = told = 0
    for kind in kinds:
        for found in topics.match(embedder.embed(texts[kind][5:])):
            hits += kind in found
            told += len(found)
    assert hits / (20 * len(kinds)) > 0.55 and hits / told > 0.75


def test_rows_get_unit_length() -> None:
    assert np.linalg.norm(unit_rows(np.array([[3, 4]])), axis=1) == pytest.approx(1)
