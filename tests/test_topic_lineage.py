"""Topics found among messages go on from one look to the next, and keep what people decided."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from causerie.embeddings import DEFAULT_MODEL, UniversalSentenceEncoder, Vectors, pack, unpack
from causerie.language_means import LanguageMeans
from causerie.topic_lineage import Evolution, evolve
from causerie.topic_maps import Edits, TopicMap

SUBJECTS = {
    "card": ("my card has not arrived", "where is my new card", "the card is late", "no card came"),
    "rain": ("will it rain today", "is it raining now", "does it rain tomorrow", "rain this week"),
    "song": ("play a song", "play the next song", "which song is this", "I like this song"),
    "bread": ("how to bake bread", "a recipe for bread", "bread without yeast", "bake rye bread"),
    "billet": (
        "mon billet est perdu",
        "un billet de train",
        "changer de billet",
        "annuler le billet",
    ),
}
ENDINGS = ("", " please", " now", " again", " for me", " then")


class World:
    """Messages about a few subjects, with their vectors."""

    def __init__(self) -> None:
        self.texts = [
            f"{text}{ending}" for texts in SUBJECTS.values() for text in texts for ending in ENDINGS
        ]
        self.subjects = [name for name in SUBJECTS for _ in range(4 * len(ENDINGS))]
        self.vectors: Vectors = UniversalSentenceEncoder().embed(self.texts)
        self.ids = count()

    def look(
        self,
        old: Evolution | None = None,
        edits: Edits | None = None,
        rows: slice = slice(None),
    ) -> Evolution:
        """Topics among some of the messages, after an earlier look at all of them."""
        texts = self.texts[rows]
        return evolve(
            old.map if old else None,
            self.vectors[rows],
            texts,
            ["fr" if subject == "billet" else "en" for subject in self.subjects[rows]],
            old.ids[rows] if old else [""] * len(texts),
            lambda: f"t{next(self.ids)}",
            edits,
            model=DEFAULT_MODEL,
            seed=1,
        )


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_messages_of_one_subject_are_one_topic_and_it_says_which(world: World) -> None:
    found = world.look()
    kinds = {
        (topic, subject) for topic, subject in zip(found.ids, world.subjects, strict=True) if topic
    }
    assert len({topic for topic, _ in kinds}) == len(kinds)  # no topic has two subjects
    names = {topic.id: topic.terms for topic in found.map.topics if topic.level == 1}
    for topic, subject in kinds:
        assert any(subject in term for term in names[topic]), (subject, names[topic])


def test_the_same_messages_give_the_same_topics(world: World) -> None:
    first, second = world.look(), world.look()
    pairs = set(zip(first.ids, second.ids, strict=True))
    assert len(pairs) == len(set(first.ids)) == len(set(second.ids))


def test_ids_and_names_stay_when_messages_are_looked_at_again(world: World) -> None:
    first = world.look()
    second = world.look(first)
    assert second.ids == first.ids
    named = {topic.id: topic.name for topic in second.map.topics}
    assert all(named[topic.id] == topic.name for topic in first.map.topics if topic.level == 1)


def test_a_new_message_is_sorted_at_once_and_a_strange_one_is_not(world: World) -> None:
    found = world.look()
    kept = TopicMap.from_bytes(found.map.to_bytes())
    said = UniversalSentenceEncoder().embed(
        ["my new card has still not arrived", "the derivative of a polynomial is a polynomial"]
    )
    near, strange = kept.assign(said, ["en", "en"])
    assert near == found.ids[0]
    assert strange == ""


def test_what_a_person_renamed_pinned_and_merged_holds(world: World) -> None:
    first = world.look()
    card = first.ids[0]
    song = first.ids[world.subjects.index("song")]
    edits = Edits(renamed={card: "Cards"}, merged={song: card}, pinned=frozenset({card}))
    second = world.look(first, edits)
    found = second.map.topic(card)
    assert found is not None
    assert found.name == "Cards"
    assert {second.ids[0], second.ids[world.subjects.index("song")]} == {card}
    assert song not in second.ids


def test_a_pinned_topic_outlives_its_messages(world: World) -> None:
    first = world.look()
    card = first.ids[0]
    edits = Edits(pinned=frozenset({card}))
    later = world.look(first, edits, slice(4 * len(ENDINGS), None))
    assert later.map.topic(card) is not None


def test_packed_vectors_keep_their_angles(world: World) -> None:
    again = unpack(pack(world.vectors))
    assert np.abs((again * world.vectors).sum(axis=1) - 1).max() < 0.002


def test_the_mean_of_a_language_is_taken_away() -> None:
    rows = np.eye(4, dtype=np.float32)
    means = LanguageMeans.empty().added(np.repeat(rows[:1], 500, axis=0), ["fr"] * 500)
    means = means.added(np.repeat(rows[1:2], 500, axis=0), ["en"] * 500)
    centred = LanguageMeans.from_bytes(means.to_bytes()).centred(rows[:2] + rows[2:3], ["fr", "en"])
    assert centred[0] @ centred[1] > 0.95
