"""Kept topics: of all kinds together, merged as a person said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causerie.embeddings import Vectors
from causerie.kept_topics import KeptMatcher, judged_generation, kept_generation, merge_targets
from tests.topic_cast import keyword, llm, semantic, suggested


class Compass:
    """Embeds the four directions, and whatever else as nothing."""

    name = "compass"
    dimensions = 2

    def __init__(self) -> None:
        self.calls = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        places = {"north": (0, 1), "south": (0, -1), "east": (1, 0), "west": (-1, 0)}
        return np.array([places.get(text, (0, 0)) for text in texts], dtype=np.float32)


def test_words_and_meanings_are_told_in_one_order() -> None:
    embedder = Compass()
    topics = [semantic("m", "north", "east"), keyword("k", "up"), semantic("n", "north"), llm("l")]
    matcher = KeptMatcher(topics, embedder)
    vectors = [np.array([0, 127], dtype=np.int8), None, np.array([1.0, 0.0], dtype=np.float32)]
    texts, languages = ["up north", "up", "east"], ["en"] * 3
    assert matcher.match(texts, languages, vectors) == [("m", "k", "n"), ("k",), ("m",)]
    assert matcher.match(texts, languages) == [("k",), ("k",), ()]
    assert matcher.match(texts[:1], ["en"], embedder.embed(["south"])) == [("k",)]
    assert (matcher.needs_vectors, [one.id for one in matcher.judged]) == (True, ["l"])
    assert embedder.calls == 2


def test_without_an_embedder_words_are_found_all_the_same() -> None:
    matcher = KeptMatcher([semantic("m", "north"), keyword("k", "up")], None)
    assert matcher.match(["up"], ["en"], [np.array([0.0, 1.0], dtype=np.float32)]) == [("k",)]
    assert not matcher.needs_vectors and KeptMatcher([], None).match(["a"], [""]) == [()]


def test_what_is_merged_counts_for_its_target_along_chains() -> None:
    topics = [
        keyword("a", "up", merged_into="b"),
        keyword("b", "down", merged_into="s"),
        keyword("c", "up"),
        suggested("s"),
    ]
    matcher = KeptMatcher(topics, None)
    assert matcher.match(["up", "down"], ["", ""]) == [("c", "s"), ("s",)]
    assert matcher.joined(["a", "b", "c"]) == ("c", "s")


def test_what_leads_nowhere_or_back_to_itself_stands_for_itself() -> None:
    topics = [
        keyword("a", "x", merged_into="b"),
        keyword("b", "x", merged_into="a"),
        keyword("c", "x", merged_into="gone"),
        keyword("d", "x", merged_into="a"),
        keyword("e", "x", merged_into="e"),
    ]
    targets = merge_targets(topics)
    assert {id: targets[id] for id in "abce"} == {"a": "a", "b": "b", "c": "c", "e": "e"}
    assert KeptMatcher(topics, None).match(["x"], [""])[0][:3] == ("a", "b", "c")


def test_the_generation_follows_what_is_matched() -> None:
    plain = [keyword("a", "x"), llm("b")]
    same = [keyword("a", "x", name="Other", pinned=True), llm("b"), suggested("s")]
    assert kept_generation(plain) == kept_generation(same) == kept_generation(plain[::-1]) > 0
    for other in (keyword("a", "x", revision=2), keyword("a", "x", merged_into="b")):
        assert kept_generation([other, plain[1]]) != kept_generation(plain)
    assert judged_generation(plain[:1]) == 0 < judged_generation(plain)
    assert judged_generation([llm("b", revision=2)]) != judged_generation(plain)
