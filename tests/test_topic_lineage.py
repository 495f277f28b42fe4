"""Topic maps over time: ids and names stay, new messages find their topic, and what people decided
is never undone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from causerie import topic_lineage
from causerie.embeddings import DEFAULT_MODEL, UniversalSentenceEncoder
from causerie.topic_lineage import IDLE_MAX, Evolution, evolve
from causerie.topic_maps import UNSORTED, Edits, TopicMap, is_due
from tests.topic_world import Messages, messages, purity


@pytest.fixture(scope="module")
def model() -> UniversalSentenceEncoder:
    return UniversalSentenceEncoder()


@pytest.fixture(scope="module")
def world(model: UniversalSentenceEncoder) -> Messages:
    return messages(model)


Look = Callable[..., Evolution]


@pytest.fixture(scope="module")
def look() -> Look:
    """Looks for topics; ids count up through all tests."""
    numbers = itertools.count()

    def look(
        old: TopicMap | None,
        some: Messages,
        previous: list[str] | None = None,
        edits: Edits | None = None,
        seed: int = 1,
    ) -> Evolution:
        return evolve(
            old,
            some.vectors,
            some.texts,
            some.languages,
            previous or [UNSORTED] * len(some.texts),
            lambda: f"t{next(numbers)}",
            edits,
            model=DEFAULT_MODEL,
            seed=seed,
        )

    return look


@pytest.fixture(scope="module")
def first(look: Look, world: Messages) -> Evolution:
    return look(None, world)


def mostly(evolution: Evolution, world: Messages, topic: str) -> str:
    """The id that most messages of a topic have."""
    own = [each for each, of in zip(evolution.ids, world.topics, strict=True) if of == topic]
    return max(set(own), key=own.count)


def test_a_first_look_finds_topics_with_names(first: Evolution, world: Messages) -> None:
    assert purity(first.ids, world.topics) > 0.9
    topics = [topic for topic in first.map.topics if topic.level]
    assert sum(topic.size for topic in topics) == sum(bool(each) for each in first.ids)
    assert all(topic.name and topic.terms and topic.typical for topic in topics)
    themes = {topic.id for topic in first.map.topics if not topic.level}
    assert {topic.parent for topic in topics} <= themes | {""}
    assert themes <= {topic.parent for topic in topics}
    assert {event.what for event in first.events} == {"appeared"}
    assert first.map.rows == len(world.texts)


def test_the_same_look_gives_the_same_map(look: Look, first: Evolution, world: Messages) -> None:
    again = look(None, world)
    assert [t.name for t in again.map.topics] == [t.name for t in first.map.topics]
    assert np.array_equal(again.map.prototypes, first.map.prototypes)


def test_a_map_is_the_same_after_keeping(first: Evolution, world: Messages) -> None:
    kept = first.map.to_bytes()
    again = TopicMap.from_bytes(kept)
    assert again.topics == first.map.topics and again.owners == first.map.owners
    assert len(kept) < 200_000
    assigned = first.map.assign(world.vectors, world.languages)
    same = np.mean(
        [
            a == b
            for a, b in zip(assigned, again.assign(world.vectors, world.languages), strict=True)
        ]
    )
    assert same > 0.98


def test_new_messages_find_their_topic_or_none(
    model: UniversalSentenceEncoder, first: Evolution, world: Messages
) -> None:
    texts = ["I would like a refund for my sofa", "Mon mot de passe ne marche plus, je l'ai oublié"]
    found = first.map.assign(model.embed([*texts, "fn main() { let x = 1; }"]), ["en", "fr", "en"])
    assert found[0] == mostly(first, world, "refund") != ""
    topics = dict(zip(first.ids, world.topics, strict=True))
    assert topics[found[1]] == "password"
    assert found[2] == UNSORTED
    assert first.map.assign(world.vectors[:0], []) == []


def test_topics_keep_their_ids_and_names_as_messages_come(look: Look, world: Messages) -> None:
    half = len(world.texts) // 2
    before = look(None, world.pick(list(range(half))))
    assigned = before.map.assign(world.vectors[half:], world.languages[half:])
    after = look(before.map, world, before.ids + assigned, seed=2)
    kept = [was == now for was, now in zip(before.ids, after.ids[:half], strict=True) if was]
    assert np.mean(kept) >= 0.9
    names = {topic.id: topic.name for topic in before.map.topics}
    same = [names[t.id] == t.name for t in after.map.topics if t.level and t.id in names]
    assert np.mean(same) >= 0.7


def test_a_topic_without_messages_rests_and_then_vanishes(look: Look, world: Messages) -> None:
    first = look(None, world)
    gone = {each for each, of in zip(first.ids, world.topics, strict=True) if of == "weather"}
    rows = [row for row, topic in enumerate(world.topics) if first.ids[row] not in gone]
    some = world.pick(rows)
    ids, evolution = [first.ids[row] for row in rows], first
    for _ in range(IDLE_MAX):
        evolution = look(evolution.map, some, ids)
        ids = evolution.ids
        assert gone - {UNSORTED} <= {topic.id for topic in evolution.map.topics}
    weather = world.where("weather")
    found = evolution.map.assign(weather.vectors, weather.languages)
    assert np.mean([each in gone for each in found]) > 0.7
    evolution = look(evolution.map, some, ids)
    vanished = {event.topic for event in evolution.events if event.what == "vanished"}
    assert gone - {UNSORTED} <= vanished


def test_a_new_subject_appears(look: Look, world: Messages) -> None:
    some = world.where("refund", "delivery", "weather")
    before = look(None, some)
    more = world.where("refund", "delivery", "weather").pick(list(range(len(some.texts))))
    fresh = world.where("password")
    both = Messages(
        more.texts + fresh.texts,
        more.languages + fresh.languages,
        more.topics + fresh.topics,
        np.concatenate([more.vectors, fresh.vectors]),
    )
    after = look(before.map, both, before.ids + [UNSORTED] * len(fresh.texts))
    appeared = {event.topic for event in after.events if event.what == "appeared"}
    assert mostly(after, both, "password") in appeared


def test_a_renamed_topic_keeps_its_name(look: Look, first: Evolution, world: Messages) -> None:
    refunds = mostly(first, world, "refund")
    edits = Edits(renamed={refunds: "Money back"})
    after = look(first.map, world.where("refund", "delivery"), None, edits)
    topic = after.map.topic(refunds)
    assert topic is not None and topic.name == "Money back" and topic.size > 0
    emptied = look(after.map, world.where("weather"), None, edits)
    topic = emptied.map.topic(refunds)
    assert topic is not None and topic.name == "Money back" and topic.size == 0
    again = emptied.map.assign(world.where("refund").vectors, world.where("refund").languages)
    assert again.count(refunds) > 0


def test_what_was_merged_stays_together(look: Look, first: Evolution, world: Messages) -> None:
    into, source = mostly(first, world, "refund"), mostly(first, world, "weather")
    edits = Edits(merged={source: into})
    evolution, ids = first, first.ids
    for seed in (1, 2, 3):
        evolution = look(evolution.map, world, ids, edits, seed)
        ids = evolution.ids
        assert source not in ids
        members = [row for row, was in enumerate(first.ids) if was in {into, source}]
        assert {ids[row] for row in members} == {into}
    assert source not in evolution.map.assign(world.vectors, world.languages, edits)
    assert evolution.map.topic(source) is None


@pytest.mark.parametrize("kind", ["pinned", "hidden"])
def test_a_topic_that_someone_decided_about_keeps_its_messages(
    kind: str, look: Look, first: Evolution, world: Messages
) -> None:
    chosen = mostly(first, world, "delivery")
    edits = msgspec.structs.replace(Edits(), **{kind: frozenset({chosen})})
    after = look(first.map, world, first.ids, edits, seed=9)
    had = [row for row, was in enumerate(first.ids) if was == chosen]
    assert {after.ids[row] for row in had} == {chosen}


def test_chains_of_merges_end_and_circles_do_too() -> None:
    edits = Edits(merged={"a": "b", "b": "c", "x": "y", "y": "x"})
    assert edits.target("a") == "c"
    assert edits.target("x") in {"x", "y"}
    assert "c" in edits.fixed


def test_texts_that_repeat_are_one_text_of_many_messages(look: Look, world: Messages) -> None:
    often = world.pick([*range(len(world.texts)), *[0] * 500])
    evolution = look(None, often)
    assert len(set(evolution.ids[len(world.texts) :])) == 1
    assert sum(t.size for t in evolution.map.topics if t.level) <= len(often.texts)
    assert purity(evolution.ids[: len(world.texts)], world.topics) > 0.9


def test_of_very_many_texts_some_are_looked_at_and_all_are_assigned(
    look: Look, world: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_lineage, "ROWS_DISCOVERED_MAX", 120)
    evolution = look(None, world)
    assert np.mean([bool(each) for each in evolution.ids]) > 0.85
    assert purity(evolution.ids, world.topics) > 0.85


def test_another_model_goes_on_with_the_same_topics(
    look: Look, first: Evolution, world: Messages
) -> None:
    elsewhere = replace(first.map, model="another", prototypes=first.map.prototypes[:, :7])
    after = look(elsewhere, world, first.ids)
    kept = [was == now for was, now in zip(first.ids, after.ids, strict=True) if was]
    assert np.mean(kept) > 0.9


@pytest.mark.parametrize("size", [0, 1, 3])
def test_a_few_messages_are_no_trouble(look: Look, world: Messages, size: int) -> None:
    evolution = look(None, world.pick(list(range(size))))
    assert evolution.ids == [UNSORTED] * size
    assert TopicMap.from_bytes(evolution.map.to_bytes()).topics == ()


DUE = [
    (None, 20, 20, False),
    (None, 200, 200, True),
    (1000, 1020, 20, False),
    (1000, 1500, 20, True),
    (1000, 1100, 10, False),
    (1000, 1100, 200, True),
]


@pytest.mark.parametrize(("made_of", "rows", "unsorted", "due"), DUE)
def test_topics_are_looked_for_when_there_is_something_new(
    made_of: int | None, rows: int, unsorted: int, due: bool
) -> None:
    nothing = np.empty((0, 4), dtype=np.float32)
    old = None if made_of is None else TopicMap("any", (), nothing, (), rows=made_of)
    assert is_due(old, rows, unsorted) is due
