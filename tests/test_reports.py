"""Every report on a small world worked out by hand, embedded and over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from causerie.accounts import Project
from causerie.buckets import bucket_start, bucket_starts
from causerie.conversations import Conversation, Message
from causerie.delivery import Delivery
from causerie.ingest import How, Ingest, Submission
from causerie.privacy import PersonalDataFilter
from causerie.reports import Question, Reports, default_since
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.testing import Ticking

NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """One conversation of the world: when, by whom, what, and the thumbs on the answers."""

    id: str
    days_ago: float
    user: str
    texts: tuple[str, ...]
    thumbs: tuple[int, ...] = ()
    tenant: str = ""
    model: str = "small"
    plan: str = "free"


WORLD = (
    Said("a", 0, "ana", ("Where is my card?", "On its way."), (1,)),
    Said("b", 0, "ana", ("Still no card", "Sorry", "When?", "Tomorrow"), (-1, -1), plan="plus"),
    Said("c", 1, "ben", ("¿Dónde está mi tarjeta?", "En camino"), model="large"),
    Said("d", 3, "", ("我的卡在哪里？", "在路上"), (1,)),
    Said("e", 3, "cyd", ("hello",), tenant="acme"),
    Said("f", 9, "ana", ("An old CARD question", "An old answer"), (1,), plan="plus"),
    Said("g", 40, "dan", ("long ago", "yes"), (-1,)),
)


@pytest.fixture(scope="module")
def worlds() -> dict[int, str]:
    """The project of the world in each analytics store, once it has been made."""
    return {}


@pytest.fixture
def reports(events: EventStore, sqlite_engine: Engine, worlds: dict[int, str]) -> Reports:
    if id(events) not in worlds:
        worlds[id(events)] = f"world-{id(events)}"
        make(events, Inbox(sqlite_engine), worlds[id(events)])
    return Reports(events)


def make(events: EventStore, inbox: Inbox, project_id: str) -> None:
    """Puts the world through the write path."""
    project = Project(id=project_id, name="W", created_at=NOON, salt=b"salt")
    steps = Ingest(PersonalDataFilter())
    for said in WORLD:
        submission = Submission(project, How.THREAD, conversation(said), said.id, NOON)
        inbox.take([steps.prepare(submission)[0]], NOON)
    Delivery(inbox, events, "test", Ticking(NOON), 1).drain()


def conversation(said: Said) -> Conversation:
    at = NOON - timedelta(days=said.days_ago, minutes=10)
    thumbs = iter(said.thumbs)
    messages = [
        Message(
            id="",
            position=0,
            at=at + timedelta(seconds=index),
            text=text,
            role=("user", "assistant")[index % 2],
            rating=next(thumbs, 0) if index % 2 else 0,
        )
        for index, text in enumerate(said.texts)
    ]
    about = {"user_id": said.user, "model": said.model, "plan": said.plan}
    metadata = {key: value for key, value in about.items() if value}
    return Conversation(id=said.id, tenant=said.tenant, metadata=metadata, messages=messages)


@pytest.fixture
def week(events: EventStore, reports: Reports, worlds: dict[int, str]) -> Question:
    """The last seven days of every tenant."""
    return Question(worlds[id(events)], default_since(NOON), NOON, tenant=None)


def ids(reports: Reports, question: Question, **changed: Any) -> str:
    """The ids of a page of conversations, in order, as one word."""
    return "".join(row.id for row in reports.conversations(replace(question, **changed)).rows)


def test_totals_count_what_began_within_the_span(reports: Reports, week: Question) -> None:
    totals = reports.totals(week)
    assert (totals.conversations, totals.messages, totals.user_messages) == (5, 11, 6)
    assert (totals.users, totals.thumbs_up, totals.thumbs_down) == (3, 2, 2)
    assert totals.rating == 0 and totals.sentiment is None
    long = reports.totals(replace(week, since=NOON - timedelta(days=50)))
    assert (long.conversations, long.users, long.thumbs_up, long.thumbs_down) == (7, 4, 3, 3)


def test_the_span_includes_its_start_and_not_its_end(reports: Reports, week: Question) -> None:
    began = NOON - timedelta(minutes=10)
    assert set(ids(reports, week, since=began)) == {"a", "b"}
    assert set(ids(reports, week, since=began + timedelta(microseconds=1))) == set()
    assert "a" not in ids(reports, week, until=began)
    assert "a" in ids(reports, week, until=began + timedelta(microseconds=1))


def test_a_series_has_every_bucket_and_adds_up(reports: Reports, week: Question) -> None:
    series = reports.series(week)
    counts = {bucket.start: bucket.totals.conversations for bucket in series}
    assert counts == {
        date(2026, 5, 14): 0,
        date(2026, 5, 15): 0,
        date(2026, 5, 16): 0,
        date(2026, 5, 17): 2,
        date(2026, 5, 18): 0,
        date(2026, 5, 19): 1,
        date(2026, 5, 20): 2,
    }
    assert sum(bucket.totals.messages for bucket in series) == reports.totals(week).messages
    assert [b.totals.users for b in series if b.start == date(2026, 5, 17)] == [1]


def test_the_overview_compares_with_the_same_hours_before(reports: Reports, week: Question) -> None:
    overview = reports.overview(week)
    assert overview.now.conversations == 5 and overview.before.conversations == 1
    assert len(overview.series_before) == len(overview.series) == 7


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"tenant": ""}, "abcd"),
        ({"tenant": "acme"}, "e"),
        ({"tenant": "x' OR '1'='1"}, ""),
        ({"user": "ana"}, "ab"),
        ({"model": "large"}, "c"),
        ({"metadata": (("plan", "plus"),)}, "b"),
        ({"metadata": (("plan", "free"), ("model", "small"))}, "ade"),
        ({"metadata": (("nothing", "here"),)}, ""),
        ({"rating": "up"}, "ad"),
        ({"rating": "down"}, "b"),
        ({"rating": "none"}, "ce"),
        ({"text": "CARD"}, "ab"),
        ({"text": "tarjeta"}, "c"),
        ({"text": "DÓNDE"}, "c"),
        ({"text": "卡在"}, "d"),
        ({"text": "100%"}, ""),
        ({"text": "card", "user": "ana", "rating": "down"}, "b"),
    ],
)
def test_a_filter_keeps_what_it_says(
    reports: Reports, week: Question, filters: dict[str, Any], expected: str
) -> None:
    assert "".join(sorted(ids(reports, week, **filters))) == expected
    assert reports.totals(replace(week, **filters)).conversations == len(expected)


def test_conversations_are_sorted_as_asked(reports: Reports, week: Question) -> None:
    assert ids(reports, week, sort="newest") == "abcde"
    assert ids(reports, week, sort="oldest")[:2] == "de"
    assert ids(reports, week, sort="longest")[0] == "b"
    assert ids(reports, week, sort="rating")[0] == "b"


def test_pages_cut_the_list_without_gaps(reports: Reports, week: Question) -> None:
    pages = [reports.conversations(replace(week, page=n, per_page=2)) for n in (1, 2, 3, 4)]
    assert "".join(row.id for page in pages for row in page.rows) == ids(reports, week)
    assert [(page.total, page.pages) for page in pages] == [(5, 3)] * 4


def test_a_row_carries_all_that_a_list_shows(reports: Reports, week: Question) -> None:
    (row,) = reports.conversations(replace(week, rating="down")).rows
    assert (row.user, row.model, row.preview) == ("ana", "small", "Still no card")
    assert (row.messages, row.user_messages, row.assistant_messages) == (4, 2, 2)
    assert (row.thumbs_up, row.thumbs_down, row.metadata["plan"]) == (0, 2, "plus")


def test_users_are_those_who_said_who_they_are(reports: Reports, week: Question) -> None:
    page = reports.users(replace(week, sort="messages"))
    assert [(row.user, row.conversations, row.messages) for row in page.rows] == [
        ("ana", 2, 3),
        ("ben", 1, 1),
        ("cyd", 1, 1),
    ]
    assert page.total == 3
    ana = page.rows[0]
    assert (ana.thumbs_up, ana.thumbs_down) == (1, 2) and ana.rating == pytest.approx(-1 / 3)
    assert page.rows[2].rating is None


def test_first_seen_is_the_first_time_of_all(reports: Reports, week: Question) -> None:
    page = reports.users(replace(week, sort="newest"))
    seen = {row.user: row.first_seen for row in page.rows}
    assert [row.user for row in page.rows] == ["ben", "cyd", "ana"]
    assert seen["ana"] == NOON - timedelta(days=9, minutes=10)
    filtered = reports.users(replace(week, rating="down")).rows
    assert [row.first_seen for row in filtered] == [seen["ana"]]
    (own,) = reports.users(replace(week, tenant="acme")).rows
    assert (own.user, own.first_seen) == ("cyd", seen["cyd"])


def test_one_conversation_is_found_whole_or_not_at_all(reports: Reports, week: Question) -> None:
    found = reports.conversation(week.project, "g", None)
    assert found is not None and [m.text for m in found.messages] == ["long ago", "yes"]
    assert reports.conversation(week.project, "e", "") is None
    assert reports.conversation("another project", "g", None) is None


def test_filter_values_are_what_was_seen(reports: Reports, week: Question) -> None:
    values = reports.values(week.project)
    assert values.models == ["small", "large"] and values.tenants == ["acme"]
    assert set(values.metadata_keys) == {"user_id", "model", "plan"}


def test_a_project_without_conversations_answers_everything(
    reports: Reports, week: Question
) -> None:
    empty = replace(week, project="nobody")
    assert reports.totals(empty).conversations == 0 and reports.totals(empty).rating is None
    assert reports.conversations(empty).rows == [] and reports.users(empty).total == 0
    assert reports.known("nobody") == 0


def test_buckets_begin_on_mondays_and_firsts() -> None:
    assert bucket_start(date(2026, 5, 20), "week") == date(2026, 5, 18)
    assert bucket_start(date(2026, 5, 20), "month") == date(2026, 5, 1)
    span = (datetime(2025, 12, 30, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    assert list(bucket_starts(*span, "month")) == [
        date(2025, 12, 1),
        date(2026, 1, 1),
        date(2026, 2, 1),
    ]
    assert len(list(bucket_starts(*span, "week"))) == 9
