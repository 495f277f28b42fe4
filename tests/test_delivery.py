"""Moving the inbox into the analytics store: once in effect, whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from causerie.accounts import Project
from causerie.config import Settings
from causerie.conversations import Conversation, Kind, Message, message_id
from causerie.delivery import (
    BATCH_MESSAGES_MAX,
    Delivery,
    Growing,
)
from causerie.errors import Unavailable
from causerie.ingest import How, Ingest, Submission
from causerie.privacy import PersonalDataFilter
from causerie.reports import Question, Reports, Transcript, messages_of
from causerie.store.arrivals import Waiting
from causerie.store.events import PARAMETER_BYTES_MAX, EventStore, lookups
from causerie.store.events_schema import CONVERSATIONS, MESSAGES
from causerie.store.inbox import ATTEMPTS_MAX, LEASE, Inbox
from causerie.testing import Ticking
from tests.clickhouse_bridge import ClickHouseBridge


@dataclass
class Post:
    """Everything between a submission and its rows."""

    project: Project
    inbox: Inbox
    events: EventStore
    delivery: Delivery
    clock: Ticking

    def put(self, how: How, *texts: str, uid: str = "uid", **given: Any) -> None:
        """Keep one submission with these texts, user and assistant in turn."""
        at = given.pop("at", self.clock())
        messages = [
            Message(id="", position=0, at=at, role=("user", "assistant")[index % 2], text=text)
            for index, text in enumerate(texts)
        ]
        ratings = given.pop("ratings", None)
        conversation = Conversation(**{"id": "", "messages": messages, **given})
        submission = Submission(self.project, how, conversation, uid, self.clock(), None, ratings)
        self.inbox.take([Ingest(PersonalDataFilter()).prepare(submission)[0]], self.clock())

    def read(self, id: str) -> Transcript:
        """What the read path has of a conversation."""
        found = Reports(self.events).conversation(self.project.id, id, None)
        assert found is not None
        return found

    def texts(self, id: str) -> list[str]:
        """What was said, in order."""
        return [message.text for message in self.read(id).messages]

    def counted(self) -> tuple[int, int]:
        """Conversations and messages, as the reports count them."""
        span = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
        totals = Reports(self.events).totals(Question(self.project.id, *span, tenant=None))
        return totals.conversations, totals.messages


@pytest.fixture
def make_post(
    project_id: str, sqlite_engine: Engine, clock: Ticking
) -> Callable[[EventStore], Post]:
    project = Project(id=project_id, name="P", created_at=clock(), salt=b"salt")

    def make(events: EventStore) -> Post:
        inbox = Inbox(sqlite_engine)
        return Post(project, inbox, events, Delivery(inbox, events, "test", clock, 1), clock)

    return make


@pytest.fixture
def post(make_post: Callable[[EventStore], Post], events: EventStore) -> Post:
    return make_post(events)


def test_what_waits_is_moved_and_leaves_the_inbox(post: Post) -> None:
    post.put(How.LOG, "hi", "hello", uid="1", metadata={"user_id": "u", "model": "m"})
    post.delivery.drain()
    row = post.read("1").row
    assert (row.user, row.model, row.messages, row.preview) == ("u", "m", 2, "hi")
    assert post.texts("1") == ["hi", "hello"]
    assert post.inbox.backlog() == (0, 0)


def test_moving_the_same_entries_again_changes_nothing(post: Post) -> None:
    post.put(How.LOG, "hi", "hello", uid="1")
    post.put(How.THREAD, "a", uid="2", id="T")
    post.put(How.THREAD, "b", uid="3", id="T")
    waiting = post.inbox.waiting(9)
    for version in (1, 2, 3):
        # As if killed before the inbox forgot them.
        post.delivery._write(waiting, post.delivery._apply(waiting), version)
    post.delivery.drain()
    assert post.counted() == (2, 4)
    assert post.texts("T") == ["a", "b"]


def test_appends_keep_the_order_in_which_they_were_kept(post: Post) -> None:
    for n in range(5):
        post.put(How.THREAD, f"q{n}", f"a{n}", uid=str(n), id="T")
        if n % 2:
            post.delivery.drain()
    post.delivery.drain()
    assert post.texts("T") == [f"{who}{n}" for n in range(5) for who in "qa"]
    assert post.counted() == (1, 10)


def test_an_earlier_message_moves_the_start_without_doubling_the_conversation(post: Post) -> None:
    post.put(How.THREAD, "now", uid="1", id="T")
    post.delivery.drain()
    earlier = post.clock() - timedelta(days=3)
    post.put(How.THREAD, "before", uid="2", id="T", at=earlier)
    post.delivery.drain()
    assert post.counted() == (1, 2)
    assert post.read("T").row.started_at == earlier


def test_a_kill_between_the_two_tables_leaves_no_second_conversation(post: Post) -> None:
    post.put(How.THREAD, "now", uid="1", id="T")
    post.delivery.drain()
    post.put(How.THREAD, "before", uid="2", id="T", at=post.clock() - timedelta(days=3))
    waiting = post.inbox.waiting(9)
    grown = post.delivery._apply(waiting)
    from causerie.delivery import _conversation_rows

    post.events.insert(CONVERSATIONS, [r for one in grown for r in _conversation_rows(one, 50)])
    post.clock.move(minutes=1)  # here the process was killed, and another begins
    Delivery(post.inbox, post.events, "another", post.clock, 1).drain()
    assert post.counted() == (1, 2)
    assert post.texts("T") == ["now", "before"]


def test_a_rating_reaches_a_message_that_was_moved_before(post: Post) -> None:
    post.put(How.THREAD, "hi", "hello", uid="1", id="T")
    post.delivery.drain()
    post.put(How.PATCH, uid="2", id="T", ratings={message_id("1", 1): -1})
    post.delivery.drain()
    assert [message.rating for message in post.read("T").messages] == [0, -1]
    assert post.read("T").row.thumbs_down == 1


def test_a_rating_in_the_same_batch_as_its_message_counts(post: Post) -> None:
    post.put(How.THREAD, "hi", "hello", uid="1", id="T")
    post.put(How.PATCH, uid="2", id="T", ratings={message_id("1", 1): 1})
    post.put(How.PATCH, uid="3", id="T", ratings={message_id("1", 1): 0})
    post.delivery.drain()
    assert [message.rating for message in post.read("T").messages] == [0, 0]


def test_a_grown_transcript_with_a_rating_rates_the_earlier_message(post: Post) -> None:
    post.put(How.UPSERT, "hi", "hello", uid="1")
    post.delivery.drain()
    messages = [
        Message(id="", position=0, at=post.clock(), role=role, text=text, rating=rating)
        for role, text, rating in (("user", "hi", 0), ("assistant", "hello", 1), ("user", "x", 0))
    ]
    post.put(How.UPSERT, uid="2", messages=messages)
    post.delivery.drain()
    assert [(m.text, m.rating) for m in post.read("1").messages] == [
        ("hi", 0),
        ("hello", 1),
        ("x", 0),
    ]


def test_metadata_grows_and_feedback_is_the_latest_given(post: Post) -> None:
    post.put(How.THREAD, "a", uid="1", id="T", metadata={"user_id": "u"}, feedback="good")
    post.delivery.drain()
    post.put(How.THREAD, "b", uid="2", id="T", metadata={"model": "m"})
    post.put(How.THREAD, uid="3", id="T", feedback="bad")
    post.delivery.drain()
    row = post.read("T").row
    assert row.metadata == {"user_id": "u", "model": "m"} and row.feedback == "bad"


def test_the_same_thread_id_of_two_tenants_is_two_conversations(post: Post) -> None:
    post.put(How.THREAD, "a", uid="1", id="T", tenant="one")
    post.put(How.THREAD, "b", uid="2", id="T", tenant="two")
    post.delivery.drain()
    reports = Reports(post.events)
    for tenant, text in (("one", "a"), ("two", "b")):
        found = reports.conversation(post.project.id, "T", tenant)
        assert found is not None and [m.text for m in found.messages] == [text]
    assert reports.conversation(post.project.id, "T", "three") is None


def test_everything_that_a_message_holds_comes_back(post: Post) -> None:
    tool = Message(
        id="",
        position=0,
        at=post.clock(),
        kind=Kind.TOOL,
        name="search",
        thought="let me see",
        input='{"q":"chaînes 汉字 🙂"}',
        observation="found",
        metadata={"k": "v"},
    )
    event = Message(id="", position=0, at=post.clock(), kind=Kind.EVENT, name="Paid")
    post.put(How.THREAD, uid="1", id="T", messages=[tool, event])
    post.delivery.drain()
    read = [msgspec.structs.replace(m, id="", position=0) for m in post.read("T").messages]
    assert read == [tool, event]


def test_an_entry_that_cannot_be_written_does_not_hold_up_the_others(post: Post) -> None:
    post.put(How.LOG, "good", "one", uid="1")
    bad = [Message(id="", position=0, at=post.clock(), role="user", text="x", rating=1_000)]
    post.put(How.THREAD, uid="2", id="bad", messages=bad)
    post.put(How.LOG, "good", "two", uid="3")
    for _ in range(ATTEMPTS_MAX):
        post.delivery.move()
    assert post.texts("1") == ["good", "one"] and post.texts("3") == ["good", "two"]
    assert post.inbox.backlog() == (0, 1)


def test_a_batch_is_bounded_by_its_messages(
    make_post: Callable[[EventStore], Post], embedded_events: EventStore
) -> None:
    post = make_post(embedded_events)
    for n in range(3):
        post.put(How.THREAD, *["x"] * (BATCH_MESSAGES_MAX // 2), uid=str(n), id=str(n))
    assert [post.delivery.move() for _ in range(3)] == [2, 1, 0]
    assert post.counted() == (3, BATCH_MESSAGES_MAX // 2 * 3)


def test_only_the_holder_of_the_lease_moves(
    make_post: Callable[[EventStore], Post], embedded_events: EventStore
) -> None:
    post = make_post(embedded_events)
    post.inbox.lease("delivery", "another process", post.clock())
    post.put(How.LOG, "a", "b", uid="1")
    assert post.delivery.move() == 0 and post.inbox.backlog() == (1, 0)
    post.clock.move(minutes=5)
    assert post.delivery.move() == 1


class HeldUp(Delivery):
    """A worker to which something happens between reading and writing."""

    meanwhile: Callable[[], None]

    def _apply(self, batch: Sequence[Waiting]) -> list[Growing]:
        grown = super()._apply(batch)
        self.meanwhile()
        return grown


def test_a_worker_that_was_held_up_writes_nothing_of_what_it_read(
    make_post: Callable[[EventStore], Post], embedded_events: EventStore
) -> None:
    post = make_post(embedded_events)
    post.put(How.LOG, "hi", "hello", uid="1")
    slow = HeldUp(post.inbox, post.events, "slow", post.clock, 1)

    def meanwhile() -> None:
        post.clock.move(seconds=LEASE.total_seconds() + 1)
        post.delivery.drain()
        post.put(How.PATCH, uid="2", id="1", ratings={message_id("1", 1): 1})
        post.delivery.stop()

    slow.meanwhile = meanwhile
    with pytest.raises(Unavailable):
        slow.move()
    assert [message.rating for message in post.read("1").messages] == [0, 1]
    assert post.read("1").row.thumbs_up == 1


def test_a_write_that_came_too_late_is_mended_by_the_next(
    make_post: Callable[[EventStore], Post], embedded_events: EventStore
) -> None:
    post = make_post(embedded_events)
    post.put(How.THREAD, "now", uid="1", id="T")
    waiting = post.inbox.waiting(9)
    late = post.delivery._apply(waiting)
    post.put(How.THREAD, "before", uid="2", id="T", at=post.clock() - timedelta(days=3))
    post.delivery.drain()
    post.delivery._write(waiting, late, 1)  # on its way for longer than the lease
    post.put(How.THREAD, "after", uid="3", id="T")
    post.delivery.drain()
    assert post.counted() == (1, 3)
    assert post.texts("T") == ["now", "before", "after"]


def test_what_is_looked_up_fits_into_a_statement_and_nothing_is_left_out() -> None:
    keys = [("", "x"), *(("t" * 40, f"{n:0>100}" + "🙂" * 100) for n in range(2_000)), ("", "y")]
    parts = list(lookups(keys))
    assert [key for part in parts for key in part] == keys and len(parts) > 1
    assert all(sum(len(id.encode()) for _, id in part) <= PARAMETER_BYTES_MAX for part in parts)


def test_what_other_commands_moved_is_free_for_the_next_process(
    make_post: Callable[[EventStore], Post], embedded_events: EventStore
) -> None:
    post = make_post(embedded_events)
    post.put(How.LOG, "a", "b", uid="1")
    post.delivery.stop()
    assert post.texts("1") == ["a", "b"]
    assert post.inbox.lease("delivery", "the next process", post.clock()) is not None


def test_an_engine_that_is_down_loses_nothing_and_delivery_goes_on_when_it_is_back(
    make_post: Callable[[EventStore], Post], tmp_path: Path
) -> None:
    with ClickHouseBridge(tmp_path, "causerie", "secret") as bridge:
        events = EventStore(bridge.url)
        events.open()
        post = make_post(events)
        post.put(How.LOG, "a", "b", uid="1")
        bridge.kill()
        with pytest.raises(Unavailable):
            post.delivery.drain()
        assert post.inbox.backlog() == (1, 0)
        bridge.start()
        post.delivery.drain()
        assert post.counted() == (1, 2) and post.inbox.backlog() == (0, 0)
        events.close()


def test_the_thread_moves_what_comes_in_and_what_is_left_at_the_end(
    make_post: Callable[[EventStore], Post], embedded_events: EventStore
) -> None:
    post = make_post(embedded_events)
    post.delivery.start()
    post.put(How.THREAD, "a", uid="1", id="T")
    assert post.delivery.settle(post.project.id, "T", 20)
    assert post.texts("T") == ["a"]
    post.put(How.THREAD, "b", uid="2", id="T")
    post.delivery.stop()
    assert post.texts("T") == ["a", "b"]
    assert post.inbox.lease("delivery", "the next process", post.clock()) is not None


def test_the_end_does_not_wait_until_a_batch_has_gathered(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour_ms = 3_600_000
    delivery = Delivery(post.inbox, post.events, "patient", post.clock, hour_ms)
    # It is told to end while it waits for something to come in.
    monkeypatch.setattr(delivery._wake, "wait", lambda seconds: delivery.stop())
    rounds = threading.Thread(target=delivery._run, daemon=True)
    rounds.start()
    rounds.join(20)
    assert not rounds.is_alive()


def test_the_statements_for_a_cluster_are_understood_by_the_engine(events: EventStore) -> None:
    for table in (CONVERSATIONS, MESSAGES):
        local, spread = table.statements("main")
        assert "ReplicatedReplacingMergeTree" in local and "Distributed('main'" in spread
        assert events.parsed(local) and events.parsed(spread)
    with pytest.raises(Exception, match="(?i)syntax"):
        events.parsed("CREATE TABEL x")


def test_the_engine_understands_how_a_cluster_is_asked(clickhouse_events: EventStore) -> None:
    spread = EventStore(clickhouse_events._address, "main")
    assert spread.select("reports/known", {"project": "p"})[0]["conversations"] == 0
    spread.close()


def test_a_fresh_database_on_a_server_is_made(tmp_path: Path) -> None:
    with ClickHouseBridge(tmp_path, "causerie", "secret") as bridge:
        address = bridge.url.rpartition("/")[0] + "/brand_new"
        events = EventStore(Settings(events_url=address).events_url)
        events.open()
        assert events.select("reports/known", {"project": "p"}) == [
            {"conversations": 0, "latest": datetime(1970, 1, 1, tzinfo=UTC)}
        ]
        events.close()


def test_a_wrong_password_is_said_as_unavailable(tmp_path: Path) -> None:
    with ClickHouseBridge(tmp_path, "causerie", "secret") as bridge:
        events = EventStore(bridge.url.replace("secret", "wrong"))
        with pytest.raises(Unavailable, match="(?i)authentication"):
            events.open()
        events.close()


def test_a_store_that_an_earlier_version_made_opens_and_keeps_its_rows(
    make_post: Callable[[EventStore], Post], tmp_path: Path
) -> None:
    columns = {name: kind for name, kind in MESSAGES.columns.items() if name != "masked"}
    earlier = replace(MESSAGES, columns=columns)
    when = datetime(2026, 5, 1, tzinfo=UTC)
    old = ["p", "", "T", 1, "e_1", when, "message", "user", "hello", 0, "", "", "", "", {}, 1, 0]
    with ClickHouseBridge(tmp_path, "causerie", "secret") as bridge:
        events = EventStore(bridge.url)
        with events._client() as client:
            client.command(earlier.statements()[0])
        events.insert(earlier, [old])
        for _ in range(2):  # the second time there is nothing to add
            events.open()
        with events._client() as client:
            table = client.query("DESCRIBE TABLE messages").result_columns
        assert list(table[0]) == list(MESSAGES.columns)
        [kept] = messages_of(events, "p", [("", "T")])[("", "T")]
        assert (kept.text, kept.masked) == ("hello", ())
        post = make_post(events)
        post.put(How.LOG, "a", "b", uid="1")
        post.delivery.drain()
        assert post.texts("1") == ["a", "b"]
        events.close()


def test_a_cluster_gets_the_columns_of_a_later_version(events: EventStore) -> None:
    present = [name for name in MESSAGES.columns if name not in ("masked", "project")]
    for name in MESSAGES.names("main"):
        added = MESSAGES.additions(name, present, "main")
        assert [statement.split()[2] for statement in added] == [name] * 2
        assert all("ON CLUSTER 'main'" in statement for statement in added)
        assert all(events.parsed(statement) for statement in added)
    assert MESSAGES.names("main") == ("messages_local", "messages")
    assert not MESSAGES.additions("messages", MESSAGES.columns)
