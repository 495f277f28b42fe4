"""What a response is asked for, in the words of a chat: items, tools, parameters, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from causerie.endpoints import Dialect, Upstream
from tests.conftest import Cast
from tests.gateway_cast import MODEL, GatewayCast
from tests.response_cast import (
    PICTURE,
    WEATHER,
    ask,
    contexts,
    events_of,
    look,
    respond,
    seen,
    text_of,
)
from tests.scripted_upstream import ScriptedUpstream, finish, tool_calls


@pytest.fixture
def gateway(cast: Cast, upstream: ScriptedUpstream) -> Iterator[GatewayCast]:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    gateway.add_endpoint("ep-test", serves=("scripted-mini",))
    yield gateway
    assert not any(context["busy"] for context in contexts(gateway)), "a session was left locked"


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
