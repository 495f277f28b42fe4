"""Turns of one session at once: from threads, tasks and processes, and what a killed one leaves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from langchain_core.messages import HumanMessage

from causerie.sessions import SessionBusy, SessionLost, Sessions
from causerie.sessions.lines import Lines
from tests.scripted_upstream import ScriptedUpstream, hold
from tests.session_cast import chain_of, contents, named, open_place

SHARED = pytest.mark.parametrize("place", ["sqlite", "postgresql", "contexts"], indirect=True)
TOGETHER = 20


@pytest.fixture
def id() -> str:
    """A session that no other test has."""
    return f"s-{uuid.uuid4().hex[:12]}"


def check_whole_turns(said: list[str], upstream: ScriptedUpstream, count: int) -> None:
    """Each turn is whole, none is lost, and each had seen all before it."""
    assert len(said) == 2 * count
    assert len(set(said[::2])) == count
    shown = sorted((seen.messages for seen in upstream.requests), key=len)
    assert [len(messages) for messages in shown] == [2 * place + 2 for place in range(count)]
    for before, after in pairwise(shown):
        assert after[: len(before)] == before
    assert [one["content"] for one in shown[-1][1:]] == said[:-1]


def test_turns_of_threads_and_tasks_come_one_after_the_other(
    place: str, upstream: ScriptedUpstream, id: str
) -> None:
    with open_place(place) as sessions, ThreadPoolExecutor(TOGETHER) as threads:
        conversation = sessions.build_conversation(chain_of(upstream.url))

        def say(number: int) -> None:
            if number % 3:
                conversation.invoke(f"thread {number}", named(id))
            else:
                list(conversation.stream(f"thread {number}", named(id)))

        async def tasks() -> None:
            calls = (conversation.ainvoke(f"task {n}", named(id)) for n in range(TOGETHER // 2))
            await asyncio.gather(*calls)

        running = [threads.submit(say, number) for number in range(TOGETHER // 2)]
        asyncio.run(tasks())
        for one in running:
            one.result()
        said = contents(sessions.get_message_history(id).messages)
        check_whole_turns(said, upstream, TOGETHER)


def test_messages_that_are_added_at_once_stay_together(place: str, id: str) -> None:
    with open_place(place) as sessions, ThreadPoolExecutor(8) as threads:

        def add(number: int) -> None:
            pair = [HumanMessage(f"{number}"), HumanMessage(f"{number}")]
            sessions.get_message_history(id).add_messages(pair)

        list(threads.map(add, range(8)))
        said = contents(sessions.get_message_history(id).messages)
        assert said[::2] == said[1::2]
        assert sorted(said[::2]) == [f"{number}" for number in range(8)]


def test_another_session_does_not_wait(place: str, upstream: ScriptedUpstream, id: str) -> None:
    with open_place(place) as sessions, ThreadPoolExecutor(1) as threads:
        conversation = sessions.build_conversation(chain_of(upstream.url))
        upstream.then(hold())
        slow = threads.submit(conversation.invoke, "slow", named(id))
        upstream.until(lambda: len(upstream.requests) == 1)
        conversation.invoke("quick", named(f"{id}-2"))
        assert not slow.done()
        upstream.release()
        slow.result()


def test_a_turn_that_waits_too_long_is_told_and_leaves_nothing(
    place: str, upstream: ScriptedUpstream, id: str, caplog: pytest.LogCaptureFixture
) -> None:
    with open_place(place, wait_s=0.05) as sessions, ThreadPoolExecutor(1) as threads:
        conversation = sessions.build_conversation(chain_of(upstream.url))
        upstream.then(hold())
        slow = threads.submit(conversation.invoke, "slow", named(id))
        upstream.until(lambda: len(upstream.requests) == 1)
        with pytest.raises(SessionBusy) as raised:
            conversation.invoke("impatient", named(id))
        with pytest.raises(SessionBusy):
            asyncio.run(conversation.ainvoke("impatient", named(id)))
        assert raised.value.session == id
        said = [one.message for one in caplog.records if one.name == "causerie.sessions"]
        assert [id in line and "SessionBusy" in line for line in said] == [True, True]
        upstream.release()
        slow.result()
        assert contents(sessions.get_message_history(id).messages)[0] == "slow"
        conversation.invoke("and now", named(id))


@SHARED
def test_another_process_is_waited_for_too_and_not_for_ever(
    place: str, upstream: ScriptedUpstream, id: str
) -> None:
    with (
        open_place(place) as sessions,
        open_place(place, wait_s=0.05) as others,
        ThreadPoolExecutor(1) as threads,
    ):
        chain = chain_of(upstream.url)
        upstream.then(hold())
        slow = threads.submit(sessions.build_conversation(chain).invoke, "slow", named(id))
        upstream.until(lambda: len(upstream.requests) == 1)
        for _ in range(2):
            with pytest.raises(SessionBusy):
                others.build_conversation(chain).invoke("impatient", named(id))
        upstream.release()
        slow.result()
        others.build_conversation(chain).invoke("patient", named(id))
        assert len(sessions.get_message_history(id).messages) == 4


def process(
    place: str, upstream: ScriptedUpstream, id: str, count: int, lease_s: float = 30
) -> subprocess.Popen[bytes]:
    options = (place, upstream.url, id, str(count), str(lease_s))
    return subprocess.Popen([sys.executable, "-m", "tests.session_cast", *options])


@SHARED
def test_processes_take_turns_and_lose_none(
    place: str, upstream: ScriptedUpstream, id: str
) -> None:
    running = [process(place, upstream, id, 8) for _ in range(2)]
    assert [one.wait() for one in running] == [0, 0]
    with open_place(place) as sessions:
        said = contents(sessions.get_message_history(id).messages)
    check_whole_turns(said, upstream, 16)
    assert {line.split()[0] for line in said[::2]} == {str(one.pid) for one in running}


@pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
def test_a_killed_process_frees_its_session_and_leaves_nothing(
    place: str, upstream: ScriptedUpstream, id: str
) -> None:
    upstream.then(hold())
    one = process(place, upstream, id, 1, lease_s=1.5)
    try:
        upstream.until(lambda: len(upstream.requests) == 1)
        with open_place(place, wait_s=0.05) as sessions, pytest.raises(SessionBusy):
            sessions.get_message_history(id).add_messages([HumanMessage("too early")])
    finally:
        one.kill()
        one.wait()
    with open_place(place, wait_s=10) as sessions:
        sessions.build_conversation(chain_of(upstream.url)).invoke("next", named(id))
        assert contents(sessions.get_message_history(id).messages)[0] == "next"


@pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
def test_a_hold_is_renewed_for_as_long_as_a_turn_takes(
    place: str, upstream: ScriptedUpstream, id: str
) -> None:
    with (
        open_place(place, lease_s=0.3) as sessions,
        open_place(place, wait_s=1) as others,
        ThreadPoolExecutor(1) as threads,
    ):
        upstream.then(hold())
        slow = threads.submit(
            sessions.build_conversation(chain_of(upstream.url)).invoke, "slow", named(id)
        )
        upstream.until(lambda: len(upstream.requests) == 1)
        with pytest.raises(SessionBusy):
            others.get_message_history(id).add_messages([HumanMessage("in between")])
        upstream.release()
        slow.result()
        assert contents(others.get_message_history(id).messages)[0] == "slow"


@pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
def test_a_turn_whose_hold_was_taken_by_another_is_not_kept(
    place: str, upstream: ScriptedUpstream, id: str
) -> None:
    with open_place(place) as sessions, ThreadPoolExecutor(1) as threads:
        conversation = sessions.build_conversation(chain_of(upstream.url))
        upstream.then(hold())
        stalled = threads.submit(conversation.invoke, "stalled", named(id))
        upstream.until(lambda: len(upstream.requests) == 1)
        expire(place, sessions)
        with open_place(place) as others:
            others.get_message_history(id).add_messages([HumanMessage("mine")])
        upstream.release()
        with pytest.raises(SessionLost):
            stalled.result()
        assert contents(sessions.get_message_history(id).messages) == ["mine"]


def expire(place: str, sessions: Sessions) -> None:
    """Let the holds run out, as those of a process that stands still do."""
    statement = "UPDATE causerie_holds SET ends_at = 0"
    if place.startswith("postgresql"):
        import psycopg

        with psycopg.connect(place, autocommit=True) as connection:
            connection.execute(statement.encode())
        return
    import sqlite3

    file = sqlite3.connect(place)
    with file:
        file.execute(statement)
    file.close()


# ---- lines ---------------------------------------------------------------------------------------


def test_who_came_first_is_first_and_who_leaves_is_not_called() -> None:
    lines = Lines()
    first, second, third, other = (*(lines.join("s") for _ in range(3)), lines.join("t"))
    assert [place.done() for place in (first, second, third, other)] == [True, False, False, True]
    lines.leave("s", second)
    lines.leave("s", first)
    assert (second.done(), third.done()) == (False, True)
    lines.leave("s", third)
    assert lines.join("s").done()


def test_a_task_that_gives_up_its_place_holds_nobody_up() -> None:
    with Sessions() as sessions:
        history = sessions.get_message_history("s")
        held, go_on = threading.Event(), threading.Event()

        def hold_it() -> None:
            with history._turns.turn("s"):
                held.set()
                go_on.wait(10)

        async def give_up() -> None:
            waiting = asyncio.create_task(_take(sessions))
            await asyncio.sleep(0.02)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

        thread = threading.Thread(target=hold_it)
        thread.start()
        held.wait(10)
        asyncio.run(give_up())
        go_on.set()
        thread.join()
        began = time.monotonic()
        history.add_messages([HumanMessage("free")])
        assert time.monotonic() - began < 5


async def _take(sessions: Sessions) -> None:
    async with sessions.get_message_history("s")._turns.aturn("s"):
        pass
