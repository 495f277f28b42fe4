"""Names of topics: the words of their messages, in their messages' language."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from causerie.embeddings import UniversalSentenceEncoder
from causerie.topic_names import TERMS_MAX, Naming, namings, theme_name
from causerie.topic_words import stem, terms_of
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
    music = Naming("Music · band", ("music", "band"), "Which music do you like?")
    talk = Naming("I see, yes", (), "i see, yes")
    film = Naming("Film", ("film",), "Have you seen that film?")
    wordless = Naming("That is super", (), "that is super")
    assert theme_name(wordless, [talk, film, music]) == "Film · music"
    assert theme_name(wordless, [talk, film]) == "That is super"
    assert theme_name(music, [film, music]) == "Music · band"
