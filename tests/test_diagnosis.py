"""What doctor says in every state: each part for itself, nothing hidden, no password shown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from causerie.config import Settings
from causerie.conversations import Conversation
from causerie.diagnosis import diagnose
from causerie.store.arrivals import Arrival, Entry
from causerie.store.events import EventStore
from causerie.store.inbox import ATTEMPTS_MAX, Inbox
from causerie.store.state import open_state
from causerie.stores import open_events

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.fixture
def settings(clickhouse_events: EventStore, state_url: str, tmp_path: Path) -> Settings:
    """Both stores by address: the tests' own process has the embedded engine."""
    return Settings(data=tmp_path, events_url=clickhouse_events._address, state_url=state_url)


def said(settings: Settings) -> dict[str, list[tuple[str, str]]]:
    """State and text of the findings, by topic."""
    found: dict[str, list[tuple[str, str]]] = {}
    for finding in diagnose(settings, open_events):
        found.setdefault(finding.topic, []).append((finding.state, finding.text))
    return found


def test_what_works_is_said_with_its_version(settings: Settings) -> None:
    found = said(settings)
    assert found["state store"][0][0] == "ok" and found["analytics store"][0][0] == "ok"
    assert found["inbox"] == [("ok", "0 entries wait to be moved into the analytics store")]
    assert found["delivery worker"] == [("note", "has never run here")]


def test_what_waits_who_moves_it_and_what_is_parked_is_said(settings: Settings) -> None:
    engine = open_state(settings.state_address)
    inbox = Inbox(engine)
    entries = [Entry(Conversation(id=id)) for id in "ab"]
    inbox.take([Arrival("p", entry, "uid") for entry in entries], NOW)
    first = inbox.waiting(1)[0].seq
    for _ in range(ATTEMPTS_MAX):
        inbox.blame(first, "no room\0")
    inbox.lease("delivery", "somebody", NOW)
    engine.dispose()
    found = said(settings)
    assert [state for state, _ in found["inbox"]] == ["ok", "broken", "note"]
    assert found["inbox"][0][1].startswith("1 entries wait")
    assert found["inbox"][1][1] == f"entry {first} cannot be moved: no room"
    assert "somebody, batch 1" in found["delivery worker"][0][1]


def test_a_broken_state_store_does_not_hide_the_analytics_store(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database at all" * 100)
    found = said(settings.overriding(state_url=f"sqlite:///{tmp_path / 'broken.db'}"))
    assert found["state store"][0][0] == "broken" and found["analytics store"][0][0] == "ok"


def test_a_data_folder_that_can_be_none_is_said_of_both_stores(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = said(Settings(data=tmp_path / "file"))
    assert found["state store"][0][0] == found["analytics store"][0][0] == "broken"


@pytest.mark.parametrize(
    "address", ["postgresql://u:hidden@127.0.0.1:1/d", "postgresql://127.0.0.1:1/d?password=hidden"]
)
def test_a_password_is_not_shown(settings: Settings, address: str) -> None:
    found = said(settings.overriding(state_url=address))
    assert found["state store"][0][0] == "broken" and "hidden" not in str(found)
