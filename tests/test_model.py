"""What comes in, in any order, however often it is sent and moved: what a plain model has."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Engine

from causerie.accounts import Project
from causerie.conversations import UPSERT_WINDOW, Conversation, Kind, Message, message_id
from causerie.delivery import WORKER, Delivery, _conversation_rows
from causerie.errors import Unavailable
from causerie.ingest import How, Ingest, Submission
from causerie.privacy import PersonalDataFilter
from causerie.reports import Question, Reports, Totals
from causerie.store.arrivals import Arrival
from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS
from causerie.store.inbox import LEASE, REPLAY_WINDOW, Inbox
from causerie.testing import Ticking

WHOLE = (How.LOG, How.UPSERT)


@dataclass
class Kept:
    """A conversation as the model has it."""

    begun: datetime
    metadata: dict[str, str] = field(default_factory=dict)
    feedback: str = ""
    messages: dict[str, list[Any]] = field(default_factory=dict)
    """Text, rating and time of each, by id."""
    sent: list[str] = field(default_factory=list)
    """The longest transcript of it, for upserts, and when it was sent last."""
    sent_at: datetime | None = None


class Model:
    """What docs/context-api.md promises of the ways in, and nothing of how it is done."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Kept] = {}

    def take(self, one: Submission) -> None:
        """What one request does."""
        given = one.conversation
        talk = [message.text for message in given.messages if message.kind is Kind.MESSAGE]
        name = given.id or (self._continued(one, talk) or one.uid)
        kept = self.kept.setdefault((given.tenant, name), Kept(one.at))
        kept.metadata |= given.metadata
        kept.feedback = given.feedback or kept.feedback
        for id, message in zip(_ids(one, name), given.messages, strict=True):
            known = kept.messages.get(id)
            if known is None:
                kept.messages[id] = [message.text or message.name, message.rating, message.at]
            elif one.how is How.UPSERT and message.kind is Kind.MESSAGE:
                known[1] = message.rating or known[1]
        for id, rating in (one.ratings or {}).items():
            kept.messages[id][1] = rating
        if one.how in WHOLE and len(talk) >= 2:
            kept.sent, kept.sent_at = max(kept.sent, talk, key=len), one.at

    def _continued(self, one: Submission, talk: list[str]) -> str | None:
        """The longest recent transcript that this one holds whole, or is a beginning of."""
        given = one.conversation
        fitting = [
            (len(kept.sent), name)
            for (tenant, name), kept in self.kept.items()
            if one.how is How.UPSERT and kept.sent_at and one.at - kept.sent_at <= UPSERT_WINDOW
            if (tenant, kept.metadata) == (given.tenant, given.metadata) and len(talk) >= 2
            if all(mine == theirs for mine, theirs in zip(talk, kept.sent, strict=False))
        ]
        return max(fitting)[1] if fitting else None


def _named(whole: Conversation) -> list[Message]:
    """The messages of a file, with the ids that reading it gives them."""
    named = enumerate(whole.messages)
    return [replace(message, id=message_id(whole.id, index)) for index, message in named]


def _ids(one: Submission, name: str) -> list[str]:
    """The messages' ids: by place, in a whole transcript events counted apart."""
    if one.how is How.THREAD:
        return [message_id(one.uid, index) for index, _ in enumerate(one.conversation.messages)]
    counts = dict.fromkeys(Kind, 0)
    ids = []
    for index, message in enumerate(one.conversation.messages):
        apart = one.how in WHOLE and message.kind is Kind.EVENT
        place = counts[message.kind] if one.how in WHOLE else index
        ids.append(message_id(f"{name}\0event" if apart else name, place))
        counts[message.kind] += 1
    return ids


class Server:
    """The same ways in over the real stores, with what may happen to a server."""

    def __init__(self, engine: Engine, events: EventStore, clock: Ticking) -> None:
        self.project = Project(
            id=f"model-{uuid.uuid4().hex}", name="P", created_at=clock(), salt=b"salt"
        )
        self.clock = clock
        self.inbox = Inbox(engine)
        self.events = events
        self.model = Model()
        self.coming: list[Arrival] = []
        self.sent: list[Submission] = []
        self.restart()

    def restart(self) -> None:
        """Another process takes over."""
        self.clock.move(seconds=LEASE.total_seconds() + 1)
        self.delivery = Delivery(self.inbox, self.events, uuid.uuid4().hex, self.clock, 1)

    def send(self, how: How, conversation: Conversation, ratings: dict[str, int] | None) -> None:
        """A new request."""
        request = uuid.uuid4().bytes
        at, uid = self.clock(), f"{len(self.sent):04}"
        if how is How.IMPORT:
            conversation = replace(conversation, messages=_named(conversation))
        one = Submission(self.project, how, conversation, uid, at, request, ratings)
        self._put(one)
        self.model.take(one)
        self.sent.append(one)

    def again(self, which: int) -> None:
        """The client sends a request once more."""
        first = self.sent[which % len(self.sent)]
        if self.clock() - first.at < REPLAY_WINDOW:
            self._put(Submission(**{**vars(first), "uid": "again", "at": self.clock()}))

    def _put(self, one: Submission) -> None:
        self.coming.append(Ingest(PersonalDataFilter()).prepare(one)[0])

    def commit(self) -> None:
        """What has come in is kept, in one group."""
        self.inbox.take(self.coming, self.clock())
        self.coming = []

    def rate(self, which: int, rating: int) -> None:
        """A thumb on any message there is, as PATCH gives it."""
        there = [(key, id) for key, kept in self.model.kept.items() for id in kept.messages]
        if there:
            (tenant, name), id = there[which % len(there)]
            self.send(How.PATCH, Conversation(id=name, tenant=tenant), {id: rating})

    def accident(self, what: str, entries: int) -> None:
        """The worker moves some entries and then something happens to it."""
        self.commit()
        lease = self.inbox.lease(WORKER, self.delivery._holder, self.clock())
        assert lease is not None
        self.delivery._lease = lease
        batch = self.inbox.waiting(entries)
        if what == "none":
            self.delivery._move(batch)
            return
        grown = self.delivery._apply(batch)
        if what == "taken over":
            held_up = self.delivery
            self.restart()
            self.delivery.drain()
            with suppress(Unavailable):
                held_up._write(batch, grown, held_up._renewed())
            self.restart()
            return
        rows = [row for one in grown for row in _conversation_rows(one, lease)]
        self.events.insert(CONVERSATIONS, rows)
        if what == "killed before the inbox forgot":
            self.delivery._write(batch, grown, lease)
        self.restart()


RATINGS = st.sampled_from([0, 0, 1, -1])
AGES = st.sampled_from([0, 0, 1, 50])
EVENTS = st.tuples(st.just("event"), st.sampled_from("ab"), RATINGS, AGES)
Item = tuple[str, str, int, int]
"""Kind, text, rating, age in hours."""


@st.composite
def conversations(draw: st.DrawFn) -> tuple[How, Conversation, list[Item]]:
    """A way in, a conversation, and its messages."""
    how = draw(st.sampled_from([How.LOG, How.UPSERT, How.UPSERT, How.THREAD, How.IMPORT]))
    # Few different ones, so that many go on where others left off.
    talk = draw(st.sampled_from(["abab", "abba"]))[: draw(st.integers(how is not How.THREAD, 4))]
    items = [("message", text, draw(RATINGS), draw(AGES)) for text in talk]
    if draw(st.integers(0, 3)) == 0:
        items.insert(draw(st.integers(0, len(items))), draw(EVENTS))
    conversation = Conversation(
        id=draw(st.sampled_from(["T1", "T1", "T2"])) if how not in WHOLE else "",
        tenant=draw(st.sampled_from(["", "", "", "t"])),
        metadata=draw(st.sampled_from([{}, {}, {}, {"user_id": "u"}])),
        feedback=draw(st.sampled_from(["", "", "good", "bad"])),
    )
    return how, conversation, items


ACCIDENTS = ("none", "taken over", "killed between the tables", "killed before the inbox forgot")
STEPS = st.one_of(
    st.tuples(st.just("send"), conversations()),
    st.tuples(st.just("send"), conversations()),
    st.tuples(st.just("again"), st.integers(0, 9)),
    st.tuples(st.just("rate"), st.tuples(st.integers(0, 99), st.sampled_from([-1, 0, 1]))),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 7])),
    st.tuples(st.just("move"), st.tuples(st.sampled_from(ACCIDENTS), st.integers(1, 9))),
    st.tuples(st.just("move"), st.tuples(st.just("none"), st.just(99))),
)


def step(server: Server, what: str, how: Any) -> None:
    """One thing that happens."""
    match what:
        case "send":
            way, conversation, items = how
            messages = [_message(server.clock(), *item) for item in items]
            server.send(way, replace(conversation, messages=messages), None)
        case "again" if server.sent:
            server.again(how)
        case "rate":
            server.rate(*how)
        case "wait":
            server.commit()
            server.clock.move(hours=how)
        case "move":
            server.accident(*how)


def _message(now: datetime, kind: str, text: str, rating: int, age: int) -> Message:
    at = now - timedelta(hours=age)
    message = Message(id="", position=0, at=at, rating=rating)
    if kind == "event":
        return replace(message, kind=Kind.EVENT, name=text.upper())
    return replace(message, role={"a": "user", "b": "assistant"}[text], text=text)


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=10, max_size=24))
def test_the_stores_have_what_a_plain_model_has(
    sqlite_engine: Engine, embedded_events: EventStore, clock: Ticking, steps: list[Any]
) -> None:
    server = Server(sqlite_engine, embedded_events, clock)
    for what, how in steps:
        step(server, what, how)
    server.commit()
    server.restart()
    server.delivery.drain()
    assert read(server) == expected(server.model)


def read(server: Server) -> Any:
    """What the reports have, conversations by tenant and id."""
    reports = Reports(server.events)
    span = (datetime(2020, 1, 1, tzinfo=UTC), server.clock() + timedelta(days=1))
    question = Question(server.project.id, *span, tenant=None, per_page=100)
    found = reports.transcripts(server.project.id, reports.conversations(question).rows)
    one = {
        (t.row.tenant, t.row.id): (
            t.row.metadata,
            t.row.feedback,
            t.row.started_at,
            (t.row.messages, t.row.events, t.row.thumbs_up, t.row.thumbs_down),
            [(m.id, m.text or m.name, m.rating, m.at) for m in t.messages],
        )
        for t in found
    }
    assert len(one) == len(found), "a conversation is there twice"
    days = [bucket.totals for bucket in reports.series(question)]
    return one, _sums(reports.totals(question)), _added(days)


def expected(model: Model) -> Any:
    """The same of the model."""
    one = {
        key: (
            kept.metadata,
            kept.feedback,
            min([at for _, _, at in kept.messages.values()], default=kept.begun),
            _counts(kept),
            [(id, *message) for id, message in kept.messages.items()],
        )
        for key, kept in model.kept.items()
    }
    counts = [_counts(kept) for kept in model.kept.values()]
    sums = (len(counts), *(sum(count[n] for count in counts) for n in (0, 2, 3)))
    return one, sums, sums


def _counts(kept: Kept) -> tuple[int, int, int, int]:
    ratings = [rating for _, rating, _ in kept.messages.values()]
    events = sum(text.isupper() for text, _, _ in kept.messages.values())
    return len(ratings) - events, events, ratings.count(1), ratings.count(-1)


def _sums(totals: Totals) -> tuple[int, int, int, int]:
    return totals.conversations, totals.messages, totals.thumbs_up, totals.thumbs_down


def _added(days: list[Totals]) -> tuple[int, ...]:
    return tuple(sum(column) for column in zip(*map(_sums, days), strict=True))
