"""What goes wrong in a session: typed, in the log once with its id, and nothing of it is kept."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate

from causerie.client import Client, Unreachable
from causerie.sessions import (
    ModelFailed,
    NotConfigured,
    SessionError,
    Sessions,
    StoreUnavailable,
)
from tests.conftest import Postgres
from tests.scripted_model import Reply
from tests.scripted_upstream import (
    ScriptedUpstream,
    answer,
    close_at_once,
    cut_stream,
    garbage,
    hold,
    refuse,
    status,
)
from tests.session_cast import ENDPOINT, KEY, chain_of, contents, named, open_place


@pytest.fixture
def id() -> str:
    """A session that no other test has."""
    return f"s-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def sessions(place: str) -> Iterator[Sessions]:
    with open_place(place) as sessions:
        yield sessions


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log has of failures."""
    return [
        one.getMessage()
        for one in caplog.records
        if one.name == "causerie.sessions" and one.levelno >= logging.ERROR
    ]


# ---- the model -----------------------------------------------------------------------------------

FAILURES: dict[str, tuple[Reply, int | None]] = {
    "fails": (status(500), 500),
    "refuses": (refuse(429), 429),
    "closes": (close_at_once(), None),
    "says nonsense": (garbage(), None),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_model_that_fails_leaves_the_session_as_it_was(
    sessions: Sessions,
    upstream: ScriptedUpstream,
    id: str,
    failure: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    conversation = sessions.build_conversation(chain_of(upstream.url))
    reply, code = FAILURES[failure]
    conversation.invoke("Hello", named(id))
    before = sessions.get_message_history(id).messages

    async def fail() -> None:
        with pytest.raises(ModelFailed):
            await conversation.ainvoke("And?", named(id))
        with pytest.raises(ModelFailed):
            [piece async for piece in conversation.astream("And?", named(id))]

    upstream.always(reply)
    with pytest.raises(ModelFailed) as raised:
        conversation.invoke("And?", named(id))
    with pytest.raises(ModelFailed):
        list(conversation.stream("And?", named(id)))
    asyncio.run(fail())
    assert (raised.value.status, raised.value.session) == (code, id)
    assert raised.value.__cause__ is not None
    assert len(lines(caplog)) == 4 and all(id in line for line in lines(caplog))
    assert KEY not in caplog.text and KEY not in str(raised.value)
    assert sessions.get_message_history(id).messages == before
    upstream.always(answer("Again."))
    conversation.invoke("And?", named(id))
    assert len(sessions.get_message_history(id).messages) == 4


def test_a_model_that_is_too_slow_is_one_that_fails(upstream: ScriptedUpstream, id: str) -> None:
    upstream.then(hold())
    with Sessions() as sessions:
        conversation = sessions.build_conversation(chain_of(upstream.url, timeout_s=0.1))
        with pytest.raises(ModelFailed, match="Timeout"):
            conversation.invoke("Hello", named(id))
        assert sessions.session_ids() == []
    upstream.release()


def test_an_answer_that_breaks_off_is_not_kept(
    sessions: Sessions, upstream: ScriptedUpstream, id: str
) -> None:
    conversation = sessions.build_conversation(chain_of(upstream.url))
    upstream.then(cut_stream(after=2))
    stream = conversation.stream("Count", named(id))
    assert next(stream).type == "AIMessageChunk"
    with pytest.raises(ModelFailed):
        list(stream)
    assert id not in sessions.session_ids()
    assert sessions.get_message_history(id).messages == []


def test_a_prompt_that_lacks_something_is_a_failure_of_the_chain(
    upstream: ScriptedUpstream, id: str
) -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "{who}"), ("human", "{input}")])
    with Sessions() as sessions:
        conversation = sessions.build_conversation(prompt.pipe(chain_of(upstream.url)))
        with pytest.raises(ModelFailed, match="KeyError"):
            conversation.invoke("Hello", named(id))
        with pytest.raises(NotConfigured, match="input"):
            conversation.invoke({"question": "Hello"}, named(id))
    assert upstream.requests == []


# ---- who leaves ----------------------------------------------------------------------------------


def test_a_turn_that_is_cancelled_is_not_kept_and_its_request_ends(
    sessions: Sessions, upstream: ScriptedUpstream, id: str
) -> None:
    conversation = sessions.build_conversation(chain_of(upstream.url))

    def asked(count: int) -> None:
        upstream.until(lambda: len(upstream.requests) == count)

    async def stream(begun: asyncio.Event) -> None:
        async for _ in conversation.astream("Count", named(id)):
            begun.set()

    async def cancel(task: asyncio.Task[Any]) -> None:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(upstream.until, lambda: upstream.last.hung_up)

    async def leave() -> None:
        upstream.then(hold(), hold(after=2))
        whole = asyncio.create_task(conversation.ainvoke("Count", named(id)))
        await asyncio.to_thread(asked, 1)
        await cancel(whole)
        begun = asyncio.Event()
        streamed = asyncio.create_task(stream(begun))
        await begun.wait()
        await cancel(streamed)
        await conversation.ainvoke("Stay", named(id))

    asyncio.run(leave())
    assert contents(sessions.get_message_history(id).messages)[0] == "Stay"


def test_a_stream_that_is_left_is_not_kept_and_its_request_ends(
    sessions: Sessions, upstream: ScriptedUpstream, id: str
) -> None:
    conversation = sessions.build_conversation(chain_of(upstream.url))
    upstream.then(hold(after=2), hold(after=2))
    stream = conversation.stream("Count", named(id))
    next(stream)
    # Declared as an iterator; it is a generator, which an app leaves by closing.
    stream.close()  # type: ignore[attr-defined]
    upstream.until(lambda: upstream.requests[0].hung_up)

    async def leave() -> None:
        left = conversation.astream("Count", named(id))
        await anext(left)
        # The same.
        await left.aclose()  # type: ignore[attr-defined]
        await asyncio.to_thread(upstream.until, lambda: upstream.requests[1].hung_up)

    asyncio.run(leave())
    assert sessions.get_message_history(id).messages == []
    conversation.invoke("Stay", named(id))
    assert len(sessions.get_message_history(id).messages) == 2


# ---- the store -----------------------------------------------------------------------------------


def check_unavailable(sessions: Sessions, upstream: ScriptedUpstream, id: str) -> None:
    """Whatever is asked of it, it says so, and asks no model."""
    conversation = sessions.build_conversation(chain_of(upstream.url))
    count = len(upstream.requests)
    asked: list[Callable[[], object]] = [
        lambda: conversation.invoke("Hello", named(id)),
        lambda: asyncio.run(conversation.ainvoke("Hello", named(id))),
        lambda: sessions.get_message_history(id).messages,
        lambda: sessions.get_message_history(id).add_messages([HumanMessage("x")]),
        lambda: sessions.delete(id),
        sessions.session_ids,
    ]
    for ask in asked:
        with pytest.raises(StoreUnavailable) as raised:
            ask()
        assert raised.value.__cause__ is not None
    assert len(upstream.requests) == count


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_file_that_was_closed_is_unavailable(
    sessions: Sessions, upstream: ScriptedUpstream, id: str, caplog: pytest.LogCaptureFixture
) -> None:
    sessions.close()
    check_unavailable(sessions, upstream, id)
    assert len(lines(caplog)) == 6


def test_a_database_that_went_away_is_unavailable_and_comes_back(
    postgres: Postgres, upstream: ScriptedUpstream, id: str
) -> None:
    database = postgres.server.create()
    with Sessions(postgres.server.address(database)) as sessions:
        conversation = sessions.build_conversation(chain_of(upstream.url))
        conversation.invoke("Hello", named(id))
        postgres.server.restart()
        conversation.invoke("Still there?", named(id))
        assert len(sessions.get_message_history(id).messages) == 4
    check_unavailable(sessions, upstream, id)
    postgres.server.drop(database)


def test_a_server_that_cannot_be_reached_is_unavailable(
    upstream: ScriptedUpstream, id: str
) -> None:
    with Client("key", "http://127.0.0.1:9") as client:
        sessions = Sessions(client, model=ENDPOINT)
        with pytest.raises(StoreUnavailable) as raised:
            sessions.build_conversation(chain_of(upstream.url)).invoke("Hello", named(id))
        assert isinstance(raised.value.__cause__, Unreachable)
        assert upstream.requests == []


def test_a_turn_that_cannot_be_written_is_an_error_in_both_kinds_of_runnable(
    upstream: ScriptedUpstream, id: str, tmp_path: object, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = Sessions(f"{tmp_path}/sessions.db")
    with pytest.warns(DeprecationWarning, match="RunnableWithMessageHistory"):
        remembering = sessions.build_runnable_with_history(chain_of(upstream.url))
    for runnable in (sessions.build_conversation(chain_of(upstream.url)), remembering):
        stream = runnable.stream({"input": "Count"}, named(id))
        next(stream)
        sessions.get_message_history(id)._turns.store.release(id, _holder(sessions))
        with pytest.raises(SessionError):
            list(stream)
        assert sessions.get_message_history(id).messages == []
    assert len(lines(caplog)) == 2
    sessions.close()


def _holder(sessions: Sessions) -> str:
    """Who has the one session that is held."""
    (holder,) = sessions._turns._holds._renewals._held
    return holder


def test_a_place_that_cannot_be_opened_is_told_at_once(tmp_path: object) -> None:
    with pytest.raises(StoreUnavailable):
        Sessions(f"{tmp_path}/none/sessions.db")
    with pytest.raises(StoreUnavailable) as raised:
        Sessions(f"{tmp_path}")
    assert raised.value.__cause__ is not None
    with Client("key", "http://127.0.0.1:9") as client, pytest.raises(NotConfigured):
        Sessions(client)
