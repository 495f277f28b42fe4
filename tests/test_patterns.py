"""Expressions that people write: what is taken, what is refused, and that all of them end."""

from __future__ import annotations

import pytest

from causerie.errors import Invalid
from causerie.patterns import EXPRESSION_CHARS_MAX, REPEAT_MAX, compiled


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        (r"EMP-\d{6}", "EMP-123456!", "EMP-123456"),
        (r"(?i)customer(?: no\.?)? \d{4,}", "Customer no. 12345", "Customer no. 12345"),
        (r"\w+@corp", "ada@corp", "ada@corp"),
        (r"客户\d+号", "客户77号", "客户77号"),
        (r"[+*]\d+", "*12", "*12"),
        (r"[a-z]*+9", "abc9", "abc9"),
        (r"\+\d+?x", "+12x", "+12x"),
        (r"(?:\d\d-)+x", "12-34-x", "12-34-x"),
        (r"[]+]{2}", "]+", "]+"),
    ],
)
def test_a_plain_expression_finds_what_it_says(expression: str, text: str, found: str) -> None:
    match = compiled(expression).search(text)
    assert match is not None and match.group() == found


@pytest.mark.parametrize(
    "expression",
    [
        r"(a+)+$",
        r"(a|a)*b",
        r"(a|aa)+b",
        r"(\w+\s?)*x",
        r"(a?){50}a{50}",
        r"a*a*a*b",
        r".*foo.*bar",
        r"(x+x+)+y",
        r"(?:a{1,30}){30}",
        r"([a-z]+)*A",
        r"\d+\s*\d+",
        r"(?i)[a-z]+[A-Z]+[a-z]+9",
    ],
)
def test_what_can_be_read_in_too_many_ways_is_refused(expression: str) -> None:
    with pytest.raises(Invalid, match="too many ways"):
        compiled(expression)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "characters"),
        ("a" * (EXPRESSION_CHARS_MAX + 1), "characters"),
        ("[", "no regular expression"),
        ("(?x)a b", "comments"),
        (r"(x)\1", "reference back"),
        (r"(?<=a)b", "ahead or behind"),
        (r"a(?!b)", "ahead or behind"),
        (r"(a)?(?(1)b|c)", "condition"),
        ("a*", "empty text"),
        ("a{60000}", "at most"),
    ],
)
def test_what_is_outside_the_subset_is_refused_with_its_reason(
    expression: str, reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        compiled(expression)


def test_an_unbounded_repeat_has_an_end() -> None:
    match = compiled(r"x\d+").search("x" + "7" * 500)
    assert match is not None and len(match.group()) == REPEAT_MAX + 1


@pytest.mark.parametrize("expression", [r"\w+@\w+", ".*foo", r"(?:\d{2,4}[ -]?){3}x", r"\w+\.\w+@"])
@pytest.mark.parametrize("piece", ["a", "7", "a.", "1 ", "a@", "fo"])
def test_a_taken_expression_reads_a_hostile_text_to_its_end(expression: str, piece: str) -> None:
    compiled(expression).findall(piece * 20_000)
