"""The gateway as a real process: callers that hang up, kills, a state store that restarts, two
servers that share one. Answers that a caller got are recorded, broken ones as what they are.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from causerie.testing import ServerProcess
from tests.clickhouse_bridge import ClickHouseBridge
from tests.postgres_server import serve_postgres
from tests.scripted_upstream import ScriptedUpstream, answer, hold, slow_stream

WAIT_SECONDS_MAX = 30.0
STREAM = "/api/v3/context/chat/completions"


@dataclass
class Caller:
    """Somebody with a key, who may hang up."""

    server: ServerProcess
    token: str

    def send(
        self, path: str, body: Any, method: str = "POST", key: str = ""
    ) -> http.client.HTTPConnection:
        """A connection on which a request was sent."""
        address = urlsplit(self.server.endpoint)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        auth = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            auth["Idempotency-Key"] = key
        connection.request(method, path, json.dumps(body), auth)
        return connection

    def ask(self, path: str, body: Any = None, method: str = "POST") -> tuple[int, Any]:
        """Status and body of an answer."""
        with closing(self.send(path, body, method)) as connection:
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def context(self) -> str:
        """A new context."""
        first = [{"role": "system", "content": "Be brief."}]
        status, said = self.ask("/context/create", {"model": "ep-test", "messages": first})
        assert status == 200, said
        return str(said["id"])

    def turn(self, context: str, text: str, **more: Any) -> tuple[int, Any]:
        return self.ask(STREAM, turn(context, text, **more))

    def exchanges(self, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The calls that were recorded, once there are enough of them."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            found: list[dict[str, Any]] = self.ask("/api/v1/exchanges", None, "GET")[1]["exchanges"]
            if enough(found):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    def delivered(self, id: str) -> list[dict[str, Any]]:
        """What was said in a conversation, once there is one."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while self.ask(f"/api/v1/conversations/{id}", None, "GET")[0] == 404:
            assert time.monotonic() < deadline, id
            time.sleep(0.05)
        return self.transcript(id)

    def transcript(self, id: str) -> list[dict[str, Any]]:
        """What was said in a conversation."""
        status, said = self.ask(f"/api/v1/conversations/{id}", None, "GET")
        assert status == 200, said
        messages: list[dict[str, Any]] = said["messages"]
        return messages


def turn(context: str, text: str, **more: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": text}]
    return {"context_id": context, "model": "ep-test", "messages": said, **more}


def words(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["role"] or one["type"], one["message"]) for one in messages]


def read_until(response: http.client.HTTPResponse, word: bytes) -> bytes:
    """What has come, with that word in it."""
    read = b""
    while word not in read:
        piece = response.read1()
        assert piece, read
        read += piece
    return read


@contextmanager
def served(folder: Path, upstream: ScriptedUpstream, **settings: str) -> Iterator[Caller]:
    """A server with an endpoint at the scripted provider."""
    server = ServerProcess(folder, **settings)
    add(server, upstream)
    server.start()
    yield Caller(server, server.key("admin"))
    server.stop()


def add(server: ServerProcess, upstream: ScriptedUpstream) -> None:
    address = ("--upstream", upstream.url, "--model", "scripted-1", "--id", "ep-test")
    server.command("endpoint", "add", "Test", *address)


@pytest.fixture
def caller(tmp_path: Path, upstream: ScriptedUpstream) -> Iterator[Caller]:
    with served(tmp_path, upstream) as caller:
        yield caller


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_that_hangs_up_ends_the_call_and_adds_nothing(
    caller: Caller, upstream: ScriptedUpstream, stream: bool
) -> None:
    context = caller.context()
    upstream.then(hold(after=3 if stream else -1).but(text="One two three four five"))
    connection = caller.send(STREAM, turn(context, "Hi", stream=stream))
    if stream:
        read_until(connection.getresponse(), b"two")
    else:
        upstream.until(lambda: bool(upstream.requests))
    connection.close()
    upstream.until(lambda: upstream.hung_up)
    upstream.then(answer("I am here."))
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while (told := caller.turn(context, "Still there?"))[0] == 403:
        # The lock goes a moment after the connection.
        assert time.monotonic() < deadline
    assert (told[0], len(upstream.last.messages)) == (200, 2), told
    exchanges = caller.exchanges(lambda found: len(found) == 2)
    hung = next(one for one in exchanges if one["status"] == 499)
    assert hung["error"] == "the caller hung up" and hung["partial"]
    said = caller.transcript(context)
    assert ("assistant", "I am here.") in words(said)
    if stream:
        partial = next(one for one in said if one["message"].startswith("One two"))
        assert partial["metadata"]["partial"] == "the caller hung up"


@pytest.mark.parametrize("when", ["refuse", "retry", "wait"])
def test_a_second_call_of_a_session_gets_what_the_operator_chose(
    tmp_path: Path, upstream: ScriptedUpstream, when: str
) -> None:
    with served(tmp_path, upstream, CAUSERIE_WHEN_BUSY=when) as caller:
        context = caller.context()
        upstream.then(hold(after=1), answer("Second."))
        first = caller.send(STREAM, turn(context, "One", stream=True))
        upstream.until(lambda: len(upstream.requests) == 1)
        second = caller.send(STREAM, turn(context, "Two"))
        if when == "wait":
            time.sleep(0.3)
            upstream.release()
        response = second.getresponse()
        said = json.loads(response.read())
        if when == "wait":
            assert response.status == 200 and len(upstream.last.messages) == 4
        else:
            assert (response.status, said["error"]["type"]) == (403, "Forbidden")
            assert response.headers.get("x-should-retry") == ("true" if when == "retry" else None)
            upstream.release()
        assert b"[DONE]" in first.getresponse().read()
        first.close()
        second.close()


def test_a_request_repeated_while_it_waits_for_its_turn_is_said_once(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with served(tmp_path, upstream, CAUSERIE_WHEN_BUSY="wait") as caller:
        context = caller.context()
        upstream.then(hold())
        same = turn(context, "Once", stream=False)
        sent = [caller.send(STREAM, same, key="again") for _ in range(3)]
        upstream.until(lambda: len(upstream.requests) == 1)
        time.sleep(0.3)
        upstream.release()
        answers = [json.loads(one.getresponse().read()) for one in sent]
        for one in sent:
            one.close()
        assert len({str(one["choices"][0]["message"]["content"]) for one in answers}) == 1
        assert len(upstream.requests) == 1
        assert caller.ask(f"/context/{context}", None, "GET")[1]["turns"] == 1


def test_a_kill_in_mid_stream_leaves_what_was_said(
    caller: Caller, upstream: ScriptedUpstream
) -> None:
    context = caller.context()
    upstream.then(hold(after=3).but(text="One two three four five"))
    connection = caller.send(STREAM, turn(context, "Hi", stream=True))
    read_until(connection.getresponse(), b"two")
    caller.server.kill()
    connection.close()
    caller.server.start()
    (exchange,) = caller.exchanges(bool)
    assert exchange["partial"] and exchange["error"]
    said = caller.transcript(context)
    assert words(said)[:2] == [("system", "Be brief."), ("user", "Hi")]
    assert said[2]["message"].startswith("One two") and said[2]["metadata"]["partial"]
    upstream.then(answer("I am here."))
    status, told = caller.turn(context, "Still there?")
    assert status == 200, told
    assert len(upstream.last.messages) == 2, "the session is free, nothing was added to it"


def test_what_was_answered_is_recorded_though_the_server_is_killed(
    caller: Caller, upstream: ScriptedUpstream
) -> None:
    contexts = [caller.context() for _ in range(3)]
    answered = sum(talk_until_killed(caller, contexts, f"Round {number}") for number in range(3))
    exchanges = caller.exchanges(lambda found: len(found) >= answered)
    whole = [one for one in exchanges if not one["error"]]
    # One more than answered may have been on its way to each caller when the kill came.
    assert answered <= len(whole) <= answered + 9
    assert len({one["id"] for one in whole}) == len(whole)
    for context in contexts:
        kept = caller.ask(f"/context/{context}/history", None, "GET")[1]["turns"]
        if not kept:
            continue  # a slow caller may never have got an answer, and there is no conversation
        said = [one for one in caller.delivered(context) if one["role"] == "assistant"]
        # What a context has, the analytics have; of what was not kept, one per kill.
        assert len(kept) <= len(said) <= len(kept) + 3
        assert len({one["id"] for one in said}) == len(said)


def talk_until_killed(caller: Caller, contexts: list[str], text: str) -> int:
    """How many answers callers got before the server was killed. It is up again then."""
    answers: list[int] = []

    def talk(context: str) -> None:
        while True:
            try:
                answers.append(caller.turn(context, text)[0])
            except (OSError, http.client.HTTPException):
                return

    talkers = [threading.Thread(target=talk, args=(context,)) for context in contexts]
    for talker in talkers:
        talker.start()
    time.sleep(0.7)
    caller.server.kill()
    for talker in talkers:
        talker.join()
    caller.server.start()
    return answers.count(200)


def test_two_servers_share_a_state_store_that_restarts(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with ExitStack() as stack:
        postgres = stack.enter_context(serve_postgres())
        bridge = stack.enter_context(ClickHouseBridge(tmp_path / "clickhouse"))
        shared = {
            "CAUSERIE_STATE_URL": postgres.address(postgres.create()),
            "CAUSERIE_EVENTS_URL": bridge.url,
            "CAUSERIE_SECRET": "of both servers",
        }
        first = ServerProcess(tmp_path / "one", **shared)
        second = ServerProcess(tmp_path / "two", **shared)
        add(first, upstream)
        for server in (first, second):
            server.start()
            stack.callback(server.stop)
        token = first.key("admin")
        one, two = Caller(first, token), Caller(second, token)
        context = one.context()
        fight(one, two, context, upstream)
        postgres.restart()
        survive(one, two, context)


def fight(one: Caller, two: Caller, context: str, upstream: ScriptedUpstream) -> None:
    """While one is in the middle of a turn the other is refused; each gets its turn."""
    upstream.then(hold(after=2))
    connection = one.send(STREAM, turn(context, "Mine", stream=True))
    upstream.until(lambda: len(upstream.requests) == 1)
    status, refused = two.turn(context, "Mine too")
    assert status == 403 and refused["error"]["code"] == "OperationDenied.InvalidState"
    upstream.release()
    connection.getresponse().read()
    connection.close()
    assert two.turn(context, "Mine too")[0] == 200
    assert len(upstream.last.messages) == 4
    upstream.always(slow_stream(0.01))
    statuses: list[int] = []
    talkers = [
        threading.Thread(target=lambda c=c: statuses.append(c.turn(context, "At once")[0]))
        for c in (one, two) * 4
    ]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join()
    turns = one.ask(f"/context/{context}", None, "GET")[1]["turns"]
    assert set(statuses) <= {200, 403} and turns == 2 + statuses.count(200)


def survive(one: Caller, two: Caller, context: str) -> None:
    """After the state store has been away, both go on without being told."""
    before = one.ask(f"/context/{context}", None, "GET")
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while before[0] != 200:
        assert before[0] == 503 and time.monotonic() < deadline, before
        before = one.ask(f"/context/{context}", None, "GET")
    for caller in (one, two):
        status, said = caller.turn(context, "And after?")
        assert status == 200, said
    assert one.ask(f"/context/{context}", None, "GET")[1]["turns"] == before[1]["turns"] + 2
    turns = before[1]["turns"] + 2
    found = two.exchanges(lambda found: sum(not each["error"] for each in found) >= turns)
    assert len(found) == turns
