"""The recorder: what a dead process left is kept once, whatever is in it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine

from causerie.accounts import Key, KeyKind, Project
from causerie.exchanges import API, Cost, Exchange
from causerie.ingest import GroupCommit, Ingest
from causerie.journal import HEADER, Journal
from causerie.prices import Prices
from causerie.privacy import PersonalDataFilter
from causerie.recorder import KILLED, Recorder
from causerie.recordings import Begun, Ended, Piece, Recording, encode
from causerie.store.arrivals import Entry
from causerie.store.inbox import Inbox
from causerie.testing import Ticking
from causerie.token_usage import Usage
from causerie.tokens import Tokens

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
MINE = Project(id="mine", name="Mine", created_at=NOW)


def recording(id: str, **given: Any) -> Recording:
    exchange = Exchange(
        id=id,
        at=NOW,
        api=API.CHAT,
        key="key_1",
        endpoint="ep-test",
        model="gpt-4.1-mini",
        usage=Usage(input_tokens=1_000_000),
    )
    said = {
        "asked": b'[{"role":"user","content":"Hi"}]',
        "answered": (b'{"role":"assistant","content":"Hello."}',),
        "counted": True,
    }
    return Recording(project="mine", exchange=exchange, **{**said, **given})


def leave(folder: Path, name: str, *records: Begun | Piece | Ended) -> Path:
    """The journal of a process that died."""
    path = folder / f"{name}.journal"
    raw = [encode(record) for record in records]
    path.write_bytes(b"".join(HEADER.pack(len(one)) + one for one in raw))
    return path


@pytest.fixture
def inbox(sqlite_engine: Engine) -> Inbox:
    return Inbox(sqlite_engine)


def recover(inbox: Inbox, folder: Path) -> int:
    async def run() -> int:
        commit = GroupCommit(inbox, Ticking(NOW), lambda: None)
        steps = Ingest(PersonalDataFilter())
        # What recovers answers no call, and needs no journal.
        recorder = Recorder(None, steps, commit, Prices(), Tokens())  # type: ignore[arg-type]
        found = await recorder.recover(folder, lambda id: MINE if id == "mine" else None)
        await commit.stop()
        return found

    work: Coroutine[Any, Any, int] = run()
    return asyncio.run(work)


def entries(inbox: Inbox) -> list[Entry]:
    return [one.entry for one in inbox.waiting(100)]


def words(entry: Entry) -> list[str]:
    return [message.text for message in entry.conversation.messages]


def test_an_exchange_that_ended_is_kept_with_its_price(inbox: Inbox, tmp_path: Path) -> None:
    path = leave(tmp_path, "a", Ended(recording("one")))
    assert recover(inbox, tmp_path) == 1
    (entry,) = entries(inbox)
    assert words(entry) == ["Hi", "Hello."]
    assert entry.exchange is not None and entry.exchange.cost is not None
    assert entry.exchange.cost.amount > 0 and entry.exchange.cost.prices
    assert not path.exists()


def test_it_is_kept_once_though_its_journal_is_found_twice(inbox: Inbox, tmp_path: Path) -> None:
    leave(tmp_path, "a", Ended(recording("one")))
    recover(inbox, tmp_path)
    leave(tmp_path, "a", Ended(recording("one")))
    recover(inbox, tmp_path)
    assert len(entries(inbox)) == 1


def test_a_stream_that_was_killed_is_kept_with_what_was_said(inbox: Inbox, tmp_path: Path) -> None:
    begun = recording("one", answered=(), counted=False)
    leave(tmp_path, "a", Begun(begun), Piece("one", "Hel"), Piece("one", "lo"))
    recover(inbox, tmp_path)
    (entry,) = entries(inbox)
    assert words(entry) == ["Hi", "Hello", KILLED]
    exchange = entry.exchange
    assert exchange is not None and exchange.partial and exchange.error == KILLED
    assert exchange.usage.estimated and exchange.usage.output_tokens > 0


def test_a_stream_that_ended_is_not_told_twice(inbox: Inbox, tmp_path: Path) -> None:
    ended = Ended(recording("one"))
    leave(tmp_path, "a", Begun(recording("one", answered=())), Piece("one", "Hel"), ended)
    assert recover(inbox, tmp_path) == 1


def test_an_end_that_is_told_again_is_kept_as_it_was_told_last(
    inbox: Inbox, tmp_path: Path
) -> None:
    whole = recording("one")
    failed = replace(whole, exchange=replace(whole.exchange, error="busy"))
    leave(tmp_path, "dead", Ended(whole), Ended(failed))
    assert recover(inbox, tmp_path) == 1
    (entry,) = entries(inbox)
    assert entry.exchange is not None and entry.exchange.error == "busy"


def test_what_cannot_be_read_as_messages_is_kept_as_it_is(inbox: Inbox, tmp_path: Path) -> None:
    asked = b'[{"role":"user","content":"\\ud83d half"}, 7, {"content": {"a": 1}}]'
    leave(tmp_path, "a", Ended(recording("one", asked=asked)), Ended(recording("two")))
    assert recover(inbox, tmp_path) == 2
    assert "Hello." in words(entries(inbox)[0])


def test_a_torn_journal_keeps_nobody_from_starting(inbox: Inbox, tmp_path: Path) -> None:
    torn = leave(tmp_path, "a", Ended(recording("one")))
    torn.write_bytes(torn.read_bytes() + HEADER.pack(9) + b"x" * 9 + b"and more of it")
    leave(tmp_path, "b", Ended(recording("two")))
    assert recover(inbox, tmp_path) == 2


def test_a_project_that_is_gone_is_passed_over(inbox: Inbox, tmp_path: Path) -> None:
    leave(tmp_path, "a", Ended(Recording(project="gone", exchange=recording("one").exchange)))
    assert recover(inbox, tmp_path) == 0


def test_one_that_cannot_be_kept_is_put_aside_and_the_others_are_kept(
    inbox: Inbox, tmp_path: Path
) -> None:
    broken = recording("one", answered=(b"no JSON",), counted=False)
    path = leave(tmp_path, "a", Ended(broken), Ended(recording("two")))
    assert recover(inbox, tmp_path) == 1
    assert path.with_suffix(".failed").exists() and not path.exists()


def test_what_is_too_much_for_the_memory_is_kept_from_the_journal(
    inbox: Inbox, tmp_path: Path
) -> None:
    key = Key(id="key_1", project="mine", kind=KeyKind.GATEWAY, name="key", hint="", created_at=NOW)
    spent: list[int] = []

    def spend(usage: Usage, cost: Cost | None) -> None:
        spent.append(usage.total_tokens)

    async def run() -> None:
        commit = GroupCommit(inbox, Ticking(NOW), lambda: None)
        journal, steps = Journal(tmp_path, "mine"), Ingest(PersonalDataFilter())
        recorder = Recorder(journal, steps, commit, Prices(), Tokens(), waiting_max=3)
        for number in range(20):
            one = recording(f"call {number}")
            # Half of them are turns of contexts, which the journal has before they are kept.
            opened = recorder.whole(one) if number % 2 else None
            recorder.end(one, MINE, key, spend, opened)
        assert recorder.waiting == 20
        await recorder.stop()
        assert recorder.waiting == 0
        await commit.stop()

    asyncio.run(run())
    kept = {entry.exchange.id for entry in entries(inbox) if entry.exchange}
    assert kept == {f"call {number}" for number in range(20)} and len(spent) == 20
    assert not list(tmp_path.glob("*.journal"))
