"""OpenAI's Responses API: chains and branches of responses, kept, read again and forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from causerie.endpoints import Upstream
from tests.conftest import Cast
from tests.gateway_cast import MODEL, GatewayCast
from tests.response_cast import PICTURE, ask, contexts, hang_up, look, respond, seen, text_of
from tests.scripted_model import Reply
from tests.scripted_upstream import (
    ScriptedUpstream,
    answer,
    cut_stream,
    garbage,
    hold,
    no_usage,
    status,
)

MONTH = 30 * 86_400


@pytest.fixture
def gateway(cast: Cast, upstream: ScriptedUpstream) -> Iterator[GatewayCast]:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    gateway.add_endpoint("ep-test", serves=("scripted-mini",))
    yield gateway
    assert not any(context["busy"] for context in contexts(gateway)), "a session was left locked"


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


def test_the_transcript_of_a_branch_says_where_it_parted(gateway: GatewayCast) -> None:
    first = respond(gateway, "Hi", metadata={"plan": "free"})
    respond(gateway, "One", previous_response_id=first["id"])
    chain = contexts(gateway)[0]["id"]
    respond(gateway, "Two", previous_response_id=first["id"])
    gateway.exchanges(3)
    listed = gateway.cast.get("/api/v1/conversations", "admin").json()["conversations"]
    (branch,) = (one for one in listed if "branch_of" in one["metadata"])
    assert (branch["metadata"]["branch_of"], branch["metadata"]["plan"]) == (chain, "free")
    assert [said["message"] for said in branch["messages"]] == ["Two", "Turn 2: you said Two"]


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
