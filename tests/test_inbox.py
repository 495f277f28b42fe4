"""The inbox on both engines: what is kept, recognised, continued, leased."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from causerie.accounts import Project
from causerie.conversations import UPSERT_WINDOW, Conversation, Message, message_id
from causerie.errors import Unavailable
from causerie.ingest import How, Ingest, Submission
from causerie.privacy import PersonalDataFilter
from causerie.store.arrivals import Arrival
from causerie.store.inbox import ATTEMPTS_MAX, LEASE, REPLAY_WINDOW, Inbox
from causerie.store.state import open_state
from causerie.testing import Ticking


@pytest.fixture
def inbox(engine: Engine) -> Inbox:
    return Inbox(engine)


def arrival(clock: Ticking, how: How, *texts: str, uid: str = "uid", **given: Any) -> Arrival:
    """What the API makes of a body with these texts, user and assistant in turn."""
    messages = [
        Message(id="", position=0, at=clock(), role=("user", "assistant")[index % 2], text=text)
        for index, text in enumerate(texts)
    ]
    project = Project(id="p", name="P", created_at=clock(), salt=b"salt")
    request = given.pop("request", None)
    ratings = given.pop("ratings", None)
    conversation = Conversation(**{"id": "", "messages": messages, **given})
    submission = Submission(project, how, conversation, uid, clock(), request, ratings)
    return Ingest(PersonalDataFilter()).prepare(submission)[0]


def kept(inbox: Inbox, limit: int = 100) -> list[tuple[str, list[str]]]:
    """Conversation id and appended texts of everything that waits."""
    return [
        (one.entry.conversation.id, [message.text for message in one.entry.conversation.messages])
        for one in inbox.waiting(limit)
    ]


def test_what_is_taken_waits_in_order(inbox: Inbox, clock: Ticking) -> None:
    inbox.take([arrival(clock, How.LOG, "a", "b", uid="1")], clock())
    inbox.take([arrival(clock, How.THREAD, "c", uid="2", id="T")], clock())
    assert kept(inbox) == [("1", ["a", "b"]), ("T", ["c"])]


def test_a_retry_is_answered_with_the_first_uid_and_kept_once(inbox: Inbox, clock: Ticking) -> None:
    first = inbox.take([arrival(clock, How.LOG, "a", "b", uid="1", request=b"r")], clock())
    again = inbox.take([arrival(clock, How.LOG, "a", "b", uid="2", request=b"r")], clock())
    assert (first[0].uid, first[0].replayed) == ("1", False)
    assert (again[0].uid, again[0].replayed) == ("1", True)
    assert len(kept(inbox)) == 1


def test_a_retry_in_the_same_group_is_kept_once(inbox: Inbox, clock: Ticking) -> None:
    group = [arrival(clock, How.LOG, "a", "b", uid=uid, request=b"r") for uid in "12"]
    assert [receipt.replayed for receipt in inbox.take(group, clock())] == [False, True]
    assert len(kept(inbox)) == 1


def test_a_request_is_remembered_for_a_day(inbox: Inbox, clock: Ticking) -> None:
    inbox.take([arrival(clock, How.LOG, "a", "b", uid="1", request=b"r")], clock())
    clock.now += REPLAY_WINDOW
    assert inbox.take([arrival(clock, How.LOG, "a", "b", uid="2", request=b"r")], clock())[
        0
    ].replayed
    clock.move(seconds=1)
    late = inbox.take([arrival(clock, How.LOG, "a", "b", uid="3", request=b"r")], clock())
    assert not late[0].replayed


def test_retries_from_many_threads_are_kept_once(inbox: Inbox, clock: Ticking) -> None:
    uids: list[str] = []

    def retry(n: int) -> None:
        one = arrival(clock, How.LOG, "a", "b", uid=f"u{n}", request=b"same")
        uids.append(inbox.take([one], clock())[0].uid)

    threads = [threading.Thread(target=retry, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(uids)) == 1 and len(uids) == 8
    assert len(kept(inbox)) == 1


def test_an_upsert_adds_only_what_is_new(inbox: Inbox, clock: Ticking) -> None:
    inbox.take([arrival(clock, How.UPSERT, "a", "b", uid="1")], clock())
    inbox.take([arrival(clock, How.UPSERT, "a", "b", "c", "d", uid="2")], clock())
    inbox.take([arrival(clock, How.UPSERT, "a", "b", "c", "d", "e", uid="3")], clock())
    assert kept(inbox) == [("1", ["a", "b"]), ("1", ["c", "d"]), ("1", ["e"])]
    ids = [m.id for one in inbox.waiting(9) for m in one.entry.conversation.messages]
    assert ids == [message_id("1", index) for index in range(5)]


def test_an_upsert_continues_within_its_group(inbox: Inbox, clock: Ticking) -> None:
    group = [
        arrival(clock, How.UPSERT, "a", "b", uid="1"),
        arrival(clock, How.UPSERT, "a", "b", "c", uid="2"),
    ]
    inbox.take(group, clock())
    assert kept(inbox) == [("1", ["a", "b"]), ("1", ["c"])]


def test_an_upsert_continues_a_logged_transcript(inbox: Inbox, clock: Ticking) -> None:
    inbox.take([arrival(clock, How.LOG, "a", "b", uid="1")], clock())
    inbox.take([arrival(clock, How.UPSERT, "a", "b", "c", uid="2")], clock())
    assert kept(inbox) == [("1", ["a", "b"]), ("1", ["c"])]


def test_a_log_never_continues_anything(inbox: Inbox, clock: Ticking) -> None:
    for uid in "12":
        inbox.take([arrival(clock, How.LOG, "a", "b", uid=uid)], clock())
    assert [id for id, _ in kept(inbox)] == ["1", "2"]


def test_an_upsert_with_other_metadata_is_another_conversation(
    inbox: Inbox, clock: Ticking
) -> None:
    for uid in "12":
        one = arrival(clock, How.UPSERT, "a", "b", uid=uid, metadata={"user_id": uid})
        inbox.take([one], clock())
    assert [id for id, _ in kept(inbox)] == ["1", "2"]


def test_an_upsert_after_six_hours_begins_anew(inbox: Inbox, clock: Ticking) -> None:
    inbox.take([arrival(clock, How.UPSERT, "a", "b", uid="1")], clock())
    clock.now += UPSERT_WINDOW
    inbox.take([arrival(clock, How.UPSERT, "a", "b", "c", uid="2")], clock())
    assert kept(inbox)[-1] == ("1", ["c"])
    clock.now += UPSERT_WINDOW + timedelta(seconds=1)
    inbox.take([arrival(clock, How.UPSERT, "a", "b", "c", "d", uid="3")], clock())
    assert kept(inbox)[-1] == ("3", ["a", "b", "c", "d"])


def test_an_upsert_that_parts_after_the_opening_is_another_conversation(
    inbox: Inbox, clock: Ticking
) -> None:
    inbox.take([arrival(clock, How.UPSERT, "a", "b", "c", uid="1")], clock())
    inbox.take([arrival(clock, How.UPSERT, "a", "b", "x", uid="2")], clock())
    inbox.take([arrival(clock, How.UPSERT, "a", "b", "c", "d", uid="3")], clock())
    assert kept(inbox) == [("1", ["a", "b", "c"]), ("2", ["a", "b", "x"]), ("1", ["d"])]


def test_an_upsert_that_comes_again_shorter_adds_nothing(inbox: Inbox, clock: Ticking) -> None:
    inbox.take([arrival(clock, How.UPSERT, "a", "b", "c", uid="1")], clock())
    inbox.take([arrival(clock, How.UPSERT, "a", "b", uid="2")], clock())
    inbox.take([arrival(clock, How.UPSERT, "a", "b", "c", "d", uid="3")], clock())
    assert kept(inbox) == [("1", ["a", "b", "c"]), ("1", []), ("1", ["d"])]


def test_upserts_of_one_conversation_from_many_threads_make_one(
    inbox: Inbox, clock: Ticking
) -> None:
    def grow(n: int) -> None:
        inbox.take([arrival(clock, How.UPSERT, "a", "b", uid=f"u{n}")], clock())

    threads = [threading.Thread(target=grow, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id for id, _ in kept(inbox)}) == 1


def test_one_holder_at_a_time_has_the_lease(inbox: Inbox, clock: Ticking) -> None:
    assert inbox.lease("delivery", "one", clock()) == 1
    assert inbox.lease("delivery", "two", clock()) is None
    assert inbox.lease("delivery", "one", clock()) == 2
    clock.now += LEASE + timedelta(seconds=1)
    assert inbox.lease("delivery", "two", clock()) == 3
    assert inbox.lease("delivery", "one", clock()) is None


def test_a_lease_that_another_had_in_between_is_not_renewed(inbox: Inbox, clock: Ticking) -> None:
    assert inbox.lease("delivery", "one", clock()) == 1
    assert inbox.renew("delivery", "one", 1, clock()) == 2
    clock.now += LEASE + timedelta(seconds=1)
    assert inbox.renew("delivery", "one", 2, clock()) == 3  # late, but nobody else was there
    clock.now += LEASE + timedelta(seconds=1)
    inbox.lease("delivery", "two", clock())
    clock.now += LEASE + timedelta(seconds=1)
    assert inbox.renew("delivery", "one", 3, clock()) is None


def test_a_released_lease_is_free_at_once(inbox: Inbox, clock: Ticking) -> None:
    inbox.lease("delivery", "one", clock())
    inbox.release("delivery", "one", clock())
    assert inbox.lease("delivery", "two", clock()) == 2


def test_an_entry_that_fails_too_often_is_parked_with_its_reason(
    inbox: Inbox, clock: Ticking
) -> None:
    inbox.take([arrival(clock, How.LOG, "a", "b")], clock())
    (one,) = inbox.waiting(1)
    for _ in range(ATTEMPTS_MAX):
        inbox.blame(one.seq, "the engine refused it")
    assert inbox.waiting(1) == [] and inbox.backlog() == (0, 1)
    assert inbox.parked() == [(one.seq, "the engine refused it")]
    assert inbox.retry_parked() == 1 and inbox.backlog() == (1, 0)
    # What came after it may be moved already: it no longer counts as the first of its conversation.
    assert one.entry.fresh and not inbox.waiting(1)[0].entry.fresh


def test_removed_entries_are_gone_and_numbers_are_never_used_again(
    inbox: Inbox, clock: Ticking
) -> None:
    inbox.take([arrival(clock, How.LOG, "a", "b", uid="1")], clock())
    (first,) = inbox.waiting(9)
    inbox.remove([first.seq])
    assert inbox.backlog() == (0, 0)
    inbox.take([arrival(clock, How.LOG, "a", "b", uid="2")], clock())
    assert inbox.waiting(9)[0].seq > first.seq


def test_a_read_is_bounded_by_bytes_but_never_empty(inbox: Inbox, clock: Ticking) -> None:
    for uid in "123":
        inbox.take([arrival(clock, How.LOG, "x" * 1_000, uid=uid)], clock())
    assert inbox.holds()
    assert [len(inbox.waiting(9, size)) for size in (1, 2_000, 3_000, 9_000)] == [1, 1, 2, 3]
    assert [len(inbox.waiting(limit)) for limit in (1, 2, 9)] == [1, 2, 3]


def test_a_conversation_is_pending_until_its_entries_are_removed(
    inbox: Inbox, clock: Ticking
) -> None:
    inbox.take([arrival(clock, How.THREAD, "a", id="T")], clock())
    newest = inbox.newest("p", "T")
    assert newest is not None and inbox.newest("p", "other") is None
    inbox.take([arrival(clock, How.THREAD, "later", uid="2", id="T")], clock())
    assert inbox.pending("p", "T", newest) and not inbox.pending("p", "other", newest)
    inbox.remove([newest])
    assert not inbox.pending("p", "T", newest) and inbox.newest("p", "T") is not None
    assert inbox.newest("p", "T\0") is None


def test_a_sweep_forgets_what_is_past_its_window(inbox: Inbox, clock: Ticking) -> None:
    inbox.take([arrival(clock, How.UPSERT, "a", "b", uid="1", request=b"r")], clock())
    clock.now += REPLAY_WINDOW + timedelta(seconds=1)
    inbox.sweep(clock())
    assert not inbox.take([arrival(clock, How.UPSERT, "a", "b", request=b"r")], clock())[0].replayed


def test_a_store_that_is_gone_says_unavailable(tmp_path: Any, clock: Ticking) -> None:
    engine = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    inbox = Inbox(engine)
    (tmp_path / "state.db").unlink()
    engine.dispose()
    with pytest.raises(Unavailable):
        inbox.take([arrival(clock, How.LOG, "a", "b")], clock())
    for ask in (inbox.holds, inbox.backlog, inbox.parked, inbox.worker):
        with pytest.raises(Unavailable):
            ask()


def test_among_many_with_the_same_opening_the_one_it_continues_is_found(
    inbox: Inbox, clock: Ticking
) -> None:
    group = [arrival(clock, How.LOG, "hi", "hello", f"t{n}", uid=f"u{n}") for n in range(300)]
    inbox.take(group, clock())
    inbox.take([arrival(clock, How.UPSERT, "hi", "hello", "t123", "more", uid="x")], clock())
    inbox.take([arrival(clock, How.UPSERT, "hi", "hello", "t7", "a", "b", "c", uid="y")], clock())
    assert kept(inbox, 400)[-2:] == [("u123", ["more"]), ("u7", ["a", "b", "c"])]
