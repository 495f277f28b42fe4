"""Letters: one form for what is one word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from causerie.letters import folded, stands_alone, without_accents


@given(st.text())
def test_a_folded_text_stays_as_it_is(text: str) -> None:
    # A few letters fold to others that fold again; what was compared once is compared alike.
    once = folded(text)
    assert folded(folded(once)) == folded(once)
    assert without_accents(without_accents(once)) == without_accents(once)


@given(st.text(min_size=1), st.data())
def test_every_part_of_every_text_can_be_asked_about(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert stands_alone(text, start, end) in (True, False)


def test_marks_that_make_another_letter_stay() -> None:
    assert without_accents(folded("Crème BRÛLÉE")) == "creme brulee"
    for word in ("мой", "が", "กำ", "हिन्दी"):
        assert without_accents(folded(word)) == folded(word)
