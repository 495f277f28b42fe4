"""Export and import: what leaves comes back as it was, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from causerie.accounts import Project
from causerie.conversations import Conversation, Kind, Message
from causerie.delivery import Delivery
from causerie.imports import read
from causerie.ingest import How, Ingest, Submission
from causerie.privacy import PersonalDataFilter
from causerie.reports import Reports
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.testing import Ticking
from causerie.transfer import EXPORT_PER_PAGE, Importer, export


@dataclass
class Office:
    """The stores, and a project in them."""

    project: Project
    inbox: Inbox
    events: EventStore
    delivery: Delivery
    clock: Ticking

    def put(self, how: How, uid: str, *messages: Message, **given: Any) -> None:
        """Keep one submission."""
        conversation = Conversation(**{"id": "", "messages": list(messages), **given})
        one = Submission(self.project, how, conversation, uid, self.clock())
        self.inbox.take([Ingest(PersonalDataFilter()).prepare(one)[0]], self.clock())

    def exported(self) -> Iterator[bytes]:
        """The lines of an export, one after the other."""
        self.delivery.drain()
        return export(Reports(self.events), self.project)

    def ids(self, lines: Iterator[bytes]) -> list[str]:
        """Which conversations are in the lines."""
        return [msgspec.json.decode(line)["conversation"]["id"] for line in lines]

    def bring(self, file: Path, project: Project) -> tuple[int, list[str]]:
        """Import a file: how many conversations, and what was said of lines left out."""
        importer = Importer(project, Ingest(PersonalDataFilter()), self.inbox, self.clock)
        tally = importer.take(read(file, self.clock()), lambda _: None)
        self.delivery.drain()
        return tally.conversations, [one.reason for one in tally.malformed]


@pytest.fixture
def office(
    project_id: str, sqlite_engine: Engine, embedded_events: EventStore, clock: Ticking
) -> Office:
    project = Project(id=project_id, name="P", created_at=clock(), salt=b"salt")
    inbox = Inbox(sqlite_engine)
    return Office(
        project, inbox, embedded_events, Delivery(inbox, embedded_events, "test", clock, 1), clock
    )


def said(at: datetime, text: str, role: str = "user", **given: Any) -> Message:
    return Message(id="", position=0, at=at, role=role, text=text, **given)


def fill(office: Office) -> int:
    """Conversations of every kind; how many."""
    now = office.clock()
    event = Message(id="", position=0, at=now, kind=Kind.EVENT, name="Paid", text="4 €", rating=-1)
    inputs = ("null", '""', '"{}"', '{"a":[1,null,1e25,123456789012345678901]}')
    tools = [
        Message(id="", position=0, at=now, kind=Kind.TOOL, name="t", input=input, thought="hm")
        for input in inputs
    ]
    answer = said(now, "oui ⁂", "assistant", rating=1, metadata={"k": "v"})
    office.put(How.LOG, "log", said(now, "hi\n"), event, answer, feedback="good", tenant="t'\"\\")
    office.put(How.LOG, "nothing", said(now, ""), said(now, "", "assistant"))
    office.put(How.LOG, "tools", *tools, metadata={"user_id": "ann@corp.fr", "model": "m"})
    office.put(How.UPSERT, "grown", said(now, "a"), said(now, "b"))
    office.put(How.UPSERT, "again", said(now, "a"), event, said(now, "b"), said(now, "c"))
    for tenant in ("", "acme"):
        office.put(How.THREAD, f"1{tenant}", said(now, "one"), id="T/é", tenant=tenant)
        earlier = said(now - timedelta(days=900, microseconds=1), "two")
        office.put(How.THREAD, f"2{tenant}", earlier, answer, id="T/é", tenant=tenant)
    office.put(How.THREAD, "empty", id="empty", feedback="said nothing")
    return 7


def test_an_export_read_elsewhere_is_the_same_conversations(office: Office, tmp_path: Path) -> None:
    count = fill(office)
    lines = list(office.exported())
    (tmp_path / "all").write_bytes(b"".join(lines))
    elsewhere = msgspec.structs.replace(office.project, id=f"{office.project.id}-elsewhere")
    assert office.bring(tmp_path / "all", elsewhere) == (count, [])
    assert sorted(export(Reports(office.events), elsewhere)) == sorted(lines)


def test_an_export_read_where_it_came_from_changes_nothing(office: Office, tmp_path: Path) -> None:
    fill(office)
    lines = list(office.exported())
    (tmp_path / "all").write_bytes(b"".join(lines))
    office.bring(tmp_path / "all", office.project)
    assert list(office.exported()) == lines


def test_an_export_has_each_of_many_that_began_at_the_same_moment(office: Office) -> None:
    count = EXPORT_PER_PAGE * 2 + 1
    for n in range(count):
        office.put(How.LOG, f"{n:03}", said(office.clock(), "hi"))
    office.clock.move(hours=1)
    office.put(How.LOG, "later", said(office.clock(), "hi"))
    assert office.ids(office.exported()) == [*(f"{n:03}" for n in range(count)), "later"]


def test_what_comes_in_during_an_export_displaces_nothing(office: Office) -> None:
    for n in range(EXPORT_PER_PAGE + 20):
        office.put(How.LOG, f"{n:03}", said(office.clock(), "hi"))
        office.clock.move(seconds=1)
    lines = office.exported()
    first = next(lines)
    for n in range(30):
        office.put(How.LOG, f"older {n}", said(office.clock() - timedelta(days=2), "hi"))
    office.delivery.drain()
    ids = [*office.ids(iter([first])), *office.ids(lines)]
    assert ids == [f"{n:03}" for n in range(EXPORT_PER_PAGE + 20)]
