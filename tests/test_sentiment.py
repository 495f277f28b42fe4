"""Sentiment on the real heads: the scale, the margin, trends, and what thumbs change."""

from __future__ import annotations

import numpy as np
import pytest

from causerie.embeddings import UniversalSentenceEncoder, Vectors
from causerie.errors import Invalid
from causerie.meanings import MESSAGE_MARGIN, message_mood, mood_of
from causerie.sentiment import (
    HEADS,
    THUMBS_MIN,
    Calibration,
    SentimentHead,
    calibrate,
    said_by_words,
    trend,
)
from causerie.valence import valence

PLEASED = [
    "This is wonderful, thank you so much!",
    "C'est parfait, merci, j'adore !",
    "Me encanta, es genial, muchas gracias",
    "太棒了，非常满意，谢谢",
]
DISPLEASED = [
    "This is terrible, I hate it, completely useless",
    "C'est nul, je suis très déçu, quelle honte",
    "Es horrible, odio esto, una mierda",
    "太差了，非常失望，垃圾",
]
PLAIN = [
    "What time does the train to Lyon leave?",
    "Quelle est la capitale de l'Australie ?",
    "¿Cuántos habitantes tiene Madrid?",
    "北京到上海的距离是多少？",
]


@pytest.fixture(scope="module")
def head() -> SentimentHead:
    return SentimentHead("use-multilingual")


@pytest.fixture(scope="module")
def encoder() -> UniversalSentenceEncoder:
    return UniversalSentenceEncoder()


def scores(head: SentimentHead, encoder: UniversalSentenceEncoder, texts: list[str]) -> Vectors:
    return head.score(encoder.embed(texts) - head.english_mean, texts)


def test_pleased_and_displeased_lie_on_their_sides(
    head: SentimentHead, encoder: UniversalSentenceEncoder
) -> None:
    up, down = scores(head, encoder, PLEASED), scores(head, encoder, DISPLEASED)
    assert [message_mood(score) for score in up] == ["positive"] * 4
    assert [message_mood(score) for score in down] == ["negative"] * 4
    assert up.dtype == np.float32 and np.abs([up, down]).max() <= 1


def test_plain_questions_are_neutral(
    head: SentimentHead, encoder: UniversalSentenceEncoder
) -> None:
    assert [message_mood(score) for score in scores(head, encoder, PLAIN)] == ["neutral"] * 4


def test_a_head_scores_without_texts_and_nothing(head: SentimentHead) -> None:
    vectors = np.zeros((3, head.dimensions), dtype=np.float32)
    assert np.abs(head.score(vectors)).max() < MESSAGE_MARGIN
    assert head.score(vectors[:0]).shape == (0,)
    with pytest.raises(ValueError, match="512"):
        head.score(np.zeros((3, 4), dtype=np.float32))


@pytest.mark.parametrize("name", HEADS)
def test_each_head_is_packaged_and_finite(name: str) -> None:
    head = SentimentHead(name)
    assert np.isfinite(head.score(np.ones((1, head.dimensions), dtype=np.float32))).all()


def test_an_unknown_model_has_no_head() -> None:
    with pytest.raises(Invalid, match="gpt"):
        SentimentHead("gpt")


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("good", "not good"),
        ("I don't hate it", "I hate it"),
        ("super bien", "pas bien"),
        ("me gusta", "no me gusta"),
        ("好吃", "不好吃"),
        ("done 😀", "done 😡"),
        ("ok :)", "ok :("),
    ],
)
def test_words_and_faces_lean_and_negation_turns_them(better: str, worse: str) -> None:
    first, second = said_by_words([better, worse])
    assert first > second


def test_addresses_and_times_have_no_faces() -> None:
    found = valence("http://example.com/d at 10:30, note:please see x:d")
    assert found.pleased_faces == found.displeased_faces == 0


def test_a_message_needs_more_than_a_mean_to_have_a_mood() -> None:
    scores = (-1, -MESSAGE_MARGIN, -0.1, 0, 0.1, MESSAGE_MARGIN, 1)
    assert [message_mood(score) for score in scores] == ["negative", *["neutral"] * 5, "positive"]
    assert [mood_of(score) for score in (-0.3, -0.2, 0.3)] == ["negative", "neutral", "positive"]
    assert message_mood(None) == mood_of(None) == ""


def test_a_trend_needs_enough_messages_size_and_more_than_chance() -> None:
    assert trend([0.5, 0.4, 0.4, -0.2, -0.3, -0.5]) == "down"
    assert trend([-0.5, -0.4, -0.4, 0.9, 0.2, 0.3, 0.5]) == "up"
    assert trend([0.9, 0.9, -0.9, -0.9]) == "flat"
    assert trend([0.1, 0.1, 0.1, 0.2, 0.2, 0.2]) == "flat"
    assert trend([0.5, -0.5, 0.5, -0.5, 0.5, -0.5]) == "flat"
    assert trend([]) == "flat" and trend([0.0] * 2_000) == "flat"


def test_chance_alone_is_seldom_a_trend() -> None:
    draw = np.random.default_rng(5)
    moved = [trend(list(draw.normal(0, 0.5, 10))) != "flat" for _ in range(400)]
    assert sum(moved) < 40


def test_few_thumbs_leave_the_scale_as_it_is() -> None:
    few = calibrate([0.5] * (THUMBS_MIN - 1), [True] * (THUMBS_MIN - 1))
    onesided = calibrate([0.5] * 100, [True] * 100)
    given = np.array([-0.5, 0, 0.5], dtype=np.float32)
    assert few == onesided == Calibration()
    assert few.apply(given) is given


def test_thumbs_bend_the_scale_and_keep_the_order() -> None:
    draw = np.random.default_rng(5)
    given = draw.uniform(-0.8, 0.8, 400)
    thumbs = given + draw.normal(0, 0.2, 400) > 0.3
    learned = calibrate(list(given), [bool(up) for up in thumbs])
    assert learned.thumbs == 400 and learned.slope > 0
    bent = learned.apply(np.array([-1, -0.5, 0, 0.3, 0.5, 1], dtype=np.float32))
    assert (np.diff(bent) > 0).all() and np.abs(bent).max() <= 1
    assert bent[2] < 0 and abs(bent[3]) < 0.35


def test_a_calibration_survives_as_json() -> None:
    learned = Calibration(1.5, -0.25, 80)
    assert Calibration.from_json(learned.to_json()) == learned
    for text in ("", "{}", "[]", '{"slope": -1, "shift": 0, "thumbs": 9}', '{"slope": "x"}'):
        with pytest.raises(Invalid):
            Calibration.from_json(text)
