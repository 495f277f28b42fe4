"""Reading a transcript: nothing said can become markup, and nothing is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from causerie.conversations import Kind, Message
from causerie.web.reading import TEXT_CHARS_SHOWN_MAX, TURNS_PER_PART, read

START = datetime(2026, 5, 20, 23, 50, tzinfo=UTC)


def say(text: str, minutes: float = 0, role: str = "user", **given: Any) -> Message:
    """A message some minutes after the start."""
    at = START + timedelta(minutes=minutes)
    return Message(id="m", position=0, at=at, role=role, text=text, **given)


class Words(HTMLParser):
    """The text of some HTML, and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.tags: set[str] = set()
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)


def html(text: str, sought: str = "") -> str:
    """How a page shows a text."""
    return str(read([say(text)], 1, sought).turns[0].html)


@given(st.text(alphabet=st.sampled_from("<>&\"'`*a\n =/"), max_size=60), st.text(max_size=3))
def test_no_text_becomes_markup_of_its_own(text: str, sought: str) -> None:
    assert Words(html(text, sought)).tags <= {"code", "b", "mark"}


@given(st.text(alphabet=st.characters(exclude_characters="`*\r", codec="utf-8"), max_size=80))
def test_plain_text_is_shown_letter_by_letter(text: str) -> None:
    assert Words(html(text)).text == text


def test_code_and_bold_are_shown_as_such() -> None:
    assert html("see `x < y` and **all of it**") == (
        "see <code>x &lt; y</code> and <b>all of it</b>"
    )
    assert html("a\n```python\nif x < 1:\n    **no**\n```\nb") == (
        'a\n<code class="block" tabindex="0">if x &lt; 1:\n    **no**</code>b'
    )
    assert html("```\nnever closed") == '<code class="block" tabindex="0">never closed</code>'


def test_masked_data_is_marked_also_within_bold() -> None:
    mark = '<mark class="masked" title="Masked personal data">email@example.com</mark>'
    assert html("to email@example.com") == f"to {mark}"
    assert html("to **email@example.com**") == f"to <b>{mark}</b>"


def test_masked_data_says_its_kind_and_whose_it_is_where_that_is_certain() -> None:
    def shown(*masked: str) -> str:
        text = "email@example.com, +1 000-000-0000"
        one = Message(
            id="e",
            position=0,
            at=datetime(2026, 5, 1, tzinfo=UTC),
            role="user",
            text=text,
            masked=masked,
        )
        return str(read([one], 1).turns[0].html)

    assert 'title="Masked personal data: email 3f9a"' in shown("email:3f9a", "email:3f9a")
    assert 'title="Masked personal data: email"' in shown("email:3f9a", "email:77aa")
    assert shown("email:3f9a").count('title="Masked personal data"') == 1


def test_what_was_searched_for_is_marked_whatever_its_case() -> None:
    assert html("My Card. (card)", "card") == "My <mark>Card</mark>. (<mark>card</mark>)"
    assert html("a.b axb", "a.b") == "<mark>a.b</mark> axb"


def test_pauses_and_days_show() -> None:
    turns = read([say("a"), say("b", 5), say("c", 25), say("d", 24), say("e", 300)], 1).turns
    assert [turn.pause for turn in turns] == [
        None,
        None,
        timedelta(minutes=20),
        None,
        timedelta(minutes=276),
    ]
    assert [turn.new_day for turn in turns] == [True, False, True, False, False]


def test_a_side_that_goes_on_is_named_once() -> None:
    talk = [say("a"), say("b"), say("c", role="assistant"), say("d", role="assistant", rating=1)]
    assert [turn.follows for turn in read(talk, 1).turns] == [False, True, False, False]


def test_an_unknown_role_is_neither_side() -> None:
    assert [turn.side for turn in read([say("a"), say("b", role="system")], 1).turns] == [
        "user",
        "other",
    ]


def test_every_turn_of_a_long_transcript_is_in_one_part() -> None:
    talk = [say(f"{index}", index / 10) for index in range(1580)]
    parts = [read(talk, number) for number in range(1, 5)]
    assert [len(part.turns) for part in parts] == [TURNS_PER_PART] * 3 + [380]
    assert [part.left for part in parts] == [1180, 780, 380, 0]
    numbers = [turn.number for part in parts for turn in part.turns]
    assert numbers == list(range(1, 1581))


def test_a_part_that_does_not_exist_is_the_last() -> None:
    assert read([say("a")], 99).number == 1
    assert read([], 1).turns == []


def test_a_huge_message_is_cut_and_says_so() -> None:
    turn = read([say("x" * (TEXT_CHARS_SHOWN_MAX + 1))], 1).turns[0]
    assert turn.cut
    assert len(turn.html) == TEXT_CHARS_SHOWN_MAX


def test_a_tools_input_is_laid_out_and_broken_json_is_kept() -> None:
    def shown(text: str) -> str:
        return read([say("", kind=Kind.TOOL, input=text)], 1).turns[0].input

    assert shown('{"a":[1]}') == '{\n  "a": [\n    1\n  ]\n}'
    assert shown("{not json") == "{not json"
