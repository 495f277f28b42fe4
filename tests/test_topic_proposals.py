"""Topics from one sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.errors import Invalid
from causerie.topic_changes import checked_definition
from causerie.topic_proposals import NAME_CHARS, propose
from causerie.topics import TopicKind, checked_name
from causerie.web.topic_forms import (
    KINDS,
    Match,
    Trial,
    definition_of,
    fields_proposed,
    kind_of,
    nearer,
)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ('Messages with "refund" or "money back"', ("refund", "money back")),
        ("contains “late” and “late”", ("late",)),
        ("die mit „Rückgabe“ oder „Umtausch“", ("Rückgabe", "Umtausch")),
        ("les messages avec « remboursement »", ("remboursement",)),
        ("mensajes con «reembolso»", ("reembolso",)),
        ("包含“退款”或「退货」的消息", ("退款", "退货")),
        ("says 'cancel' somewhere", ("cancel",)),
    ],
)
def test_what_is_quoted_becomes_words(sentence: str, words: tuple[str, ...]) -> None:
    found = propose(sentence)
    assert (found.kind, found.words) == (TopicKind.KEYWORD, words)
    assert found.name == ", ".join(words)


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("People who ask where their parcel is", "Where their parcel is"),
        ("users complaining that the app is slow", "The app is slow"),
        ("messages about card delivery.", "Card delivery"),
        ("It doesn't work and they don't know why", "It doesn't work and they don't know why"),
        ("Les utilisateurs qui veulent résilier", "Veulent résilier"),
        ("mensajes sobre la tarjeta", "La tarjeta"),
        ("用户想要取消订阅", "用户想要取消订阅"),
        ("用户问卡在哪里", "卡在哪里"),
    ],
)
def test_anything_else_becomes_a_meaning(sentence: str, name: str) -> None:
    found = propose(sentence)
    assert (found.kind, found.words, found.name) == (TopicKind.SEMANTIC, (), name)


def test_a_question_becomes_one() -> None:
    assert propose("People who ask where their parcel is.").example == "where their parcel is?"
    assert propose("Les clients qui demandent où est leur colis").example == "où est leur colis?"
    assert propose("messages about card delivery").example == "card delivery"


def test_a_closeness_is_proposed_where_the_model_s_own_finds_nothing() -> None:
    def trial(total: int, *cosines: float) -> Trial:
        return Trial([], [Match("", cosine, "", "", "") for cosine in cosines], total, 9, 0.6)

    assert nearer(trial(0, 0.52, 0.3)) == "0.48"
    assert nearer(trial(0, 0.3)) == nearer(trial(0)) == nearer(trial(2, 0.52)) == ""
    assert nearer(Trial([], [], 0, 9)) == ""


@given(st.text(max_size=700))
def test_whatever_is_proposed_can_be_kept(sentence: str) -> None:
    sentence = sentence.replace("\0", "")
    if not sentence.strip():
        return
    fields = fields_proposed(propose(sentence))
    kind = kind_of(fields)
    assert 0 < len(checked_name(fields["name"])) <= NAME_CHARS
    try:
        checked_definition(kind, definition_of(fields, kind))
    except Invalid:
        # Words of which nothing can be seen; what they say stands under the other kinds.
        assert kind is TopicKind.KEYWORD
    for other in KINDS[1:]:
        checked_definition(other, definition_of(fields, other))
