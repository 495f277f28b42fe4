"""Responses in events, in the order in which OpenAI sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from causerie.wire.items import items_of, place_of
from causerie.wire.response_events import Events
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


# ---- what providers do ---------------------------------------------------------------------------


def spoken(events: Iterator[bytes]) -> list[dict[str, Any]]:
    return [json.loads(event.split(b"\ndata: ")[1]) for event in events]


def kinds(told: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in told]


PLACE = place_of("ctx-1", 0, 1)
RESPONSE = {"id": "resp_1", "status": "in_progress", "output": []}


def whole(message: dict[str, Any]) -> dict[str, Any]:
    output = items_of([{"role": "assistant", **message}], "ctx-1", 0, 1)
    return {**RESPONSE, "status": "completed", "output": output}


def test_what_comes_with_the_last_piece_is_said_at_the_end() -> None:
    events = Events(RESPONSE, PLACE)
    told = spoken(events.piece("Third ", None, None, None))
    told += spoken(events.end(whole({"content": "Third shelf."})))
    deltas = [event["delta"] for event in told if event["type"].endswith(".delta")]
    assert deltas == ["Third ", "shelf."]
    assert kinds(told)[-4:] == [
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_text_that_comes_behind_a_call_is_not_lost() -> None:
    events = Events(RESPONSE, PLACE)
    call = {"index": 0, "id": "call_1", "function": {"name": "look", "arguments": "{}"}}
    told = spoken(events.piece("Let me ", None, None, None))
    told += spoken(events.piece(None, None, None, [call]))
    told += spoken(events.piece("see.", None, None, None))
    said = {"content": "Let me see.", "tool_calls": [call]}
    told += spoken(events.end(whole(said)))
    deltas = [event["delta"] for event in told if event["type"].endswith("text.delta")]
    assert deltas == ["Let me ", "see."]
    done = [event["item"] for event in told if event["type"].endswith("item.done")]
    assert done == told[-1]["response"]["output"]


def test_a_call_waits_for_its_name_and_gets_an_id_when_it_has_none() -> None:
    events = Events(RESPONSE, PLACE)
    first: dict[str, Any] = {"index": 3, "function": {"arguments": '{"a"'}}
    assert spoken(events.piece(None, None, None, [first])) == []
    named = {"index": 3, "function": {"name": "look", "arguments": ": 1}"}}
    told = spoken(events.piece(None, None, None, [named]))
    call = {"function": {"name": "look", "arguments": '{"a": 1}'}}
    told += spoken(events.end(whole({"content": None, "tool_calls": [call]})))
    assert kinds(told) == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert told[1]["delta"] == told[2]["arguments"] == '{"a": 1}'
    assert told[0]["item"]["call_id"] == told[3]["item"]["call_id"] != ""


def test_a_refusal_is_a_part_of_the_message() -> None:
    events = Events(RESPONSE, PLACE)
    told = spoken(events.piece(None, "I will ", None, None))
    told += spoken(events.piece(None, "not.", None, None))
    told += spoken(events.end(whole({"content": "", "refusal": "I will not."})))
    assert kinds(told) == [
        "output_item.added",
        "content_part.added",
        "refusal.delta",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert told[4]["refusal"] == "I will not."
    assert told[6]["item"]["content"] == [{"type": "refusal", "refusal": "I will not."}]


def test_an_answer_without_a_word_is_a_message_too() -> None:
    told = spoken(Events(RESPONSE, PLACE).end(whole({"content": ""})))
    assert kinds(told) == [
        "output_item.added",
        "content_part.added",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
