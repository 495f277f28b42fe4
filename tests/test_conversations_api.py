"""OpenAI's Conversations API, and the responses that are added to a conversation."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.conftest import Cast
from tests.gateway_cast import GatewayCast
from tests.response_cast import ask, contexts, look, respond, seen
from tests.scripted_upstream import ScriptedUpstream, answer, hold


@pytest.fixture
def gateway(cast: Cast, upstream: ScriptedUpstream) -> Iterator[GatewayCast]:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    gateway.add_endpoint("ep-test", serves=("scripted-mini",))
    yield gateway
    assert not any(context["busy"] for context in contexts(gateway)), "a session was left locked"


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
    lost = ask(gateway, "Hi", conversation=made["id"])
    assert (lost.status_code, lost.json()["error"]["param"]) == (404, "conversation")


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
