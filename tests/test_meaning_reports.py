"""Reports over what was understood, on a small world worked out by hand, on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from causerie.accounts import Project
from causerie.conversations import Conversation, Message
from causerie.delivery import Delivery
from causerie.ingest import How, Ingest, Submission
from causerie.meaning_reports import MeaningReports, Part, Samples, TopicBucket
from causerie.privacy import PersonalDataFilter
from causerie.reports import Question, Reports
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.testing import Ticking
from causerie.topic_trees import TopicTree
from tests.understood import found_topic, kept_topic, understand

NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)
LATE = {"suggested": "late", "language": "en"}
# Conversation, days ago, user, what was said in turn (user, assistant), what of it was understood.
# The theme `post` has the topics `late` and `lost`; `gone` was merged into `lost`; `money` is kept.
SAID: dict[str, tuple[float, str, tuple[str, ...], tuple[dict[str, Any], ...], str]] = {
    "a": (
        0,
        "ana",
        ("It is late", "Sorry", "Still late", "Sorry"),
        (
            {**LATE, "sentiment": -0.5, "vector": bytes([100, 0])},
            {"signals": ("apologised",), "language": "en"},
            {**LATE, "sentiment": -0.9, "signals": ("reasked",), "vector": bytes([100, 10])},
        ),
        "down",
    ),
    "b": (
        1,
        "ben",
        ("C'est perdu", "Oh", "Merci"),
        (
            {"suggested": "gone", "language": "fr", "sentiment": -0.4},
            {},
            {"language": "fr", "sentiment": 0.8, "signals": ("thanked",)},
        ),
        "up",
    ),
    "c": (
        1,
        "ben",
        ("Money back", "Yes"),
        ({"topics": ("money",), "suggested": "lost", "language": "en", "sentiment": 0.0},),
        "flat",
    ),
    "d": (2, "", ("Anything",), (), ""),
    "e": (9, "ana", ("It is late",), ({**LATE, "sentiment": 0.5},), ""),
}


@pytest.fixture(scope="module")
def worlds() -> dict[int, str]:
    """The project of the world in each analytics store, once it has been made."""
    return {}


@pytest.fixture
def week(events: EventStore, sqlite_engine: Engine, worlds: dict[int, str]) -> Question:
    """The last seven days."""
    if id(events) not in worlds:
        worlds[id(events)] = f"meant-{id(events)}"
        make(events, Inbox(sqlite_engine), worlds[id(events)])
    return Question(worlds[id(events)], NOON - timedelta(days=6, hours=12), NOON, tenant=None)


@pytest.fixture
def reports(events: EventStore) -> MeaningReports:
    return MeaningReports(events)


@pytest.fixture
def tree(week: Question) -> TopicTree:
    project = week.project
    return TopicTree(
        [
            found_topic(project, "post", "Post"),
            found_topic(project, "late", "Late", "post"),
            found_topic(project, "lost", "Lost", "post"),
            found_topic(project, "gone", "Gone", merged_into="lost"),
            kept_topic(project, "money", "Money"),
        ]
    )


def make(events: EventStore, inbox: Inbox, project: str) -> None:
    steps, about = Ingest(PersonalDataFilter()), Project(id=project, name="W", created_at=NOON)
    for name, (ago, user, texts, _, _) in SAID.items():
        at = NOON - timedelta(days=ago, minutes=10)
        messages = [
            Message(
                id="",
                position=0,
                at=at + timedelta(seconds=index),
                text=text,
                role=("user", "assistant")[index % 2],
                rating=-1 if text == "Oh" else 0,
            )
            for index, text in enumerate(texts)
        ]
        metadata = {"user_id": user} if user else {}
        told = Conversation(id=name, metadata=metadata, messages=messages)
        inbox.take([steps.prepare(Submission(about, How.THREAD, told, name, NOON))[0]], NOON)
    Delivery(inbox, events, "test", Ticking(NOON), 1).drain()
    for name, (_, _, _, understood, trend) in SAID.items():
        if understood:
            understand(events, project, name, *understood, trend=trend)


# ---- conversations -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"language": "fr"}, "b"),
        ({"language": "en"}, "ac"),
        ({"mood": "negative"}, "a"),
        ({"mood": "neutral"}, "bc"),
        ({"mood": "positive"}, ""),
        ({"mood": "down"}, "a"),
        ({"mood": "up"}, "b"),
        ({"signal": "reasked"}, "a"),
        ({"signal": "apologised"}, "a"),
        ({"topics": ("late",)}, "a"),
        ({"topics": ("money",)}, "c"),
        ({"topics": ("lost", "gone")}, "bc"),
        ({"topics": ("",)}, ""),
        ({"topics": ("late", "lost", "gone"), "language": "fr"}, "b"),
    ],
)
def test_a_filter_keeps_what_was_understood_so(
    events: EventStore, week: Question, filters: dict[str, Any], expected: str
) -> None:
    asked = replace(week, **filters)
    found = {row.id for row in Reports(events).conversations(asked).rows}
    assert "".join(sorted(found)) == expected
    assert Reports(events).totals(asked).conversations == len(expected)


def test_the_mood_of_a_span_is_the_mean_over_its_messages(
    events: EventStore, week: Question
) -> None:
    totals = Reports(events).totals(week)
    # −0.5 −0.9 −0.4 +0.8 0.0 over five messages, in three conversations of −0.7, 0.2 and 0.0.
    assert totals.sentiment == pytest.approx(-0.2)
    assert (totals.scored, totals.felt) == (5, 3)
    assert totals.spread == pytest.approx(0.22333, abs=1e-4)
    days = {bucket.start: bucket.totals for bucket in Reports(events).series(week)}
    assert days[date(2026, 5, 19)].sentiment == pytest.approx(0.4 / 3)
    assert days[date(2026, 5, 18)].sentiment is None and days[date(2026, 5, 18)].scored == 0


def test_a_row_and_a_user_carry_what_was_understood(events: EventStore, week: Question) -> None:
    reports = Reports(events)
    rows = {row.id: row for row in reports.conversations(replace(week, sort="mood")).rows}
    assert "".join(rows) == "acbd"
    assert (rows["a"].language, rows["a"].trend) == ("en", "down")
    assert rows["a"].signals == ["apologised", "reasked"]
    assert (rows["c"].topics, rows["c"].suggested) == (["money"], ["lost"])
    assert rows["d"].sentiment is None and rows["d"].language == ""
    users = reports.users(replace(week, sort="mood")).rows
    assert [(user.user, user.scored) for user in users] == [("ana", 2), ("ben", 3)]
    assert users[0].sentiment == pytest.approx(-0.7)
    assert users[1].sentiment == pytest.approx(0.4 / 3)
    assert users[1].languages == ("en", "fr")
    assert reports.values(week.project).languages == ["en", "fr"]


# ---- topics ------------------------------------------------------------------------------------


def test_a_topic_has_its_own_messages_and_a_theme_those_of_its_topics(
    reports: MeaningReports, week: Question, tree: TopicTree
) -> None:
    found = reports.topics(week, tree)
    assert set(found.rows) == {"post", "late", "lost", "money"}
    assert (found.every.messages, found.every.conversations) == (5, 3)
    late, lost, post = found.rows["late"], found.rows["lost"], found.rows["post"]
    assert (late.messages, late.conversations, late.users) == (2, 1, 1)
    assert late.sentiment == pytest.approx(-0.7) and late.share == pytest.approx(0.4)
    # One that was merged into it, one of its own.
    assert (lost.messages, lost.conversations, lost.users, lost.scored) == (2, 2, 1, 2)
    assert lost.sentiment == pytest.approx(-0.2)
    assert lost.languages == (("en", 1), ("fr", 1))
    assert (lost.thumbs_up, lost.thumbs_down) == (0, 1)
    assert (post.messages, post.conversations, post.users) == (4, 3, 2)
    assert post.sentiment == pytest.approx(-0.45)
    assert found.rows["money"].sentiment == pytest.approx(0.0)


def test_what_is_about_no_topic_is_told_too(
    reports: MeaningReports, week: Question, tree: TopicTree
) -> None:
    found = reports.topics(week, tree)
    assert found.unsorted.messages == 1 and found.unsorted.share == pytest.approx(0.2)
    assert found.row("never").messages == 0 and found.row("never").sentiment is None


def test_a_topic_has_a_series_with_every_bucket(
    reports: MeaningReports, week: Question, tree: TopicTree
) -> None:
    series = reports.topics(week, tree).rows["lost"].series
    assert len(series) == 7
    assert (series[5].start, series[5].messages, series[5].scored) == (date(2026, 5, 19), 2, 2)
    assert series[5].sentiment == pytest.approx(-0.2)
    assert series[6] == TopicBucket(date(2026, 5, 20), 0, None, 0)
    weekly = reports.topics(replace(week, period="week"), tree).rows["late"].series
    assert [bucket.messages for bucket in weekly] == [0, 2]


def test_topics_are_those_of_the_conversations_asked_for(
    reports: MeaningReports, week: Question, tree: TopicTree
) -> None:
    french = reports.topics(replace(week, language="fr"), tree)
    assert set(french.rows) == {"post", "lost"} and french.every.messages == 2
    before = reports.topics(week.previous(), tree)
    assert before.rows["late"].messages == 1 and before.every.messages == 1


def test_conversations_are_counted_by_language_signal_and_topic(
    reports: MeaningReports, week: Question, tree: TopicTree
) -> None:
    found = reports.breakdown(week, tree)
    assert [(part.value, part.conversations) for part in found.languages] == [("en", 2), ("fr", 1)]
    assert found.languages[0].sentiment == pytest.approx(-1.4 / 3)
    assert {part.value: part.conversations for part in found.signals} == {
        "apologised": 1,
        "reasked": 1,
        "thanked": 1,
    }
    (money,) = [part for part in found.topics if part.value == "money"]
    assert money == Part("money", 1, 1, 0.0, 1, 0, 0)


def test_how_many_conversations_talk_about_topics_is_what_the_whole_report_says(
    reports: MeaningReports, week: Question, tree: TopicTree
) -> None:
    whole, talked = reports.topics(week, tree), reports.talked(week, tree)
    assert talked.conversations == {id: row.conversations for id, row in whole.rows.items()}
    assert talked.every == whole.every.conversations > 0
    given = reports.topics(week, tree, reports.breakdown(week, tree))
    assert given == whole


def test_samples_are_the_latest_or_those_in_the_middle(
    reports: MeaningReports, week: Question, tree: TopicTree
) -> None:
    about = replace(week, topics=tree.members("late"))
    latest = reports.samples(about, 5).latest
    assert [sample.text for sample in latest] == ["Still late", "It is late"]
    typical = reports.samples(about, 1).typical
    assert [(one.conversation, one.user) for one in typical] == [("a", "ana")]
    lost = reports.samples(replace(week, topics=tree.members("lost")), 5).typical
    assert {sample.text for sample in lost} == {"C'est perdu", "Money back"}


def test_the_meanings_of_a_conversation_are_found_by_message(
    events: EventStore, reports: MeaningReports, week: Question
) -> None:
    transcript = Reports(events).conversation(week.project, "a", "")
    assert transcript is not None
    found = reports.of_conversation(week.project, "", "a")
    told = [found.get(message.id) for message in transcript.messages]
    assert [one.signals if one else None for one in told] == [
        (),
        ("apologised",),
        ("reasked",),
        None,
    ]


def test_a_project_that_nothing_is_known_of_answers_everything(
    reports: MeaningReports, week: Question, tree: TopicTree
) -> None:
    nobody = replace(week, project="nobody")
    found = reports.topics(nobody, tree)
    assert not found.rows and found.unsorted.share is None
    assert reports.breakdown(nobody, tree).languages == []
    assert reports.samples(replace(nobody, topics=("late",)), 3) == Samples([], [])
    assert reports.of_conversation("nobody", "", "a") == {}


@pytest.mark.parametrize("count", [1, 3])
def test_the_latest_of_several_topics_are_what_each_alone_has(
    events: EventStore, week: Question, tree: TopicTree, count: int
) -> None:
    reports = Reports(events)
    month = replace(week, since=NOON - timedelta(days=30))
    parts = {name: tree.members(name) for name in ("post", "late", "lost", "money", "never")}
    alone = {
        name: reports.conversations(replace(month, topics=topics, per_page=count)).rows
        for name, topics in parts.items()
    }
    alone["never"] = []
    assert reports.latest_of_topics(month, parts, count) == alone
    assert [len(rows) for rows in alone.values()][:2] == [count, min(count, 2)]
