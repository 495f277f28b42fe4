"""Responses in events, in the order in which OpenAI sends them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Cast
from tests.gateway_cast import GatewayCast
from tests.response_cast import ask, contexts, events_of, look, respond, seen, text_of
from tests.scripted_model import Reply
from tests.scripted_upstream import (
    ScriptedUpstream,
    answer,
    cut_stream,
    error_frame,
    odd_frames,
    reasoning,
    refuse,
    status,
)


@pytest.fixture
def gateway(cast: Cast, upstream: ScriptedUpstream) -> Iterator[GatewayCast]:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    gateway.add_endpoint("ep-test", serves=("scripted-mini",))
    yield gateway
    assert not any(context["busy"] for context in contexts(gateway)), "a session was left locked"


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
