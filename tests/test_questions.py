"""Questions in addresses: what is understood, what falls back, and the links that keep filters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from causerie.conditions import Range
from causerie.topic_trees import TopicTree
from causerie.web.filters import (
    FILTER_CHARS_MAX,
    FILTERS_MAX,
    METADATA_FILTERS_MAX,
    ORDER,
    pack,
    unpack,
)
from causerie.web.questions import Asked, Reach, parse
from tests.understood import found_topic

NOW = datetime(2026, 5, 20, 9, 30, tzinfo=UTC)
MINUTE = NOW + timedelta(minutes=1)
PARAMETERS = (
    *("days", "since", "until", "period", "user", "model", "tenant", "meta", "key", "value"),
    *("sort", "page", "other", "add", "is", "add_value", "messages_from", "cost_to", *ORDER),
)
SORTS = ("newest", "oldest")
TREE = TopicTree(
    [found_topic("mine", "post", "Post"), found_topic("mine", "late", "Late parcels", "post")]
)


def ask(query: str, reach: Reach | None = None) -> Asked:
    """What a page understands of a query, at half past nine."""
    return parse("mine", QueryParams(query), NOW, lambda: reach, sorts=SORTS, tree=TREE)


def parameters(query: str) -> list[tuple[str, str]]:
    """The parameters of a link."""
    assert query == "" or query.startswith("?")
    return parse_qsl(query[1:], keep_blank_values=True)


def test_nothing_asked_means_30_days_with_today() -> None:
    asked = ask("")
    assert asked.question.since == datetime(2026, 4, 21, tzinfo=UTC)
    assert asked.question.until == MINUTE
    assert asked.question.tenant is None
    assert (asked.days, asked.carry, asked.notices) == ("30", "", ())


@pytest.mark.parametrize(("days", "first"), [("7", "2026-05-14"), ("90", "2026-02-20")])
def test_a_preset_counts_today(days: str, first: str) -> None:
    asked = ask(f"days={days}")
    assert asked.question.since.date().isoformat() == first
    assert asked.carry == f"?days={days}"


def test_own_days_are_both_included() -> None:
    asked = ask("since=2026-03-01&until=2026-03-31&days=7")
    assert asked.question.since == datetime(2026, 3, 1, tzinfo=UTC)
    assert asked.question.until == datetime(2026, 4, 1, tzinfo=UTC)
    assert asked.when == "from 1 March 2026 to 31 March 2026"
    assert asked.carry == "?since=2026-03-01&until=2026-03-31"


def test_a_span_never_ends_after_this_minute() -> None:
    assert ask("since=2026-05-01&until=2026-06-30").question.until == MINUTE


def test_all_time_is_what_the_project_has() -> None:
    reach = (datetime(2018, 4, 10, 7, tzinfo=UTC), datetime(2023, 4, 1, 23, tzinfo=UTC))
    asked = ask("days=all", reach)
    assert asked.question.since == datetime(2018, 4, 10, tzinfo=UTC)
    assert asked.question.until == datetime(2023, 4, 2, tzinfo=UTC)
    assert asked.question.period == "month"
    assert not asked.compares


def test_all_time_of_an_empty_project_is_today() -> None:
    assert ask("days=all").question.since == datetime(2026, 5, 20, tzinfo=UTC)


def test_swapped_days_are_put_right_and_said() -> None:
    asked = ask("since=2026-03-31&until=2026-03-01")
    assert asked.question.since.date().isoformat() == "2026-03-01"
    assert len(asked.notices) == 1


@pytest.mark.parametrize(
    "query",
    [
        "days=8",
        "since=yesterday&until=2026-03-01",
        "until=0001-01-01",
        "since=2030-01-01&until=2030-02-01",
        "period=hour",
        "sort=random",
        "rating=good",
        "language=klingon",
        "mood=blue",
        "topic=never",
        "signal=smoke",
        "meta=nocolon",
        "meta=:value",
        "meta=a:b%00c",
        "user=a%00b",
        "text=%00",
        "messages=many",
        "messages=2.5-3",
        "messages=-",
        "hours=9-25",
        "minutes=1e5-",
        "cost_from=free",
        "masked=maybe",
        "feedback=good",
        "failed=1",
        "not_language=klingon",
        "event_meta=nocolon",
        "&".join(f"user=u{index}" for index in range(FILTERS_MAX + 1)),
        "page=0",
        "page=-1",
        "page=two",
        "page=²",
        f"user={'u' * 5000}",
        f"meta=key:{'v' * 5000}",
        "since=2020-01-01&until=2026-01-01&period=day",
        "&".join(f"meta=key{index}:v" for index in range(METADATA_FILTERS_MAX + 1)),
    ],
)
def test_what_cannot_be_understood_falls_back_and_is_said(query: str) -> None:
    asked = ask(query)
    assert len(asked.notices) == 1
    assert asked.question.since < asked.question.until <= MINUTE
    assert len(asked.question.user) <= FILTER_CHARS_MAX
    assert len(asked.question.metadata) <= METADATA_FILTERS_MAX
    assert asked.question.page == 1
    assert "\0" not in f"{asked.question}"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PARAMETERS),
            st.one_of(st.text(), st.dates().map(str), st.sampled_from(["all", "7", "", "day"])),
        )
    )
)
def test_any_address_is_a_question(pairs: list[tuple[str, str]]) -> None:
    asked = parse("mine", QueryParams(pairs), NOW, lambda: None, sorts=SORTS)
    assert asked.question.since < asked.question.until <= MINUTE
    again = parse("mine", QueryParams(asked.query()[1:]), NOW, lambda: None, sorts=SORTS)
    assert again.question.parameters() == {**asked.question.parameters(), "offset": 0}
    assert again.notices == ()


def test_every_filter_reaches_the_question() -> None:
    question = ask(
        "user=ana&model=gpt&tenant=acme&meta=plan:free&meta=app:ios&rating=down&text=card&page=3"
    ).question
    assert (question.user, question.model, question.tenant) == ("ana", "gpt", "acme")
    assert question.metadata == (("plan", "free"), ("app", "ios"))
    assert (question.rating, question.text, question.page) == ("down", "card", 3)


def test_a_form_without_a_tenant_asks_for_any_and_a_choice_for_none() -> None:
    assert ask("tenant=").question.tenant is None
    assert ask("tenant=(none)").question.tenant == ""


def test_a_forms_key_and_value_become_one_parameter() -> None:
    asked = ask("meta=plan:free&key=app&value=ios")
    assert asked.question.metadata == (("plan", "free"), ("app", "ios"))
    assert parameters(asked.carry) == [("meta", "plan:free"), ("meta", "app:ios")]


@pytest.mark.parametrize("key", ["plan", "a:b", "50%", "a%3Ab", "日本"])
def test_any_metadata_key_survives_its_parameter(key: str) -> None:
    assert unpack(pack(key, "x:y")) == (key, "x:y")


def test_a_link_keeps_what_it_does_not_change() -> None:
    asked = ask("days=7&user=ana&sort=oldest&period=week&page=4")
    assert parameters(asked.query(rating="up")) == [
        ("days", "7"),
        ("user", "ana"),
        ("period", "week"),
        ("sort", "oldest"),
        ("rating", "up"),
    ]
    assert asked.query(user="", days="", sort="", period="") == ""


def test_another_time_takes_the_place_of_the_one_before() -> None:
    asked = ask("since=2026-03-01&until=2026-03-31&user=ana")
    assert asked.query(days="7") == "?user=ana&days=7"


def test_a_door_keeps_filters_but_not_the_order_of_another_page() -> None:
    asked = ask("days=7&user=ana&sort=oldest&period=week")
    assert asked.door(rating="up") == "?days=7&user=ana&rating=up"
    assert asked.query_with("plan", "free") == "?days=7&user=ana&meta=plan:free"


def test_a_bucket_is_a_door_to_its_days() -> None:
    start = NOW.date() - timedelta(days=6)
    door = ask("days=90&user=ana").query_between(start, start + timedelta(days=7))
    assert door == "?user=ana&since=2026-05-14&until=2026-05-20"


def test_a_chip_removes_itself_alone() -> None:
    asked = ask("days=7&meta=plan:free&meta=app:ios&rating=down&tenant=(none)")
    words = [f"{chip.words} {chip.value}".strip() for chip in asked.chips()]
    assert words == ["without a tenant", "with plan free", "with app ios", "rated down"]
    without = parameters(asked.chips()[1].without)
    assert without == [
        ("days", "7"),
        ("tenant", "(none)"),
        ("meta", "app:ios"),
        ("rating", "down"),
    ]


def test_a_form_sends_along_what_it_does_not_show() -> None:
    asked = ask("days=7&user=ana&meta=plan:free&page=2")
    assert asked.hidden("user") == (("days", "7"), ("meta", "plan:free"))


@pytest.mark.parametrize(
    ("query", "period"), [("days=30", "day"), ("days=90", "week"), ("days=365", "week")]
)
def test_the_period_fits_the_span(query: str, period: str) -> None:
    assert ask(query).question.period == period


def test_what_is_understood_can_be_asked_for() -> None:
    question = ask("language=fr&mood=negative&topic=post&signal=gave_up").question
    assert (question.language, question.mood, question.signal) == ("fr", "negative", "gave_up")
    assert question.topics == ("post", "late")
    assert ask("topic=(none)").question.topics == ("",)


def test_its_chips_are_words() -> None:
    asked = ask("topic=late&language=fr&mood=down&signal=reasked")
    words = [f"{chip.words} {chip.value}".strip() for chip in asked.chips()]
    assert words == ["in French", "with a falling mood", "about Late parcels", "asked again"]
    assert ask("topic=(none)").chips()[0].value == "no topic"


def test_several_values_of_one_filter_are_any_of_them() -> None:
    asked = ask("model=a&model=b&topic=post&topic=(none)&meta=plan:free&meta=plan:plus")
    assert (asked.question.model, asked.question.conditions.models) == ("", ("a", "b"))
    assert asked.question.topics == ("post", "late", "")
    words = [f"{chip.words} {chip.value}" for chip in asked.chips()]
    assert words == [
        *("answered by a", "or b", "with plan free", "or plus", "about Post", "or no topic"),
    ]
    one = parameters(asked.chips()[0].without)
    assert ("model", "b") in one and ("model", "a") not in one


def test_what_is_left_out_reads_as_such() -> None:
    asked = ask(
        "not_topic=post&not_language=fr&not_model=m&not_user=ana&not_meta=plan:free"
        "&not_event=Checkout&not_signal=thanked"
    )
    conditions = asked.question.conditions
    assert conditions.without_topics == ("post", "late")
    assert conditions.without_metadata == (("plan", "free"),)
    assert [f"{chip.words} {chip.value}" for chip in asked.chips()] == [
        *("not by ana", "not answered by m", "without plan free", "not in French"),
        *("not about Post", "except where said thanks", "without event Checkout"),
    ]


def test_rarer_filters_read_as_a_sentence() -> None:
    asked = ask(
        "event=Checkout&event_meta=size:xl&feedback_says=slow&masked=yes&failed=no&source=log"
        "&endpoint=ep-a&messages=3-10&minutes=-2.5&hours=22-6&cost=0.10-"
    )
    conditions = asked.question.conditions
    assert (conditions.feedback, conditions.feedback_text) == ("says", "slow")
    assert conditions.messages == Range(3, 10)
    assert conditions.seconds == Range(None, 150)
    assert conditions.hours == Range(22, 6)
    assert conditions.cost == Range(0.1, None)
    assert " ".join(f"{chip.words} {chip.value}".strip() for chip in asked.chips()) == (
        "with event Checkout with an event whose size xl whose feedback says “slow”"
        " with masked personal data without a call that failed logged by log"
        " through endpoint ep-a Messages 3 to 10 Minutes long at most 2.5"
        " begun from 22 to 6 o’clock Cost at least 0.1"
    )


def test_a_form_becomes_the_same_address() -> None:
    asked = ask(
        "key=plan&value=free&add=language&is=not&add_value=french&messages_from=3&messages_to=&cost_to=2"
    )
    assert asked.carry == "?meta=plan:free&not_language=fr&messages=3-&cost=-2"
    assert ask("add=topic&add_value=late PARCELS").carry == "?topic=late"
    assert ask("add=event_meta&add_value=size=xl").carry == "?event_meta=size:xl"
    assert ask("add=signal&is=not&add_value=Gave up").carry == "?not_signal=gave_up"
    assert ask("add=password&add_value=x").carry == ""
    assert ask("rating=positive").question.rating == "up"


def test_a_form_keeps_the_values_that_it_does_not_show() -> None:
    asked = ask("model=a&model=b&not_user=ana&rating=up")
    assert asked.first["model"] == "a"
    assert asked.hidden("model", "user", "rating") == (("not_user", "ana"), ("model", "b"))
