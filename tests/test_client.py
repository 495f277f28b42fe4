"""The client against a real server with its gateway: what it writes, reads, and talks about."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import causerie
from causerie.client import (
    AsyncClient,
    Busy,
    Client,
    ClientError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Unauthenticated,
    Unreachable,
    Unreadable,
    backoff,
    delivery,
    message,
    outbox,
    senders,
    tool,
)
from causerie.testing import ServerProcess
from tests.scripted_upstream import ScriptedUpstream, answer, cut_stream, refuse
from tests.troubled_line import TroubledLine

SAID = [{"role": "user", "content": "Where is my card?"}, {"role": "assistant", "content": "Here."}]
HEAVY = (
    "aiohttp",
    "alembic",
    "asyncio",
    "chdb",
    "clickhouse_connect",
    "httpx",
    "requests",
    "sqlalchemy",
    "starlette",
    "typer",
    "uvicorn",
)


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, provider: ScriptedUpstream
) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"))
    server.start()
    try:
        where = ("--upstream", provider.url, "--model", "scripted-1")
        server.command("endpoint", "add", "Test", *where, "--id", "ep-test")
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def key(server: ServerProcess) -> str:
    return server.key("admin")


@pytest.fixture
def tenant() -> str:
    """One of each test, because they share a server."""
    return uuid.uuid4().hex[:12]


@pytest.fixture
def client(server: ServerProcess, key: str, tenant: str) -> Iterator[Client]:
    with Client(key, server.endpoint, tenant=tenant) as client:
        yield client


@pytest.fixture(scope="module")
def talker(server: ServerProcess) -> Iterator[Client]:
    with Client(server.key("gateway"), server.endpoint) as client:
        yield client


def words(client: Client, id: str) -> list[tuple[str, str]]:
    """What was said in a conversation, by whom."""
    assert client.flush()
    return [(said.role or said.type, said.message) for said in client.conversation(id).messages]


# ---- writing -------------------------------------------------------------------------------------


def test_a_logged_conversation_can_be_read_with_its_user_and_metadata(
    client: Client, server: ServerProcess
) -> None:
    client.log(SAID, user="u1", metadata={"model": "m", "turn": 3}, feedback="quick")
    assert client.flush()
    server.settle()
    (found,) = client.conversations().conversations
    assert found.metadata == {"user_id": "u1", "model": "m", "turn": "3"}
    assert found.feedback == "quick"
    assert [said.message for said in found.messages] == ["Where is my card?", "Here."]


def test_a_thread_grows_in_the_order_of_the_calls(client: Client) -> None:
    for number in range(30):
        client.append("t", message("user", str(number)))
    assert words(client, "t") == [("user", str(number)) for number in range(30)]


def test_a_log_with_an_id_begins_a_thread(client: Client) -> None:
    client.log(SAID, id="t/1 ü")
    client.append("t/1 ü", "And now?")
    assert words(client, "t/1 ü")[1:] == [("assistant", "Here."), ("user", "And now?")]


def test_ratings_events_and_feedback_come_after_what_they_are_about(client: Client) -> None:
    client.append("t", SAID)
    client.rate("t", 1)
    client.event("t", "Checkout", metadata={"items": 2})
    client.feedback("t", "thank you")
    assert client.flush()
    found = client.conversation("t")
    assert [said.rating for said in found.messages] == [0, 1, 0]
    assert (found.messages[2].name, found.messages[2].metadata) == ("Checkout", {"items": "2"})
    assert found.feedback == "thank you"


def test_a_message_is_rated_by_its_id(client: Client) -> None:
    client.append("t", [*SAID, message("assistant", "Anything else?")])
    assert client.flush()
    client.rate("t", -1, message_id=client.conversation("t").messages[1].id)
    assert client.flush()
    assert [said.rating for said in client.conversation("t").messages] == [0, -1, 0]


def test_an_upsert_that_grows_is_one_conversation(client: Client, server: ServerProcess) -> None:
    for id in ("a", "b"):
        client.upsert(SAID, id=id)
        client.upsert([*SAID, message("user", f"More {id}")], id=id)
    assert client.flush()
    server.settle()
    found = client.conversations().conversations
    assert sorted(one.messages[-1].message for one in found) == ["More a", "More b"]


def test_what_the_app_changes_afterwards_is_not_in_what_it_logged(client: Client) -> None:
    said: dict[str, Any] = {"role": "user", "content": "before", "metadata": {"k": "before"}}
    metadata = {"k": "before"}
    client.log([said], id="t", metadata=metadata)
    said["content"] = said["metadata"]["k"] = metadata["k"] = "after"
    assert words(client, "t") == [("user", "before")]
    assert client.conversation("t").metadata == {"k": "before"}
    assert client.conversation("t").messages[0].metadata == {"k": "before"}


def test_messages_as_chat_completions_have_them_are_understood(client: Client) -> None:
    call = {"id": "c1", "function": {"name": "find", "arguments": '{"what": "card"}'}}
    parts = [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "data:"}},
    ]
    client.log(
        [
            {"role": "user", "content": parts},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "in the drawer"},
            tool("count", {"n": 2}, "two"),
        ],
        id="t",
    )
    assert words(client, "t") == [("user", "Look:\n\n[image]"), ("tool", ""), ("tool", "")]
    _, found, counted = client.conversation("t").messages
    assert (found.name, found.input, found.observation) == (
        "find",
        {"what": "card"},
        "in the drawer",
    )
    assert (counted.name, counted.input, counted.observation) == ("count", {"n": 2}, "two")


def test_a_message_is_dated_when_it_is_logged_or_as_it_says(client: Client) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    client.log(SAID, id="now")
    client.log([message("user", "hi", at=datetime(2024, 5, 1, 12, tzinfo=UTC))], id="then")
    assert client.flush()
    now = datetime.fromisoformat(client.conversation("now").messages[0].event_timestamp)
    assert before <= now <= datetime.now(UTC)
    then = client.conversation("then").messages[0].event_timestamp
    assert then == "2024-05-01T12:00:00.000000Z"


# What no encoder can be expected to say in UTF-8, in 64 bits, or at all.
ODD: dict[str, Any] = {
    "a surrogate": "\ud800 and more",
    "an integer": 2**80,
    "a set": {"x"},
    "an object": SimpleNamespace(a=1),
    "a number that is none": float("nan"),
    "a NUL": "a\x00b",
}


@pytest.mark.parametrize("value", [ODD[name] for name in ODD if name != "a NUL"], ids=str)
def test_an_odd_value_does_not_cost_the_conversation(client: Client, value: Any) -> None:
    client.append("t", tool("t", {"value": value}, "fine"))
    assert words(client, "t") == [("tool", "")]
    assert client.conversation("t").messages[0].observation == "fine"


def circle() -> list[Any]:
    """What contains itself."""
    messages: list[Any] = []
    messages.append({"role": "user", "content": "x", "metadata": {"k": messages}})
    return messages


@pytest.mark.parametrize(
    "messages", [3, [3], [None], circle(), [{"role": "user"}], [], [{"content": "no role"}]]
)
def test_nonsense_is_counted_and_never_raised(
    client: Client, messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client.log(messages)
    client.log(SAID)
    assert client.flush()
    assert client.stats[:4] == (1, 0, 0, 1)
    assert len(caplog.records) == 1


def test_a_refusal_is_logged_once_per_kind_with_the_words_of_the_server(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20):
        client.log([*SAID * number, {"role": "user", "message": "a\x00b"}])
        client.rate("unknown", 1)
    assert client.flush()
    assert client.stats.failed == 40
    told = sorted(record.getMessage() for record in caplog.records)
    assert len(told) == 2
    assert "holds a NUL character" in told[0] and "400 invalid_request" in told[0]
    assert "no conversation 'unknown'" in told[1]


def test_what_the_server_cut_off_is_said_once(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        client.log(SAID, metadata={"k": "x" * 50})
    assert client.flush()
    (record,) = caplog.records
    assert "metadata" in record.getMessage()


def test_a_revoked_key_loses_nothing_in_silence(
    server: ServerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with Client("not-a-key", server.endpoint) as client:
        for _ in range(3):
            client.log(SAID)
        assert client.flush()
        assert client.stats == (0, 0, 0, 3)
    assert [("unauthenticated" in record.getMessage()) for record in caplog.records] == [True]


# ---- reading -------------------------------------------------------------------------------------


def test_pages_series_and_spans_are_read(client: Client, server: ServerProcess) -> None:
    for number in range(5):
        client.log([message("user", f"n{number}")])
    assert client.flush()
    server.settle()
    page = client.conversations(per_page=2, page=2)
    assert len(page.conversations) == 2 and page.pagination.next_page == 3
    assert client.series_names() == ["sentiment", "rating", "volume"]
    assert sum(filter(None, client.series("volume", period="week").series[0].data.values())) == 5
    earlier = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
    assert not client.conversations(since=earlier[0], until=earlier[1]).conversations


def test_a_refused_question_raises_its_kind_with_field_and_code(
    client: Client, server: ServerProcess
) -> None:
    with pytest.raises(NotFound, match="no conversation 'x'"):
        client.conversation("x")
    with pytest.raises(Invalid) as refused:
        client.conversations(per_page=1000)
    assert (refused.value.status, refused.value.field) == (400, "per_page")
    with pytest.raises(Unauthenticated):
        Client("wrong", server.endpoint).conversations()
    with pytest.raises(Forbidden), Client(server.key("ingest"), server.endpoint) as writer:
        writer.conversations()
    assert issubclass(NotFound, Refused) and issubclass(Unreachable, ClientError)


def test_a_question_to_nobody_or_to_nonsense_says_so(server: ServerProcess, key: str) -> None:
    with TroubledLine(server.endpoint) as line, Client(key, line.url) as client:
        line.trouble = "page"
        with pytest.raises(Unreadable):
            client.conversations()
        line.hang_up()
        with pytest.raises(Unreachable, match="ConnectionRefused"):
            client.conversations()


def test_a_question_is_asked_again_when_the_line_breaks(server: ServerProcess, key: str) -> None:
    with TroubledLine(server.endpoint) as line, Client(key, line.url) as client:
        client.series_names()
        line.hang_up()
        line.pick_up()
        assert client.series_names()


# ---- contexts ------------------------------------------------------------------------------------


def test_a_context_is_talked_to_read_copied_and_forgotten(
    talker: Client, provider: ScriptedUpstream
) -> None:
    context = talker.create_context("ep-test", "Be brief.", ttl=600, user="u1", metadata={"a": "b"})
    provider.then(answer("Good morning."))
    said = talker.chat(context, "Hello", max_tokens=20)
    assert said["choices"][0]["message"]["content"] == "Good morning."
    assert [one["content"] for one in talker.history(context.id).messages] == [
        "Be brief.",
        "Hello",
        "Good morning.",
    ]
    copy = talker.clone_context(context.id)
    moved = talker.import_context(talker.export_context(context.id))
    assert (copy.turns, moved.turns, talker.context(context.id).turns) == (1, 1, 1)
    assert talker.undo(copy.id).turns == 0
    assert talker.change_context(context.id, metadata={"a": "c"}).metadata == {"a": "c"}
    talker.tag("mine", context.id)
    assert talker.tags() == {"mine": context.id}
    assert talker.contexts(user="u1", limit=100).total == 3
    assert talker.context("tag:mine").id == context.id
    talker.untag("mine")
    talker.delete_context(context.id)
    with pytest.raises(NotFound):
        talker.context(context.id)


def test_a_turn_that_was_answered_elsewhere_is_added_under_a_hold(talker: Client) -> None:
    context = talker.create_context("ep-test", "Be brief.")
    assert talker.tag("held", context.id, keep=True) == context.id
    talker.hold("tag:held", "mine")
    with pytest.raises(Busy):
        talker.hold("tag:held", "another")
    with pytest.raises(Busy):
        talker.add_turn(context.id, "Hello")
    assert talker.add_turn("tag:held", SAID, hold="mine", key="k").turns == 1
    assert talker.add_turn("tag:held", SAID, hold="mine", key="k").turns == 1
    assert talker.history(context.id).turns[0].messages == SAID
    talker.hold(context.id, "mine")
    talker.release(context.id, "mine")
    talker.hold(context.id, "another")
    with pytest.raises(Conflict):
        talker.add_turn(context.id, SAID, hold="mine")


def test_an_answer_streams(talker: Client, provider: ScriptedUpstream) -> None:
    context = talker.create_context("ep-test", "Be brief.")
    provider.then(answer("One two three."))
    pieces = list(talker.chat(context.id, "Count", stream=True))
    text = "".join(
        choice["delta"].get("content") or "" for piece in pieces for choice in piece["choices"]
    )
    assert text == "One two three." and len(pieces) > 1
    assert talker.context(context.id).turns == 1


def test_a_failing_provider_raises_whole_and_in_mid_stream(
    talker: Client, provider: ScriptedUpstream
) -> None:
    context = talker.create_context("ep-test", "Be brief.")
    provider.then(refuse(400))
    with pytest.raises(Refused):
        talker.chat(context, "Hello")
    provider.then(cut_stream(after=2))
    with pytest.raises(ClientError):
        list(talker.chat(context, "Hello", stream=True))
    assert talker.context(context.id).turns == 0


def test_a_turn_whose_answer_was_lost_is_not_said_twice(
    server: ServerProcess, talker: Client, provider: ScriptedUpstream
) -> None:
    context = talker.create_context("ep-test", "Be brief.")
    provider.then(answer("Once."))
    first = talker.chat(context, "Hello", key="k1")
    again = talker.chat(context, "Hello", key="k1")
    assert first["choices"][0]["message"] == again["choices"][0]["message"]
    assert talker.context(context.id).turns == 1


def test_what_is_no_json_is_refused_before_it_is_sent(talker: Client) -> None:
    with pytest.raises(Invalid):
        # What a caller without a type checker hands in.
        talker.create_context("ep-test", "Be brief.", metadata={"a": object()})  # type: ignore[dict-item]


# ---- for apps that await -------------------------------------------------------------------------


def test_the_async_client_does_the_same(
    server: ServerProcess, key: str, tenant: str, provider: ScriptedUpstream
) -> None:
    async def app() -> None:
        async with AsyncClient(key, server.endpoint, tenant=tenant) as client:
            client.append("t", "not awaited")
            await client.append("t", "awaited")
            assert await client.flush()
            found = await client.conversation("t")
            assert [said.message for said in found.messages] == ["not awaited", "awaited"]
            with pytest.raises(NotFound):
                await client.conversation("unknown")
            assert client.stats.sent == 2

    asyncio.run(app())


def test_the_async_client_talks_and_streams(
    server: ServerProcess, provider: ScriptedUpstream
) -> None:
    async def app() -> str:
        async with AsyncClient(server.key("gateway"), server.endpoint) as client:
            context = await client.create_context("ep-test", "Be brief.")
            provider.then(answer("First."), answer("Second."))
            whole = await client.chat(context, "Hello")
            pieces = await client.chat(context, "And?", stream=True)
            text: str = whole["choices"][0]["message"]["content"]
            async for piece in pieces:
                for choice in piece["choices"]:
                    text += choice["delta"].get("content") or ""
            return text

    assert asyncio.run(app()) == "First.Second."


# ---- making one ----------------------------------------------------------------------------------


def test_key_and_address_come_from_the_environment(
    server: ServerProcess, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CAUSERIE_KEY", "CONTEXT_TOKEN", "CONTEXT_API_TOKEN", "CAUSERIE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="CAUSERIE_KEY"):
        Client(url=server.endpoint)
    with pytest.raises(ValueError, match="CAUSERIE_URL"):
        Client(key)
    monkeypatch.setenv("CAUSERIE_URL", server.endpoint + "/")
    for name in ("CONTEXT_API_TOKEN", "CONTEXT_TOKEN", "CAUSERIE_KEY"):
        monkeypatch.setenv(name, key)
        assert Client().series_names()
        monkeypatch.setenv(name, "wrong")
        with pytest.raises(Unauthenticated):
            Client().series_names()


@pytest.mark.parametrize(
    "url", ["http://causerie.example.com", "http://10.0.0.1:8123", "ftp://x", "causerie"]
)
def test_an_address_that_would_show_the_key_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"https|address"):
        Client("key", url)


@pytest.mark.parametrize("key", ["a\nb", "ключ", "a b"])
def test_a_key_that_cannot_travel_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        Client(key, "http://127.0.0.1:1")


def test_a_self_signed_server_is_trusted_by_its_authority(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = ServerProcess(tmp_path_factory.mktemp("tls"), "--tls-self-signed")
    server.start()
    try:
        key = server.key("admin")
        with Client(key, server.endpoint, authority=server.authority) as client:
            client.log(SAID, id="t")
            assert words(client, "t")[1] == ("assistant", "Here.")
        with pytest.raises(Unreachable, match="certificate"):
            Client(key, server.endpoint).series_names()
    finally:
        server.stop()


def test_importing_the_client_loads_nothing_heavy() -> None:
    program = "import causerie, sys; causerie.Client; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert set(HEAVY).isdisjoint(done.stdout.split())


def test_the_package_knows_only_the_names_it_has() -> None:
    assert causerie.Client is Client and causerie.AsyncClient is AsyncClient
    with pytest.raises(AttributeError, match="Cleint"):
        causerie.Cleint  # noqa: B018


@pytest.mark.parametrize("module", [backoff, delivery, outbox, senders])
def test_the_bounds_of_the_client_are_documented(module: ModuleType) -> None:
    text = (Path(__file__).parents[1] / "docs" / "client.md").read_text()
    own = {name for name in vars(module) if name.endswith("_MAX")} - {"SPARE_SECONDS_MAX"}
    assert {name for name in own if f"`{name}`" not in text} == set()


def test_every_call_of_the_client_is_documented_and_can_be_awaited() -> None:
    text = (Path(__file__).parents[1] / "docs" / "client.md").read_text()
    calls = {name for name in dir(Client) if not name.startswith("_")}
    assert {name for name in calls if f"`{name}" not in text} == set()
    assert calls <= set(dir(AsyncClient))
