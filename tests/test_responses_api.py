"""OpenAI's Responses API: chains, branches and conversations of responses, whole and in events."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Response

from causerie.endpoints import Dialect, Upstream
from tests.conftest import Cast
from tests.gateway_cast import MODEL, GatewayCast
from tests.scripted_model import Reply
from tests.scripted_upstream import (
    ScriptedUpstream,
    answer,
    cut_stream,
    error_frame,
    finish,
    garbage,
    hold,
    no_usage,
    odd_frames,
    reasoning,
    refuse,
    status,
    tool_calls,
)

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a town.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": True,
}
PICTURE = "data:image/png;base64,iVBORw0KGgo="
MONTH = 30 * 86_400


@pytest.fixture
def gateway(cast: Cast, upstream: ScriptedUpstream) -> GatewayCast:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    gateway.add_endpoint("ep-test", serves=("scripted-mini",))
    return gateway


def ask(gateway: GatewayCast, said: Any, **more: Any) -> Response:
    headers = more.pop("headers", {})
    body = {"model": "ep-test", "input": said, **more}
    return gateway.post("/v1/responses", body, **headers)


def respond(gateway: GatewayCast, said: Any, **more: Any) -> dict[str, Any]:
    """A response that succeeds."""
    response = ask(gateway, said, **more)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def look(gateway: GatewayCast, path: str, token: str = "", method: str = "GET") -> Response:
    headers = {"Authorization": f"Bearer {token}"} if token else gateway.headers
    return gateway.cast.client.request(method, path, headers=headers)


def text_of(response: dict[str, Any]) -> str:
    """What OpenAI's client calls `output_text`."""
    return "".join(
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
        if part["type"] == "output_text"
    )


def seen(gateway: GatewayCast) -> list[tuple[str, Any]]:
    """What the model read last."""
    return [(one["role"], one["content"]) for one in gateway.upstream.last.messages]


def events_of(response: Response) -> list[dict[str, Any]]:
    """The events of a stream, whose names stand twice in each."""
    told = []
    for event in response.text.split("\n\n")[:-1]:
        name, data = event.split("\n")
        told.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    return told


def contexts(gateway: GatewayCast) -> list[dict[str, Any]]:
    """Every live context."""
    found: list[dict[str, Any]] = look(gateway, "/api/v3/context").json()["data"]
    return found


# ---- chains --------------------------------------------------------------------------------------


def test_a_response_is_as_openai_makes_it(gateway: GatewayCast) -> None:
    gateway.upstream.then(answer("Third shelf.").but(cached=1))
    made = respond(gateway, "Which shelf?", metadata={"plan": "free"}, temperature=0.5)
    assert made["id"].startswith("resp_") and made["object"] == "response"
    assert (made["status"], made["error"], made["incomplete_details"]) == ("completed", None, None)
    (item,) = made["output"]
    assert item["id"].startswith("msg_") and item["role"] == "assistant"
    assert text_of(made) == "Third shelf."
    assert made["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 6,
    }
    assert (made["model"], made["metadata"], made["temperature"]) == (MODEL, {"plan": "free"}, 0.5)
    assert made["store"] is True and made["tools"] == [] and made["tool_choice"] == "auto"
    assert made["previous_response_id"] is made["conversation"] is made["instructions"] is None


def test_a_chain_of_responses_remembers_all_of_it(gateway: GatewayCast) -> None:
    gateway.upstream.then(answer("Hello."), answer("Third."), answer("Bye."))
    first = respond(gateway, "Hi")
    second = respond(gateway, "Which shelf?", previous_response_id=first["id"])
    third = respond(gateway, "Thanks", previous_response_id=second["id"])
    assert third["previous_response_id"] == second["id"]
    assert seen(gateway) == [
        ("user", "Hi"),
        ("assistant", "Hello."),
        ("user", "Which shelf?"),
        ("assistant", "Third."),
        ("user", "Thanks"),
    ]
    (context,) = contexts(gateway)
    assert (context["turns"], context["calls"], context["ttl"]) == (3, 3, MONTH)


def test_a_chain_is_one_transcript_and_its_exchanges_say_so(gateway: GatewayCast) -> None:
    gateway.upstream.then(answer("Hello."), answer("Third."))
    first = respond(gateway, "Hi", user="ada", instructions="Be brief.")
    gateway.cast.clock.move(seconds=1)
    ask(gateway, "Where?", previous_response_id=first["id"], safety_identifier="eve", stream=True)
    one, two = gateway.exchanges(2)
    assert one["api"] == two["api"] == "responses"
    assert (one["user"], two["user"]) == ("ada", "eve")
    assert one["conversation"] == two["conversation"] == contexts(gateway)[0]["id"]
    assert not one["streamed"] and two["streamed"]
    assert gateway.transcripts() == [
        [
            ("system", "Be brief."),
            ("user", "Hi"),
            ("assistant", "Hello."),
            ("user", "Where?"),
            ("assistant", "Third."),
        ]
    ]


def test_a_response_from_the_middle_branches(gateway: GatewayCast) -> None:
    gateway.upstream.then(answer("Hello."), answer("Third."), answer("Fourth."), answer("Bye."))
    first = respond(gateway, "Hi")
    second = respond(gateway, "Which shelf?", previous_response_id=first["id"])
    branch = respond(gateway, "Which row?", previous_response_id=first["id"])
    assert seen(gateway) == [("user", "Hi"), ("assistant", "Hello."), ("user", "Which row?")]
    respond(gateway, "Sure?", previous_response_id=branch["id"])
    assert seen(gateway)[2:] == [
        ("user", "Which row?"),
        ("assistant", "Fourth."),
        ("user", "Sure?"),
    ]
    respond(gateway, "And now?", previous_response_id=second["id"])
    assert ("assistant", "Third.") in seen(gateway) and ("user", "Which row?") not in seen(gateway)
    assert sorted(context["turns"] for context in contexts(gateway)) == [3, 3]


def test_two_at_the_same_time_become_two_branches(gateway: GatewayCast) -> None:
    first = respond(gateway, "Hi")
    gateway.upstream.then(hold().but(text="Slow."), answer("Quick."))
    slow: list[dict[str, Any]] = []

    def go_on() -> None:
        slow.append(respond(gateway, "One", previous_response_id=first["id"]))

    thread = threading.Thread(target=go_on)
    thread.start()
    gateway.upstream.until(lambda: len(gateway.upstream.requests) == 2)
    quick = respond(gateway, "Two", previous_response_id=first["id"])
    gateway.upstream.release()
    thread.join()
    assert (text_of(slow[0]), text_of(quick)) == ("Slow.", "Quick.")
    assert sorted(context["turns"] for context in contexts(gateway)) == [2, 2]
    respond(gateway, "Three", previous_response_id=slow[0]["id"])
    assert [said for role, said in seen(gateway) if role == "user"] == ["Hi", "One", "Three"]


def test_instructions_are_of_one_response_alone(gateway: GatewayCast) -> None:
    first = respond(gateway, "Hi", instructions="Speak softly.")
    assert first["instructions"] == "Speak softly."
    assert seen(gateway)[0] == ("system", "Speak softly.")
    second = respond(gateway, "Ho", previous_response_id=first["id"])
    assert [role for role, _ in seen(gateway)] == ["user", "assistant", "user"]
    respond(gateway, "Hu", previous_response_id=second["id"], instructions="Shout.")
    roles = ["system", "user", "assistant", "user", "assistant", "user"]
    assert [role for role, _ in seen(gateway)] == roles
    (context,) = contexts(gateway)
    kept = sum(len(said.replace(".", " .").split()) for role, said in seen(gateway)[1:])
    assert kept < context["kept_tokens"] < kept + 30, "what was not kept is not counted"


def test_a_chain_may_change_its_model(gateway: GatewayCast) -> None:
    other = Upstream(base_url=gateway.upstream.url, model="scripted-2", key="sk")
    gateway.add_endpoint("ep-other", other)
    first = respond(gateway, "Hi")
    second = respond(gateway, "Ho", previous_response_id=first["id"], model="ep-other")
    assert second["model"] == "scripted-2" and len(seen(gateway)) == 3


def test_a_response_is_forgotten_after_a_month_and_a_chain_lives_on_while_it_is_used(
    gateway: GatewayCast,
) -> None:
    first = respond(gateway, "Hi")
    gateway.cast.clock.move(seconds=MONTH - 10)
    second = respond(gateway, "Ho", previous_response_id=first["id"])
    gateway.cast.clock.move(seconds=20)
    assert look(gateway, f"/v1/responses/{first['id']}").status_code == 404
    respond(gateway, "Hu", previous_response_id=second["id"])
    assert [role for role, _ in seen(gateway)].count("user") == 3
    gateway.cast.clock.move(seconds=MONTH + 1)
    assert ask(gateway, "Ha", previous_response_id=second["id"]).status_code == 400


def test_what_expires_sooner_is_forgotten_sooner(gateway: GatewayCast) -> None:
    soon = int(gateway.cast.clock().timestamp()) + 60
    made = respond(gateway, "Hi", expire_at=soon)
    assert contexts(gateway)[0]["ttl"] == 60
    gateway.cast.clock.move(seconds=61)
    assert look(gateway, f"/v1/responses/{made['id']}").status_code == 404
    assert contexts(gateway) == []
    assert ask(gateway, "Hi", expire_at=soon).status_code == 400, "that is past"


# ---- what is not kept ----------------------------------------------------------------------------


def test_what_is_not_to_be_stored_cannot_be_had_again(gateway: GatewayCast) -> None:
    made = respond(gateway, "Hi", store=False)
    assert made["store"] is False
    assert look(gateway, f"/v1/responses/{made['id']}").status_code == 404
    lost = ask(gateway, "Ho", previous_response_id=made["id"])
    assert (lost.status_code, lost.json()["error"]["code"]) == (400, "previous_response_not_found")
    assert contexts(gateway) == []


def test_a_chain_is_read_by_what_is_not_stored_and_stays_as_it_was(gateway: GatewayCast) -> None:
    first = respond(gateway, "Hi")
    ask(gateway, "Forget it.", previous_response_id=first["id"], store=False)
    assert [said for role, said in seen(gateway) if role == "user"] == ["Hi", "Forget it."]
    respond(gateway, "Ho", previous_response_id=first["id"])
    assert [said for role, said in seen(gateway) if role == "user"] == ["Hi", "Ho"]
    (context,) = contexts(gateway)
    assert context["turns"] == 2


def test_who_resends_all_and_stores_nothing_has_one_growing_transcript(
    gateway: GatewayCast,
) -> None:
    gateway.upstream.then(answer("Hello."), answer("Third."))
    first = respond(gateway, [{"role": "user", "content": "Hi"}], store=False)
    gateway.exchanges(1)
    again = [{"role": "user", "content": "Hi"}, *first["output"], {"role": "user", "content": "?"}]
    respond(gateway, again, store=False)
    gateway.exchanges(2)
    assert gateway.transcripts() == [
        [("user", "Hi"), ("assistant", "Hello."), ("user", "?"), ("assistant", "Third.")]
    ]


def test_a_caller_names_the_conversation_of_what_is_not_stored(gateway: GatewayCast) -> None:
    respond(gateway, "Hi", store=False, headers={"X-Conversation-Id": "mine"})
    (exchange,) = gateway.exchanges(1)
    assert exchange["conversation"] == "mine"


@pytest.mark.parametrize("script", [status(500), garbage(), cut_stream(after=2)])
@pytest.mark.parametrize("stream", [False, True])
def test_a_failed_response_leaves_nothing(
    gateway: GatewayCast, script: Reply, stream: bool
) -> None:
    first = respond(gateway, "Hi")
    gateway.upstream.then(script)
    response = ask(gateway, "One", previous_response_id=first["id"], stream=stream)
    assert response.status_code >= 500 or "response.failed" in response.text
    respond(gateway, "Two", previous_response_id=first["id"])
    assert [said for role, said in seen(gateway) if role == "user"] == ["Hi", "Two"]
    (context,) = contexts(gateway)
    assert context["turns"] == 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_hangs_up_leaves_nothing_but_a_transcript(
    gateway: GatewayCast, stream: bool
) -> None:
    first = respond(gateway, "Hi")
    body = {"model": "ep-test", "input": "One", "stream": stream}
    hang_up(gateway, {**body, "previous_response_id": first["id"]})
    hang_up(gateway, body)
    respond(gateway, "Two", previous_response_id=first["id"])
    assert [said for role, said in seen(gateway) if role == "user"] == ["Hi", "Two"]
    (context,) = contexts(gateway)
    assert context["turns"] == 2 and not context["busy"]
    hung = [one for one in gateway.exchanges(4) if one["status"] == 499]
    assert [one["partial"] for one in hung] == [True, True]


def hang_up(gateway: GatewayCast, body: dict[str, Any]) -> None:
    """Ask, and do not wait for the end of the answer: until some words have come, if it streams."""
    portal = gateway.cast.client.portal
    assert portal is not None
    gateway.upstream.then(hold(after=3) if body["stream"] else hold())
    count = len(gateway.upstream.requests)
    portal.call(_ask_and_leave, gateway, body, count)
    gateway.upstream.until(lambda: gateway.upstream.last.hung_up)


async def _ask_and_leave(gateway: GatewayCast, body: dict[str, Any], count: int) -> None:
    leave = asyncio.Event()
    left = [json.dumps(body).encode()]

    async def receive() -> dict[str, Any]:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if b"output_text.delta" in message.get("body", b""):
            leave.set()

    async def watch() -> None:
        requests = gateway.upstream.requests
        await asyncio.to_thread(gateway.upstream.until, lambda: len(requests) > count)
        if not body["stream"]:
            leave.set()

    headers = [(b"authorization", gateway.headers["Authorization"].encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/responses",
        "query_string": b"",
        "headers": headers,
    }
    await asyncio.gather(gateway.cast.client.app(scope, receive, send), watch())


def test_usage_is_estimated_where_the_provider_says_nothing(gateway: GatewayCast) -> None:
    gateway.upstream.then(no_usage(), no_usage())
    for store in (True, False):
        usage = respond(gateway, "Which shelf?", store=store)["usage"]
        assert usage["estimated"] is True
        assert usage["input_tokens"] > 0 and usage["output_tokens"] > 0


# ---- read and forget -----------------------------------------------------------------------------


def test_a_response_can_be_read_again_and_deleted(gateway: GatewayCast) -> None:
    made = respond(gateway, "Hi")
    path = f"/v1/responses/{made['id']}"
    assert look(gateway, path).json() == made
    gone = look(gateway, path, method="DELETE").json()
    assert gone == {"id": made["id"], "object": "response", "deleted": True}
    for method in ("GET", "DELETE"):
        refused = look(gateway, path, method=method)
        assert refused.status_code == 404
        assert refused.json()["error"]["type"] == "invalid_request_error"


def test_a_chain_is_forgotten_with_its_last_response(gateway: GatewayCast) -> None:
    first = respond(gateway, "Hi")
    second = respond(gateway, "Ho", previous_response_id=first["id"])
    look(gateway, f"/v1/responses/{first['id']}", method="DELETE")
    third = respond(gateway, "Hu", previous_response_id=second["id"])
    assert [said for role, said in seen(gateway) if role == "user"] == ["Hi", "Ho", "Hu"]
    for made in (second, third):
        assert len(contexts(gateway)) == 1
        look(gateway, f"/v1/responses/{made['id']}", method="DELETE")
    assert contexts(gateway) == []


def test_what_was_said_to_a_response_can_be_read(gateway: GatewayCast) -> None:
    shown = {"type": "input_image", "image_url": PICTURE, "detail": "low"}
    asked: list[dict[str, Any]] = [
        {"role": "user", "content": "Look:"},
        {"role": "user", "content": [{"type": "input_text", "text": "What is it?"}, shown]},
        {"role": "developer", "content": "Be brief."},
    ]
    made = respond(gateway, asked)
    path = f"/v1/responses/{made['id']}/input_items"
    listed = look(gateway, path).json()
    assert [item["role"] for item in listed["data"]] == ["system", "user", "user"]
    assert listed["data"][1]["content"] == asked[1]["content"]
    assert listed["first_id"] == listed["data"][0]["id"] and listed["has_more"] is False
    first = look(gateway, f"{path}?order=asc&limit=1").json()
    assert first["data"][0]["content"] == [{"type": "input_text", "text": "Look:"}]
    assert first["has_more"] is True
    rest = look(gateway, f"{path}?order=asc&after={first['last_id']}").json()["data"]
    assert [item["id"] for item in rest] == [item["id"] for item in listed["data"][1::-1]]
    for query in ("limit=0", "limit=101", "limit=x", "order=up", "after=msg_none"):
        assert look(gateway, f"{path}?{query}").status_code == 400


def test_a_response_cannot_be_cancelled(gateway: GatewayCast) -> None:
    made = respond(gateway, "Hi")
    assert gateway.post(f"/v1/responses/{made['id']}/cancel", {}).status_code == 400
    assert gateway.post("/v1/responses/resp_none/cancel", {}).status_code == 404


def test_another_project_finds_nothing(gateway: GatewayCast) -> None:
    made = respond(gateway, "Hi")
    talk = gateway.post("/v1/conversations", {}).json()["id"]
    stranger = gateway.cast.tokens["stranger"]
    paths = (f"/v1/responses/{made['id']}", f"/v1/conversations/{talk}")
    for path, more in zip(paths, ("/input_items", "/items"), strict=True):
        for method, address in (("GET", path), ("GET", path + more), ("DELETE", path)):
            assert look(gateway, address, stranger, method).status_code == 404
    assert gateway.post(f"{paths[1]}", {"metadata": {}}, stranger).status_code == 404
    items = {"items": [{"role": "user", "content": "Mine."}]}
    assert gateway.post(f"{paths[1]}/items", items, stranger).status_code == 404
    add_strangers_endpoint(gateway)
    for name, value in (("previous_response_id", made["id"]), ("conversation", talk)):
        body = {"model": "ep-theirs", "input": "Go on.", name: value}
        assert gateway.post("/v1/responses", body, stranger).status_code in (400, 404)
    assert look(gateway, paths[0]).status_code == look(gateway, paths[1]).status_code == 200


def add_strangers_endpoint(gateway: GatewayCast) -> None:
    mine = gateway.endpoints.get(gateway.cast.project, "ep-test")
    assert mine is not None
    body = {"id": "ep-theirs", "project": f"{gateway.cast.project}-other", "serves": ()}
    gateway.endpoints.add(type(mine)(**{**_fields(mine), **body}))


def _fields(endpoint: Any) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in endpoint.__struct_fields__}


# ---- conversations -------------------------------------------------------------------------------


def test_a_conversation_is_made_read_changed_and_deleted(gateway: GatewayCast) -> None:
    made = gateway.post("/v1/conversations", {"metadata": {"plan": "free"}}).json()
    assert made["id"].startswith("conv_") and made["object"] == "conversation"
    path = f"/v1/conversations/{made['id']}"
    assert look(gateway, path).json() == made
    changed = gateway.post(path, {"metadata": {"plan": "pro"}}).json()
    assert changed == {**made, "metadata": {"plan": "pro"}}
    gone = look(gateway, path, method="DELETE").json()
    assert gone == {"id": made["id"], "object": "conversation.deleted", "deleted": True}
    assert look(gateway, path).status_code == 404
    assert ask(gateway, "Hi", conversation=made["id"]).status_code == 404


def test_responses_are_added_to_a_conversation(gateway: GatewayCast) -> None:
    first = {"role": "system", "content": "Be brief."}
    talk = gateway.post("/v1/conversations", {"items": [first]}).json()["id"]
    gateway.upstream.then(answer("Hello."), answer("Third."))
    one = respond(gateway, "Hi", conversation=talk)
    two = respond(gateway, "Which shelf?", conversation={"id": talk}, model="scripted-mini")
    assert one["conversation"] == two["conversation"] == {"id": talk}
    assert seen(gateway) == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello."),
        ("user", "Which shelf?"),
    ]
    listed = look(gateway, f"/v1/conversations/{talk}/items?order=asc").json()["data"]
    roles = ["system", "user", "assistant", "user", "assistant"]
    assert [item["role"] for item in listed] == roles
    assert [listed[2], listed[4]] == [*one["output"], *two["output"]]
    exchanges = gateway.exchanges(2)
    assert {one["conversation"] for one in exchanges} == {talk}


def test_items_are_added_to_a_conversation_without_a_model(gateway: GatewayCast) -> None:
    talk = gateway.post("/v1/conversations", {}).json()["id"]
    path = f"/v1/conversations/{talk}/items"
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    added = gateway.post(path, {"items": said}).json()
    assert [item["role"] for item in added["data"]] == ["user", "assistant"]
    assert look(gateway, f"{path}?order=asc").json()["data"] == added["data"]
    one = added["data"][1]
    assert look(gateway, f"{path}/{one['id']}").json() == one
    assert look(gateway, f"{path}/msg_none").status_code == 404
    assert look(gateway, f"{path}/{one['id']}", method="DELETE").status_code == 400
    respond(gateway, "Which shelf?", conversation=talk)
    assert seen(gateway)[:2] == [("user", "Hi"), ("assistant", "Hello.")]
    context = look(gateway, f"/api/v3/context/{talk}").json()
    assert (context["turns"], context["calls"]) == (2, 1)


def test_a_context_is_a_conversation_too(gateway: GatewayCast) -> None:
    context = gateway.create({"role": "system", "content": "Be brief."}, ttl=7200).json()["id"]
    gateway.turn(context, "One")
    made = respond(gateway, "Two", conversation=context)
    assert [role for role, _ in seen(gateway)] == ["system", "user", "assistant", "user"]
    respond(gateway, "Three", previous_response_id=made["id"])
    assert len(seen(gateway)) == 6
    items = look(gateway, f"/v1/conversations/{context}/items").json()["data"]
    assert len(items) == 7
    prefix = gateway.create(mode="common_prefix").json()["id"]
    assert ask(gateway, "Hi", conversation=prefix).status_code == 400


def test_a_conversation_has_one_turn_at_a_time(gateway: GatewayCast) -> None:
    talk = gateway.post("/v1/conversations", {}).json()["id"]
    gateway.upstream.then(hold())
    thread = threading.Thread(target=respond, args=(gateway, "One"), kwargs={"conversation": talk})
    thread.start()
    gateway.upstream.until(lambda: bool(gateway.upstream.requests))
    refused = ask(gateway, "Two", conversation=talk)
    items = {"items": [{"role": "user", "content": "Two"}]}
    assert gateway.post(f"/v1/conversations/{talk}/items", items).status_code == 409
    gateway.upstream.release()
    thread.join()
    assert refused.status_code == 409
    assert refused.json()["error"]["type"] == "invalid_request_error"
    respond(gateway, "Three", conversation=talk)
    assert [said for role, said in seen(gateway) if role == "user"] == ["One", "Three"]


def test_what_is_not_stored_is_not_added_to_a_conversation(gateway: GatewayCast) -> None:
    talk = gateway.post("/v1/conversations", {}).json()["id"]
    respond(gateway, "One", conversation=talk)
    made = respond(gateway, "Two", conversation=talk, store=False)
    assert made["conversation"] == {"id": talk} and len(seen(gateway)) == 3
    assert len(look(gateway, f"/v1/conversations/{talk}/items").json()["data"]) == 2


# ---- streams -------------------------------------------------------------------------------------

TEXT_EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


@pytest.mark.parametrize("reply", [answer("Third shelf."), odd_frames("Third shelf.")])
def test_a_stream_says_its_events_in_openais_order(gateway: GatewayCast, reply: Reply) -> None:
    gateway.upstream.then(reply)
    response = ask(gateway, "Which shelf?", stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    told = events_of(response)
    assert [event["type"] for event in told] == TEXT_EVENTS
    begun, final = told[0]["response"], told[-1]["response"]
    assert (begun["status"], begun["output"], begun["usage"]) == ("in_progress", [], None)
    assert final["id"] == begun["id"] and final["usage"]["total_tokens"] == 6
    deltas = [event["delta"] for event in told if event["type"].endswith(".delta")]
    assert "".join(deltas) == text_of(final) == "Third shelf."
    (item,) = final["output"]
    assert {event["item_id"] for event in told if "item_id" in event} == {item["id"]}
    assert {event["output_index"] for event in told if "output_index" in event} == {0}
    assert told[-2]["item"] == item
    assert look(gateway, f"/v1/responses/{final['id']}").json() == final


def test_a_streamed_response_is_gone_on_with(gateway: GatewayCast) -> None:
    final = events_of(ask(gateway, "Hi", stream=True))[-1]["response"]
    more = {"previous_response_id": final["id"], "stream": True}
    assert text_of(events_of(ask(gateway, "Ho", **more))[-1]["response"]).startswith("Turn 2")


def test_what_a_model_thinks_comes_first_and_is_not_shown_to_it_again(gateway: GatewayCast) -> None:
    gateway.upstream.then(reasoning("Hm, hm.", "Yes."), reasoning("Aha.", "No."))
    told = events_of(ask(gateway, "Is it?", stream=True))
    kinds = [event["type"] for event in told if event["type"].endswith(("added", "done"))]
    assert kinds == [
        "response.output_item.added",
        "response.content_part.added",
        "response.reasoning_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]
    final = told[-1]["response"]
    thought, message = final["output"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "Hm, hm."}]
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert done == [thought, message]
    assert final["usage"]["output_tokens_details"]["reasoning_tokens"] == 4
    whole = respond(gateway, [*final["output"], {"role": "user", "content": "Sure?"}])
    assert seen(gateway) == [("assistant", "Yes."), ("user", "Sure?")]
    assert [item["type"] for item in whole["output"]] == ["reasoning", "message"]


@pytest.mark.parametrize("script", [error_frame(after=3), cut_stream(after=3)])
def test_a_stream_that_breaks_off_ends_as_failed(gateway: GatewayCast, script: Reply) -> None:
    gateway.upstream.then(script)
    told = events_of(ask(gateway, "Which shelf?", stream=True))
    final = told[-1]
    assert final["type"] == "response.failed" and final["response"]["status"] == "failed"
    assert final["response"]["error"]["code"] == "server_error"
    assert "provider broke off" in final["response"]["error"]["message"]
    assert text_of(final["response"]) == "".join(
        event["delta"] for event in told if event["type"].endswith(".delta")
    )
    (exchange,) = gateway.exchanges(1)
    assert exchange["partial"] and exchange["status"] == 502
    assert look(gateway, f"/v1/responses/{final['response']['id']}").status_code == 404


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_of_the_provider_has_openais_shape(gateway: GatewayCast, stream: bool) -> None:
    gateway.upstream.then(refuse(retry_after="3"))
    refused = ask(gateway, "Hi", stream=stream)
    assert refused.status_code == 429 and refused.headers["retry-after"] == "3"
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    gateway.upstream.then(status(400))
    refused = ask(gateway, "Hi", stream=stream)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "scripted_400")


# ---- tools and parameters ------------------------------------------------------------------------


def test_tools_go_round(gateway: GatewayCast) -> None:
    gateway.upstream.then(tool_calls("weather", {"city": "Łódź"}, ("weather", {"city": "Brno"})))
    choice = {"type": "function", "name": "weather"}
    first = respond(gateway, "Rain?", tools=[WEATHER], tool_choice=choice)
    sent = gateway.upstream.last.body
    said = {name: value for name, value in WEATHER.items() if name != "type"}
    assert sent["tools"] == [{"type": "function", "function": said}]
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    one, two = first["output"]
    assert (one["type"], one["name"], json.loads(one["arguments"])) == (
        "function_call",
        "weather",
        {"city": "Łódź"},
    )
    assert (one["call_id"], two["call_id"]) == ("call_0", "call_1") and one["id"] != two["id"]
    results = [
        {"type": "function_call_output", "call_id": call["call_id"], "output": "Rain."}
        for call in first["output"]
    ]
    second = respond(gateway, results, previous_response_id=first["id"], tools=[WEATHER])
    messages = gateway.upstream.last.messages
    assert [one["role"] for one in messages] == ["user", "assistant", "tool", "tool"]
    assert [call["id"] for call in messages[1]["tool_calls"]] == ["call_0", "call_1"]
    assert messages[3] == {"role": "tool", "tool_call_id": "call_1", "content": "Rain."}
    assert second["status"] == "completed"
    # The same, when the caller resends all of it.
    asked = {"role": "user", "content": "Rain?"}
    respond(gateway, [asked, *first["output"], *results], store=False, tools=[WEATHER])
    assert gateway.upstream.last.messages == messages


def test_a_call_is_streamed_with_its_arguments(gateway: GatewayCast) -> None:
    gateway.upstream.then(tool_calls("weather", {"city": "Łódź"}))
    told = events_of(ask(gateway, "Rain?", tools=[WEATHER], stream=True))
    kinds = [event["type"] for event in told]
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    added = told[2]["item"]
    assert (added["name"], added["call_id"], added["arguments"]) == ("weather", "call_0", "")
    (item,) = told[-1]["response"]["output"]
    assert told[5]["arguments"] == item["arguments"] == told[3]["delta"] + told[4]["delta"]
    assert told[6]["item"] == item and item["id"] == added["id"]


def test_parameters_are_said_in_the_words_of_a_chat(gateway: GatewayCast) -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    form = {"type": "json_schema", "name": "shelf", "schema": schema, "strict": True}
    made = respond(
        gateway,
        [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
        text={"format": form, "verbosity": "low"},
        max_output_tokens=50,
        temperature=0.2,
        top_p=0.9,
        reasoning={"effort": "low"},
        parallel_tool_calls=False,
        tools=[WEATHER],
        include=["reasoning.encrypted_content"],
        max_tool_calls=3,
        truncation="auto",
        stream_options={"include_obfuscation": False},
        thinking={"type": "disabled"},
        prompt_cache_key="mine",
    )
    sent = gateway.upstream.last.body
    del sent["tools"], sent["messages"]
    assert sent == {
        "model": MODEL,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "shelf", "schema": schema, "strict": True},
        },
        "verbosity": "low",
        "max_tokens": 50,
        "temperature": 0.2,
        "top_p": 0.9,
        "reasoning_effort": "low",
        "parallel_tool_calls": False,
        "thinking": {"type": "disabled"},
        "prompt_cache_key": "mine",
    }
    assert made["text"] == {"format": form, "verbosity": "low"}
    assert made["reasoning"] == {"effort": "low", "summary": None}
    assert made["max_output_tokens"] == 50 and made["parallel_tool_calls"] is False
    ask(gateway, "Hi", text={"format": {"type": "json_object"}})
    assert gateway.upstream.last.body["response_format"] == {"type": "json_object"}
    ask(gateway, "Hi", text={"format": {"type": "text"}}, tool_choice="auto")
    assert not {"response_format", "tool_choice"} & gateway.upstream.last.body.keys()


def test_openai_is_told_the_length_in_its_own_word(gateway: GatewayCast) -> None:
    url = gateway.upstream.url
    gateway.add_endpoint("ep-openai", Upstream(base_url=url, model="o", dialect=Dialect.OPENAI))
    ask(gateway, "Hi", model="ep-openai", max_output_tokens=50)
    sent = gateway.upstream.last.body
    assert sent["max_completion_tokens"] == 50 and "max_tokens" not in sent


def test_pictures_files_and_sounds_are_shown_to_the_model(gateway: GatewayCast) -> None:
    sound = {"data": "UklGRg==", "format": "wav"}
    parts: list[dict[str, Any]] = [
        {"type": "input_image", "image_url": PICTURE},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,A"},
        {"type": "input_audio", "input_audio": sound},
    ]
    respond(gateway, [{"type": "message", "role": "user", "content": parts}])
    assert gateway.upstream.last.messages[0]["content"] == [
        {"type": "image_url", "image_url": {"url": PICTURE}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": parts[1]["file_data"]}},
        {"type": "input_audio", "input_audio": sound},
    ]


@pytest.mark.parametrize(
    ("reason", "told"),
    [("length", "max_output_tokens"), ("content_filter", "content_filter")],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_cut_short_is_incomplete(
    gateway: GatewayCast, reason: str, told: str, stream: bool
) -> None:
    gateway.upstream.then(finish(reason))
    response = ask(gateway, "Hi", stream=stream)
    if stream:
        last = events_of(response)[-1]
        assert last["type"] == "response.incomplete"
    made = last["response"] if stream else response.json()
    assert (made["status"], made["incomplete_details"]) == ("incomplete", {"reason": told})
    assert made["output"][-1]["status"] == "incomplete"


def test_a_full_window_drops_old_turns_or_is_refused_as_the_caller_says(
    gateway: GatewayCast,
) -> None:
    gateway.add_endpoint("ep-small", window_tokens=120, output_tokens=40)
    previous: dict[str, Any] = {}
    for number in range(6):
        said = f"Number {number}, " + "and so on, " * 4
        made = respond(gateway, said, model="ep-small", **previous)
        previous = {"previous_response_id": made["id"]}
    assert not any("Number 0," in str(said) for _, said in seen(gateway))
    calls = len(gateway.upstream.requests)
    long = "and so on, " * 60
    refused = ask(gateway, long, model="ep-small", truncation="disabled", **previous)
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "context_length_exceeded"
    assert len(gateway.upstream.requests) == calls, "no provider is asked in vain"
    respond(gateway, "And now?", model="ep-small", **previous)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"input": None}, "input"),
    ({"input": []}, "input"),
    ({"input": 5}, "input"),
    ({"input": [5]}, "input[0]"),
    ({"input": [{"role": "user"}]}, "input[0].content"),
    ({"input": [{"role": "clown", "content": "Hi"}]}, "input[0]"),
    ({"input": [{"role": "user", "content": [{"type": "hologram"}]}]}, "input[0].content[0]"),
    ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
    ({"input": [{"type": "computer_call", "id": "cu_1"}]}, "input[0]"),
    ({"input": [{"type": "function_call", "name": "f", "call_id": "c"}]}, "input[0].arguments"),
    ({"tools": [{"type": "web_search"}]}, "tools[0]"),
    ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ({"tools": [WEATHER], "tool_choice": {"type": "file_search"}}, "tool_choice"),
    ({"text": {"format": {"type": "grammar"}}}, "text.format"),
    ({"background": True}, "background"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ({"include": ["message.output_text.logprobs"]}, "include"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"context_management": [{"type": "compaction"}]}, "context_management"),
    ({"truncation": "sometimes"}, "truncation"),
    ({"messages": []}, "messages"),
    ({"n": 2}, "n"),
    ({"stream": "yes"}, "stream"),
    ({"metadata": "free"}, "metadata"),
    ({"max_output_tokens": "many"}, "max_output_tokens"),
    ({"previous_response_id": "resp_a", "conversation": "conv_a"}, "previous_response_id"),
    ({"previous_response_id": "resp_a"}, "previous_response_id"),
    ({"model": None}, "model"),
]


@pytest.mark.parametrize(("change", "field"), REFUSED, ids=[str(one) for one, _ in REFUSED])
def test_what_cannot_be_done_is_said_by_name(
    gateway: GatewayCast, change: dict[str, Any], field: str
) -> None:
    body = {"model": "ep-test", "input": "Hi", **change}
    refused = gateway.post("/v1/responses", body)
    assert refused.status_code == 400, refused.text
    error = refused.json()["error"]
    assert (error["param"], error["type"]) == (field, "invalid_request_error")
    assert gateway.upstream.requests == [] and contexts(gateway) == []


def test_a_file_that_is_kept_elsewhere_is_refused(gateway: GatewayCast) -> None:
    for part in (
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_file", "file_url": "https://files.example/a.pdf"},
    ):
        refused = ask(gateway, [{"role": "user", "content": [part]}])
        assert refused.status_code == 400 and "no files" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "body", [{"items": "Hi"}, {"items": [{"type": "reasoning?"}]}, {"metadata": 5}]
)
def test_a_bad_conversation_is_refused(gateway: GatewayCast, body: dict[str, Any]) -> None:
    refused = gateway.post("/v1/conversations", body)
    assert refused.status_code == 400 and contexts(gateway) == []


def test_arks_clients_find_it_at_their_address(gateway: GatewayCast) -> None:
    body = {"model": "ep-test", "input": "Hi", "caching": {"type": "enabled"}, "tools": None}
    made = gateway.post("/api/v3/responses", body)
    assert made.status_code == 200, made.text
    assert "caching" not in gateway.upstream.last.body
    path = f"/api/v3/responses/{made.json()['id']}"
    assert look(gateway, path).json() == made.json()
    body |= {"previous_response_id": made.json()["id"]}
    again = gateway.post("/api/v3/responses", body).json()
    assert text_of(again) == "Turn 2: you said Hi"


@pytest.fixture(autouse=True)
def _nothing_is_left_open(gateway: GatewayCast) -> Iterator[None]:
    """No session stays in the middle of a turn, whatever the test did."""
    yield
    assert not any(context["busy"] for context in contexts(gateway))
