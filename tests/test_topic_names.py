"""Names of topics: the words of their messages, in their messages' language."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from causerie.embeddings import UniversalSentenceEncoder
from causerie.topic_names import TERMS_MAX, Naming, namings, theme_name
from causerie.topic_words import is_tone, stem, terms_of
from tests.topic_world import ASKED, Messages, messages


@pytest.fixture(scope="module")
def world() -> Messages:
    return messages(UniversalSentenceEncoder())


def named(world: Messages, languages: Sequence[str]) -> dict[str, Naming]:
    rows = [row for row, language in enumerate(world.languages) if language in languages]
    some = world.pick(rows)
    topics = list(ASKED)
    labels = np.array([topics.index(topic) for topic in some.topics])
    found = namings(some.texts, some.languages, some.vectors, labels)
    return dict(zip(topics, found, strict=True))


@pytest.mark.parametrize(
    ("language", "refund", "password"),
    [
        ("en", "refund", "password"),
        ("fr", "rembours", "passe"),
        ("es", "reembolso", "contraseña"),
        ("zh", "退款", "密码"),
    ],
)
def test_a_topic_is_called_by_its_words(
    world: Messages, language: str, refund: str, password: str
) -> None:
    names = named(world, [language])
    assert any(refund in term or term in refund for term in names["refund"].terms)
    assert any(password in term for term in names["password"].terms[:3])
    assert names["password"].typical in world.texts


def test_most_messages_tell_the_language_of_the_name(world: Messages) -> None:
    english = [row for row, language in enumerate(world.languages) if language == "en"]
    others = [row for row, language in enumerate(world.languages) if language == "zh"][::4]
    some = world.pick(english + others)
    topics = list(ASKED)
    labels = np.array([topics.index(topic) for topic in some.topics])
    for naming in namings(some.texts, some.languages, some.vectors, labels):
        assert naming.name.replace("·", "").isascii()
        assert naming.typical.isascii()


def test_a_list_of_topics_speaks_the_language_of_most_messages(world: Messages) -> None:
    """A topic that is a third English is named in English where most is, one without in its own."""
    spoken = {"refund": ("en", "zh", "zh"), "password": ("en", "es", "es"), "delivery": ("zh",)}
    spoken["weather"] = ("en",) * 8
    some = world.pick([row for row, topic in enumerate(world.topics) for _ in spoken[topic]])
    languages = [language for topic in world.topics for language in spoken[topic]]
    texts = [
        ASKED[topic][language][0] for topic, language in zip(some.topics, languages, strict=True)
    ]
    topics = list(ASKED)
    labels = np.array([topics.index(topic) for topic in some.topics])
    names = dict(zip(topics, namings(texts, languages, some.vectors, labels), strict=True))
    for topic in ("refund", "password", "weather"):
        assert names[topic].name.replace("·", "").isascii(), names[topic]
        assert names[topic].typical.isascii()
    assert "包裹" in names["delivery"].name


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Perfect, that's exactly what I needed. Thanks!", "en", True),
        ("I've asked this three times. Terrible service.", "en", True),
        ("Parfait, merci infiniment, bonne soirée !", "fr", True),
        ("Genial, muchísimas gracias. ¡Buen día!", "es", True),
        ("非常感谢，周五愉快！", "zh", True),
        ("Thanks! Where is my card?", "en", False),
        ("Merci, et le remboursement ?", "fr", False),
        ("42", "en", False),
    ],
)
def test_courtesy_and_complaint_are_tone_and_subjects_are_not(
    text: str, language: str, expected: bool
) -> None:
    assert is_tone(text, language) is expected


def test_a_topic_of_tone_is_called_by_what_is_said() -> None:
    thanks = ["That's perfect, thank you!", "Brilliant, thanks a lot!", "Super, cheers for tonight"]
    cards = ["Thanks, where is my card?", "Great, my card is lost", "My card, please"]
    vectors = np.eye(6, 8, dtype=np.float32)
    labels = np.array([0, 0, 0, 1, 1, 1])
    tone, card = namings(thanks + cards, ["en"] * 6, vectors, labels)
    assert tone.tone and tone.name in thanks
    assert not card.tone and card.name.startswith("Card")


def test_terms_do_not_repeat_each_other(world: Messages) -> None:
    for naming in named(world, ["en", "fr", "es", "zh"]).values():
        stems = [stem(word) for term in naming.terms for word in term.split()]
        assert 0 < len(naming.terms) <= TERMS_MAX
        assert len(stems) == len(set(stems))


def test_no_two_topics_have_one_name(world: Messages) -> None:
    names = [naming.name for naming in named(world, ["en"]).values()]
    assert len(set(names)) == len(names)


def test_small_talk_is_called_by_what_is_said() -> None:
    texts = ["ok", "OK thanks", "yes", "ok!", "yes please"]
    vectors = np.eye(5, 8, dtype=np.float32)
    (naming,) = namings(texts, ["en"] * 5, vectors, np.zeros(5, dtype=np.int64))
    assert naming.name.lower() in {text.lower() for text in texts}


def test_code_addresses_and_masks_are_no_words() -> None:
    text = "fix ```import numpy``` at https://example.org/path for [EMAIL_ADDRESS] and a@b.example"
    assert set(terms_of(text, "en")) == {"fix"}


def test_japanese_and_thai_have_words_too() -> None:
    assert "天気" in set(terms_of("今日の天気はどうですか", "ja"))
    assert list(terms_of("อากาศ วันนี้", "th"))


def test_a_word_is_one_with_its_plural() -> None:
    assert stem("movie") == stem("movies")
    assert stem("refunds") == stem("refund")
    assert stem("verification") == stem("verify") == stem("verifying")


def test_a_theme_without_words_of_its_own_is_called_by_its_topics() -> None:
    spoken = frozenset({"music", "band", "film"})
    music = Naming("Music · band", ("感谢", "music", "band"), "Which music do you like?")
    talk = Naming("I see, yes", (), "i see, yes")
    film = Naming("Film", ("film",), "Have you seen that film?")
    thanks = Naming("感谢", ("感谢",), "非常感谢你们")
    wordless = Naming("That is super", (), "that is super", spoken=spoken)
    assert theme_name(wordless, [talk, film, thanks, music]) == "Film · music"
    assert theme_name(wordless, [talk, film]) == "That is super"
    assert theme_name(music, [film, music]) == "Music · band"
