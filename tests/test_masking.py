"""What a project may say counts as personal data."""

from __future__ import annotations

import pytest

from causerie.errors import Invalid
from causerie.masking import PATTERNS_MAX, Masking, OwnPattern, check_masking
from causerie.privacy import ALL_KINDS, filter_of


def masked(text: str, *patterns: OwnPattern, **given: object) -> str:
    # Fields of many types in one dictionary.
    rules = check_masking(Masking(patterns=patterns, **given), ALL_KINDS)  # type: ignore[arg-type]
    return filter_of(rules).mask(text).text


def test_a_projects_patterns_come_first_and_leave_their_replacement() -> None:
    employee = OwnPattern(name="employee", expression=r"EMP-\d{6}")
    code = OwnPattern(name="codename", words=("Blue Heron", "猎鹰"), replacement="(a project)")
    text = "EMP-123456 tells ada@example.org of BLUE  heron, 项目猎鹰的, heronry"
    assert masked(text, employee, code) == (
        "[employee] tells email@example.com of (a project), 项目(a project)的, heronry"
    )


def test_masking_twice_changes_nothing_even_where_a_replacement_fits_its_pattern() -> None:
    number = OwnPattern(name="number", expression=r"N\d+", replacement="N0")
    once = masked("xN17 and N0", number)
    assert once == "xN0 and N0"
    assert masked(once, number) == once


def test_kinds_can_be_left_alone() -> None:
    text = "203.0.113.7 ada@example.org"
    assert masked(text, off=("ip",)) == "203.0.113.7 email@example.com"


def test_the_same_rules_share_a_filter() -> None:
    assert filter_of(Masking(off=("ip",))) is filter_of(Masking(off=("ip",)))


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (OwnPattern(name="Employee", expression="x1"), "small letters"),
        (OwnPattern(name="email", expression="x1"), "built in"),
        (OwnPattern(name="name", expression="x1"), "built in"),
        (OwnPattern(name="both", expression="x1", words=("word",)), "one of both"),
        (OwnPattern(name="none"), "one of both"),
        (OwnPattern(name="quoted", expression="x1", replacement='"'), "no quotes"),
        (OwnPattern(name="long", expression="x1", replacement="x" * 41), "1 to 40"),
        (OwnPattern(name="short", words=("a",)), "2 to 80"),
        (OwnPattern(name="slow", expression="(a+)+b"), "slow: .*too many ways"),
    ],
)
def test_a_pattern_that_will_not_do_is_refused(pattern: OwnPattern, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        check_masking(Masking(patterns=(pattern,)), ALL_KINDS)


def test_there_are_not_too_many_nor_two_of_a_name_nor_unknown_kinds() -> None:
    many = tuple(OwnPattern(name=f"p{n}", expression="x1") for n in range(PATTERNS_MAX + 1))
    with pytest.raises(Invalid, match="at most"):
        check_masking(Masking(patterns=many), ALL_KINDS)
    with pytest.raises(Invalid, match="two patterns are called p0"):
        check_masking(Masking(patterns=(many[0], many[0])), ALL_KINDS)
    with pytest.raises(Invalid, match="no such kind"):
        check_masking(Masking(off=("shoe_size",)), ALL_KINDS)
