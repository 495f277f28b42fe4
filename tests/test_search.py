"""Search by words and by meaning, on both engines; what a person types; and those alike."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.reports import Question, Reports
from causerie.search import ALIKE_MIN, COSINE_MIN, Search, Vector, fuse
from causerie.search_words import WORDS_MAX, pattern, plain, wanted
from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS, MEANINGS, MESSAGES
from tests.kept_rows import put

START = datetime(2026, 5, 1, tzinfo=UTC)
TALKS: dict[str, list[tuple[str, str]]] = {
    "cafe": [("user", "Où est le CAFÉ crème?"), ("assistant", "Au coin de la rue.")],
    "card": [("user", "My card is lost"), ("assistant", "I block the card, and send a new one.")],
    "cards": [("user", "How many postcards may I send? I have very many of them to post.")],
    "late": [("user", "The parcel is late"), ("assistant", "The refund policy is on our page.")],
    "refund": [("user", "I want my refund now, please")],
    "zh": [("user", "我的卡在哪里？")],
    "es": [("user", "¿Dónde está mi tarjeta?")],
}
VECTORS = {
    "card": (100, 0, 0),
    "es": (90, 40, 0),
    "refund": (0, 100, 0),
    "late": (0, 80, 60),
    "zh": (95, 0, 30),
}
Say = dict[str, Any]


@pytest.fixture(scope="module")
def kept() -> set[int]:
    """The engines that have the world."""
    return set()


@pytest.fixture
def question(events: EventStore, kept: set[int]) -> Question:
    project = f"search-{id(events)}"
    if id(events) not in kept:
        kept.add(id(events))
        keep(events, project)
        keep(events, f"{project}-other")
    return Question(project, START, START + timedelta(days=9), tenant=None)


@pytest.fixture
def search(events: EventStore) -> Search:
    return Search(events, Reports(events))


def keep(events: EventStore, project: str) -> None:
    """Writes the conversations, what was said in them, and vectors, some of them twice."""
    for number, (id, said) in enumerate(TALKS.items()):
        about = {"project": project, "tenant": "acme" if id == "es" else ""}
        at = START + timedelta(days=number)
        row = {"id": id, "started_at": at, "ended_at": at, "language": id if id == "es" else "en"}
        put(events, CONVERSATIONS, [{**about, **row}])
        of = {**about, "conversation": id, "at": at}
        messages = [
            {
                "position": place,
                "id": f"{id}-{place}",
                "kind": "message",
                "role": role,
                "text": text,
            }
            for place, (role, text) in enumerate(said)
        ]
        put(events, MESSAGES, [{**of, **message} for message in messages])
        if id in VECTORS:
            vector = bytes(number % 256 for number in VECTORS[id])
            meant = {"position": 0, "message": f"{id}-0", "role": "user", "model": "toy"}
            for version in (1, 2):
                put(events, MEANINGS, [{**of, **meant, "vector": vector, "version": version}])


def found(search: Search, question: Question, text: str) -> list[str]:
    """The ids of what has the words, the best first."""
    return [one.key[1] for one in search.find(question, wanted(text), None).found]


# ---- what a person types -----------------------------------------------------------------------


def test_words_phrases_and_what_is_left_out() -> None:
    one = wanted('card  "lost  today" -refund -"no way" «à la carte» “x y” - --')
    assert one.words == ("card", "lost today", "à la carte", "x y", "-")
    assert one.without == ("refund", "no way", "-")
    assert wanted('"never closed').words == ("never closed",)
    assert wanted("well-known e-mail").words == ("well-known", "e-mail")
    assert wanted("").words == wanted(' "" ').words == ()
    assert len(wanted(" ".join(map(str, range(99)))).words) == WORDS_MAX


@given(st.text())
def test_any_text_is_an_expression_that_finds_itself(text: str) -> None:
    one = wanted(text)
    for word, expression in zip(one.words, one.patterns, strict=True):
        assert re.search(expression, word)
    re.compile(one.mark)


@pytest.mark.parametrize(
    ("word", "text"),
    [("cafe", "CAFÉ"), ("CAFÉ", "cafe"), ("naive", "naïve"), ("ёж", "ЕЖ"), ("Ώρα", "ωρα")],
)
def test_case_and_accents_are_the_same(word: str, text: str) -> None:
    assert re.fullmatch("(?i)" + pattern(word), text)
    assert plain(word) == plain(text)


# ---- by words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("cafe", {"cafe"}),
        ("CREME café", {"cafe"}),
        ("card", {"card", "cards"}),
        ("card lost", {"card"}),
        # One says the one word, the other the other.
        ("parcel refund", {"late"}),
        ("refund", {"late", "refund"}),
        ("refund -parcel", {"refund"}),
        ('"refund policy"', {"late"}),
        ('"policy refund"', set()),
        ("卡在", {"zh"}),
        ("donde esta", {"es"}),
        ("100%", set()),
        (".*", set()),
        ("-card", set()),
    ],
)
def test_words_find_what_says_them(
    search: Search, events: EventStore, question: Question, text: str, ids: set[str]
) -> None:
    assert set(found(search, question, text)) == ids
    if wanted(text).words:
        # The filter of the same words finds the same conversations.
        rows = Reports(events).conversations(replace(question, text=text)).rows
        assert {row.id for row in rows} == ids


def test_whole_words_and_short_messages_come_first(search: Search, question: Question) -> None:
    assert found(search, question, "card") == ["card", "cards"]
    assert found(search, question, "refund") == ["refund", "late"]


def test_the_message_that_says_it_is_named(search: Search, question: Question) -> None:
    findings = search.find(question, wanted("policy"), None)
    (one,) = findings.found
    assert (one.message, one.by_words, one.cosine) == ("late-1", True, None)
    assert (findings.by_words, findings.by_meaning) == (1, 0)
    (hit,) = search.hits(question, findings.found)
    assert (hit.row.id, hit.text) == ("late", "The refund policy is on our page.")


def test_filters_hold_for_what_is_found(search: Search, question: Question) -> None:
    assert found(search, replace(question, tenant=""), "tarjeta") == []
    later = replace(question, since=START + timedelta(days=2))
    assert found(search, later, "card") == ["cards"]
    assert found(search, replace(question, text="parcel"), "refund") == ["late"]


# ---- by meaning --------------------------------------------------------------------------------


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    def length(numbers: Sequence[float]) -> float:
        return math.sqrt(sum(number**2 for number in numbers))

    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / (length(one) * length(other))


@pytest.mark.parametrize("seed", range(4))
def test_meaning_finds_the_nearest_in_order(search: Search, question: Question, seed: int) -> None:
    draw = random.Random(seed)
    asked = tuple(draw.random() for _ in range(3))
    plainly = {id: cosine(asked, vector) for id, vector in VECTORS.items()}
    expected = [
        id for id in sorted(plainly, key=lambda id: -plainly[id]) if plainly[id] >= COSINE_MIN
    ]
    findings = search.find(question, wanted("nothing says this"), Vector("toy", asked))
    assert [one.key[1] for one in findings.found] == expected
    for one in findings.found:
        assert one.cosine == pytest.approx(plainly[one.key[1]], abs=1e-5)
        assert not one.by_words and one.message == f"{one.key[1]}-0"


def test_what_another_model_says_is_not_compared(search: Search, question: Question) -> None:
    assert search.models(question.project) == ["toy"]
    for vector in (Vector("other", (1.0, 0.0, 0.0)), Vector("toy", (1.0, 0.0))):
        assert search.find(question, wanted("x"), vector).found == []


def test_words_and_meaning_are_put_together(search: Search, question: Question) -> None:
    findings = search.find(question, wanted("tarjeta"), Vector("toy", (100.0, 40.0, 0.0)))
    first = findings.found[0]
    assert (first.key, first.by_words) == (("acme", "es"), True) and first.cosine is not None
    assert {one.key[1] for one in findings.found[1:]} == {"card", "zh"}
    left_out = search.find(question, wanted("tarjeta -lost"), Vector("toy", (100.0, 40.0, 0.0)))
    assert "card" not in {one.key[1] for one in left_out.found}


def test_what_both_ways_find_goes_before_what_one_finds_better() -> None:
    words = [{"tenant": "", "conversation": id, "message": "m"} for id in "abc"]
    meaning = [{"tenant": "", "conversation": id, "nearest": "n", "best": 0.9} for id in "xyc"]
    fused = fuse(words, meaning)
    assert "".join(one.key[1] for one in fused) == "caxby"
    assert (fused[0].message, fused[0].by_words, fused[0].cosine) == ("m", True, 0.9)


def test_conversations_alike_are_the_nearest_others(search: Search, question: Question) -> None:
    alike = search.alike(question, ("", "card"), 5)
    assert [row.id for row, _ in alike] == ["zh", "es"]
    assert alike[0][1] == pytest.approx(cosine(VECTORS["card"], VECTORS["zh"]), abs=1e-5)
    assert all(best >= ALIKE_MIN for _, best in alike)
    assert [row.id for row, _ in search.alike(question, ("acme", "es"), 1)] == ["card"]
    assert search.alike(question, ("", "cafe"), 5) == []
    assert [row.id for row, _ in search.alike(replace(question, tenant=""), ("", "card"), 5)] == [
        "zh"
    ]
