"""`/mcp`: both ways of the protocol, keys, tools; and the protocol's own client over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import msgspec
import pytest
from httpx2 import Response
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.testclient import TestClient

from causerie.accounts import KeyKind, Project
from causerie.meanings import MOODS
from causerie.store.topics import Topics
from causerie.web.mcp import MODERN, OLDER, McpServer
from causerie.web.mcp_answers import TEXT_CHARS_MAX, UNTRUSTED, McpAnswers
from causerie.web.mcp_tools import ANSWER_CHARS_MAX, Filtered, Tools, schema_of
from causerie.web.mcp_tools import Topics as TopicsAsked
from tests.conftest import AppServer, Cast
from tests.desk_cast import NOON
from tests.test_dashboard import home, sign_in
from tests.understood import found_topic, understand

META = "io.modelcontextprotocol/"
TOOLS = [
    "describe_schema",
    "overview",
    "topics",
    "topic",
    "users",
    "user",
    "metrics",
    "search",
    "transcript",
    "sql",
]


class Bare:
    """The protocol alone: a key that is always good, and tools that have nothing to answer from."""

    def __init__(self) -> None:
        project = Project(id="bare", name="Bare", created_at=NOON)
        keys: Any = type("AnyKey", (), {"find": lambda self, request, access: (None, project)})()
        server = McpServer(keys, Tools(McpAnswers.__new__(McpAnswers)))
        self.client = TestClient(Starlette(routes=server.routes()))

    def auth(self, kind: str = "read") -> dict[str, str]:
        return {}

    def settle(self) -> None:
        pass


@pytest.fixture(scope="module")
def bare() -> Bare:
    return Bare()


def post(cast: Cast | Bare, body: Any, kind: str = "read", **headers: str) -> Response:
    cast.settle()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return cast.client.post("/mcp", json=body, headers={**cast.auth(kind), **named})


def rpc(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def modern(cast: Cast | Bare, method: str, version: str = MODERN[0], **params: Any) -> Response:
    """A request as it is from 2026-07-28 on."""
    meta = {f"{META}protocolVersion": version, f"{META}clientCapabilities": {}}
    headers = {"mcp_protocol_version": version, "mcp_method": method}
    if "name" in params:
        headers["mcp_name"] = params["name"]
    return post(cast, rpc(method, _meta=meta, **params), **headers)


def use(cast: Cast, tool: str, kind: str = "read", **arguments: Any) -> Any:
    """What a tool answers."""
    answer = post(cast, rpc("tools/call", name=tool, arguments=arguments), kind)
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    assert result["isError"] is False, result
    return json.loads(result["content"][0]["text"])


def fault(cast: Cast | Bare, tool: str, **arguments: Any) -> str:
    """What a tool says where it cannot answer."""
    result = post(cast, rpc("tools/call", name=tool, arguments=arguments)).json()["result"]
    assert result["isError"] is True, result
    return str(result["content"][0]["text"])


@pytest.fixture
def talk(cast: Cast) -> Cast:
    """A conversation about a lost card, and one of a tenant."""
    Topics(cast.stores.engine).put(found_topic(cast.project, "lost", "Lost cards"))
    cast.log(
        {"role": "user", "message": "My card is lost, mail me at ana@mail.example"},
        {"role": "assistant", "message": "I am sorry.", "rating": -1},
        {"type": "tool", "name": "block_card", "observation": "done"},
        {"type": "event", "name": "card_blocked"},
        how="/thread",
        id="lost/1",
        metadata={"user_id": "ana b"},
    )
    cast.log({"role": "user", "message": "Hello"}, how="/thread", id="hi", tenant_id="acme")
    cast.settle()
    meaning = {"language": "en", "sentiment": -0.6, "suggested": "lost"}
    understand(cast.stores.events, cast.project, "lost/1", meaning, trend="down")
    return cast


# ---- the older way -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", OLDER)
def test_a_client_of_before_is_greeted_in_its_version(bare: Bare, version: str) -> None:
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "x"}}
    answer = post(bare, rpc("initialize", **params))
    assert answer.status_code == 200
    assert "mcp-session-id" not in answer.headers
    result = answer.json()["result"]
    assert result["protocolVersion"] == version
    assert result["capabilities"] == {"tools": {}}
    assert result["serverInfo"]["name"] == "causerie"
    assert UNTRUSTED in result["instructions"]


def test_a_version_that_is_not_known_is_answered_with_one_that_is(bare: Bare) -> None:
    result = post(bare, rpc("initialize", protocolVersion="1999-01-01")).json()["result"]
    assert result["protocolVersion"] == OLDER[0]


def test_a_version_that_was_not_agreed_on_is_refused(bare: Bare) -> None:
    answer = post(bare, rpc("tools/list"), mcp_protocol_version="1999-01-01")
    assert answer.status_code == 400
    assert answer.json()["error"]["data"]["supported"] == [*MODERN, *OLDER]


def test_notifications_are_taken_and_need_no_answer(bare: Bare) -> None:
    for method in ("notifications/initialized", "notifications/cancelled"):
        answer = post(bare, {"jsonrpc": "2.0", "method": method})
        assert (answer.status_code, answer.content) == (202, b"")


def test_there_is_no_stream_and_no_session(bare: Bare) -> None:
    assert bare.client.get("/mcp", headers=bare.auth()).status_code == 405
    assert bare.client.delete("/mcp", headers=bare.auth()).status_code == 405
    assert post(bare, rpc("ping")).json() == {"jsonrpc": "2.0", "id": 7, "result": {}}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([rpc("ping")], 400, -32600),
        ({"id": 1, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, 200, -32602),
        (rpc("resources/list"), 200, -32601),
        (rpc("tools/call", name="drop_table"), 200, -32602),
        (rpc("tools/call"), 200, -32602),
    ],
)
def test_what_is_no_message_of_the_protocol_is_said_to_be_none(
    bare: Bare, body: Any, status: int, code: int
) -> None:
    answer = post(bare, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_what_is_no_json_is_refused(bare: Bare) -> None:
    answer = bare.client.post("/mcp", content=b"{", headers=bare.auth())
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32700)


# ---- the way of today ----------------------------------------------------------------------------


def test_a_server_is_discovered_and_asked_without_a_greeting(talk: Cast) -> None:
    found = modern(talk, "server/discover").json()["result"]
    assert found["supportedVersions"] == [*MODERN, *OLDER]
    assert found["resultType"] == "complete"
    tools = modern(talk, "tools/list").json()["result"]
    assert tools["ttlMs"] > 0
    called = modern(talk, "tools/call", name="overview", arguments={}).json()["result"]
    assert json.loads(called["content"][0]["text"])["conversations"]["now"] == 2


def test_headers_that_say_otherwise_than_the_body_are_refused(bare: Bare) -> None:
    meta = {f"{META}protocolVersion": MODERN[0], f"{META}clientCapabilities": {}}
    body = rpc("tools/call", name="sql", _meta=meta)
    good = {"mcp_protocol_version": MODERN[0], "mcp_method": "tools/call", "mcp_name": "sql"}
    for name in good:
        answer = post(bare, body, **{**good, name: "other"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32020)
    coded = {**good, "mcp_name": "=?base64?c3Fs?="}
    assert post(bare, body, **coded).json()["result"]["isError"] is True


def test_a_version_to_come_and_an_unknown_method_are_told_apart(bare: Bare) -> None:
    answer = modern(bare, "tools/list", version="2031-01-01")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32022)
    answer = modern(bare, "initialize")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, -32601)
    naked = post(bare, rpc("tools/list"), mcp_protocol_version=MODERN[0])
    assert (naked.status_code, naked.json()["error"]["code"]) == (400, -32602)


# ---- who may -------------------------------------------------------------------------------------


def test_only_a_read_or_an_admin_key_opens_it(talk: Cast) -> None:
    assert use(talk, "overview", "admin")["conversations"]["now"] == 2
    assert use(talk, "overview", "stranger")["conversations"]["now"] == 0
    for kind in ("ingest", "gateway"):
        assert post(talk, rpc("tools/list"), kind).status_code == 403
    nobody = talk.client.post("/mcp", json=rpc("tools/list"))
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"] == "Bearer"
    wrong = talk.client.post(
        "/mcp", json=rpc("ping"), headers={"Authorization": "Bearer csr_read_x"}
    )
    assert wrong.status_code == 401


def test_a_revoked_key_opens_nothing(cast: Cast) -> None:
    accounts = cast.stores.accounts
    key, token = accounts.create_key(cast.project, KeyKind.READ, "short", cast.clock())
    headers = {"Authorization": f"Bearer {token}"}
    assert cast.client.post("/mcp", json=rpc("ping"), headers=headers).status_code == 200
    accounts.revoke_key(cast.project, key.id, cast.clock())
    assert cast.client.post("/mcp", json=rpc("ping"), headers=headers).status_code == 401


def test_a_page_of_another_site_cannot_use_it(bare: Bare) -> None:
    assert post(bare, rpc("ping"), origin="https://evil.example").status_code == 403
    assert post(bare, rpc("ping"), origin="http://testserver").status_code == 200


# ---- tools ---------------------------------------------------------------------------------------


def test_every_tool_says_that_it_only_reads_and_what_it_takes(bare: Bare) -> None:
    tools = post(bare, rpc("tools/list")).json()["result"]["tools"]
    assert [tool["name"] for tool in tools] == TOOLS
    for tool in tools:
        assert tool["annotations"]["readOnlyHint"] is True
        assert tool["annotations"]["openWorldHint"] is False
        assert tool["inputSchema"]["type"] == "object"
        assert tool["inputSchema"]["additionalProperties"] is False
        assert "$ref" not in json.dumps(tool)


def test_the_schema_of_arguments_is_plain() -> None:
    schema = schema_of(TopicsAsked)
    assert schema["properties"]["limit"]["default"] == 30
    assert set(MOODS) <= set(schema["properties"]["mood"]["enum"])
    assert set(Filtered.__struct_fields__) <= set(schema["properties"])


def test_the_overview_has_numbers_and_the_page_that_shows_them(talk: Cast) -> None:
    told = use(talk, "overview")
    assert told["conversations"] == {"now": 2, "before": 0, "moved": "no change beyond chance"}
    assert told["mood"]["now"] == -0.6
    assert told["languages"] == {"en": 1}
    assert told["top_topics"] == {"Lost cards": 1}
    assert told["thumbs_up_share"]["now"] == 0
    sign_in(talk)
    for url in (told["url"], use(talk, "topics")["url"], use(talk, "users")["url"]):
        assert talk.client.get(url.replace("http://127.0.0.1:8123", "")).status_code == 200


def test_topics_are_listed_and_looked_into_by_name(talk: Cast) -> None:
    (line,) = use(talk, "topics")["topics"]
    assert (line["topic"], line["messages"], line["mood"]) == ("Lost cards", 1, -0.6)
    told = use(talk, "topic", topic="lost cards")
    assert "ana@mail.example" not in json.dumps(told)
    assert told["id"] == "lost"
    assert told["typical_messages"][0]["text"].startswith("My card is lost")
    assert told["typical_messages"][0]["url"].endswith("/conversations/lost%2F1?days=all")
    assert told["note"] == UNTRUSTED
    assert sum(told["series"].values()) == 1
    assert "the tool topics" in fault(talk, "topic", topic="nothing")


def test_users_are_listed_and_looked_into(talk: Cast) -> None:
    (row,) = use(talk, "users")["users"]
    assert (row["user"], row["conversations"], row["thumbs_down"]) == ("ana b", 1, 1)
    told = use(talk, "user", user="ana b")
    assert told["conversations_in_all"] == 1
    assert told["conversations"][0]["conversation"] == "lost/1"
    sign_in(talk)
    path = told["url"].partition(home(talk))[2]
    assert talk.client.get(home(talk) + path).status_code == 200


def test_a_metric_is_told_over_time_by_parts_and_with_how_sure_it_is(talk: Cast) -> None:
    known = use(talk, "metrics")["metrics"]
    assert "language" in known["conversations"]["splits"]
    told = use(talk, "metrics", metric="conversations", split="tenant", days="7", period="day")
    assert (told["all"]["now"], told["all"]["before"]) == (2, 0)
    assert len(told["all"]["series"]) == 7
    assert sum(told["all"]["series"].values()) == 2
    assert {part["part"]: part["now"] for part in told["parts"]} == {"(none)": 1, "acme": 1}
    parts = use(talk, "metrics", metric="conversations", split="topic")["parts"]
    assert "Lost cards" in [part["part"] for part in parts]
    assert "split" in fault(talk, "metrics", metric="conversations", split="nothing")
    assert "nothing" in fault(talk, "metrics", metric="nothing")


def test_conversations_are_found_by_words_and_filters(talk: Cast) -> None:
    told = use(talk, "search", text="LOST")
    assert [row["conversation"] for row in told["conversations"]] == ["lost/1"]
    assert told["conversations"][0]["topics"] == ["Lost cards"]
    assert told["total"] == 1
    assert use(talk, "search", mood="negative", topic="Lost cards")["total"] == 1
    assert use(talk, "search", tenant="acme")["total"] == 1
    assert use(talk, "search", since="2020-01-01", until="2020-01-02")["total"] == 0


def test_a_transcript_is_masked_marked_and_in_parts(talk: Cast) -> None:
    told = use(talk, "transcript", conversation="lost/1")
    assert told["note"] == UNTRUSTED
    said = told["transcript"]
    assert said[0]["text"].startswith("My card is lost")
    assert "ana@mail.example" not in json.dumps(told)
    assert (said[0]["mood"], said[1]["rating"]) == (-0.6, "down")
    assert (said[2]["tool"], said[3]["event"]) == ("block_card", "card_blocked")
    part = use(talk, "transcript", conversation="lost/1", limit=1, start=1)
    assert [line["text"] for line in part["transcript"]] == ["I am sorry."]
    assert (part["next_start"], part["messages_in_all"]) == (2, 4)
    assert use(talk, "transcript", conversation="hi", tenant="acme")["tenant"] == "acme"
    assert "no conversation" in fault(talk, "transcript", conversation="hi", tenant="other")
    assert "no conversation" in fault(talk, "transcript", conversation="nothing")


def test_long_texts_are_cut(cast: Cast) -> None:
    cast.log({"role": "user", "message": "y" * 5_000}, how="/thread", id="long")
    text = use(cast, "transcript", conversation="long")["transcript"][0]["text"]
    assert text == "y" * TEXT_CHARS_MAX + "… (cut)"


def test_sql_answers_within_limits_and_says_what_is_wrong(talk: Cast) -> None:
    told = use(talk, "sql", query="SELECT count() AS n FROM messages WHERE at >= {since}")
    assert (told["rows"], told["columns"][0]["name"]) == ([[3]], "n")
    assert told["about"] == UNTRUSTED
    assert "/reports/sql?sql=SELECT" in told["url"]
    few = use(talk, "sql", query="SELECT arrayJoin(range(50)) AS x", limit=5)
    assert (len(few["rows"]), few["truncated"]) == (5, True)
    assert "5 of 50" in few["note"]
    assert "line 1, column 15" in fault(talk, "sql", query="SELECT 1 FROM system.tables")
    assert "10,000" not in fault(talk, "sql", query="DROP TABLE messages")


def test_an_answer_that_is_too_long_is_cut_with_a_note(cast: Cast) -> None:
    body = rpc("tools/call", name="sql", arguments={"query": "SELECT leftPad('', 90000, 'z') AS z"})
    text = post(cast, body).json()["result"]["content"][0]["text"]
    assert len(text) < ANSWER_CHARS_MAX + 200
    assert "cut: the answer is over 40,000 characters" in text


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("topics", {"limit": 1_000}, "100"),
        ("topics", {"days": "31"}, "days"),
        ("topics", {"since_when": "x"}, "since_when"),
        ("topic", {}, "topic"),
        ("sql", {}, "query"),
        ("users", {"limit": "x"}, "limit"),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    bare: Bare, tool: str, arguments: dict[str, Any], said: str
) -> None:
    assert said in fault(bare, tool, **arguments)


def test_the_schema_tells_tables_and_columns(cast: Cast) -> None:
    told = use(cast, "describe_schema")
    assert told["limits"] == {"rows": 10_000, "seconds": 10}
    tables = {table["name"]: table["columns"] for table in told["tables"]}
    assert tables["messages"]["text"] == "String: what was said"
    assert msgspec.json.encode(told)


# ---- the protocol's own client, over HTTP --------------------------------------------------------


def with_client(
    app_server: AppServer, mode: str, work: Callable[[Client], Awaitable[Any]], key: str = ""
) -> Any:
    """What `work` comes to with the client connected in that way."""

    async def run() -> Any:
        headers = {"Authorization": f"Bearer {key or app_server.key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"{app_server.url}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                return await work(client)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", ["legacy", "auto", MODERN[0]])
def test_the_protocols_own_client_lists_and_calls_every_tool(
    app_server: AppServer, mode: str
) -> None:
    arguments = {
        "topic": {"topic": "nothing"},
        "user": {"user": "nobody"},
        "transcript": {"conversation": "nothing"},
        "sql": {"query": "SELECT 1 AS one"},
    }

    async def work(client: Client) -> dict[str, Any]:
        listed = await client.list_tools()
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed.tools)
        return {
            tool.name: await client.call_tool(tool.name, arguments.get(tool.name, {}))
            for tool in listed.tools
        }

    results = with_client(app_server, mode, work)
    assert list(results) == TOOLS
    failed = {name for name, result in results.items() if result.is_error}
    assert failed == {"topic", "transcript"}
    assert json.loads(results["sql"].content[0].text)["rows"] == [[1]]


def test_the_protocols_own_client_is_told_that_its_key_is_wrong(app_server: AppServer) -> None:
    async def work(client: Client) -> None:
        await client.list_tools()

    with pytest.raises((MCPError, httpx2.HTTPError, ExceptionGroup)):
        with_client(app_server, "legacy", work, key="csr_read_wrong")
