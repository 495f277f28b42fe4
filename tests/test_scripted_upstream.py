"""The scripted provider: as well-behaved or as broken as a test wants it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scripted_model import Reply
from tests.scripted_upstream import (
    ScriptedUpstream,
    answer,
    bad_frame,
    cached,
    close_at_once,
    cut_stream,
    error_frame,
    garbage,
    half_frame,
    hold,
    no_done,
    no_usage,
    odd_frames,
    reasoning,
    refuse,
    slow_stream,
    stall,
    status,
    tool_calls,
)

SECONDS_MAX = 5.0


@pytest.fixture
def client(upstream: ScriptedUpstream) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=upstream.url, timeout=SECONDS_MAX, trust_env=False) as client:
        yield client


def asked(*texts: str, **options: Any) -> dict[str, Any]:
    """A chat in which the user said these texts, one after another."""
    messages = [{"role": "user", "content": text} for text in texts]
    return {"model": "scripted-1", "messages": messages, **options}


def chat(client: httpx.Client, *texts: str, **options: Any) -> Any:
    return client.post("/chat/completions", json=asked(*texts, **options)).json()


def frames(client: httpx.Client, *texts: str, **options: Any) -> list[str]:
    body = asked(*texts, stream=True, **options)
    with client.stream("POST", "/chat/completions", json=body) as streamed:
        return [line.removeprefix("data:").strip() for line in streamed.iter_lines() if line]


def text(events: list[str]) -> str:
    chunks = [json.loads(event) for event in events if event.startswith("{")]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


def test_by_itself_it_counts_the_turns_that_it_was_shown(client: httpx.Client) -> None:
    said = chat(client, "Good evening.", "How are you?")
    assert said["choices"][0]["message"]["content"] == "Turn 2: you said How are you?"
    assert said["usage"]["prompt_tokens"] == 7
    assert len(chat(client, "Hello.", n=2)["choices"]) == 2


def test_a_stream_comes_in_pieces_and_tells_its_usage_when_asked(client: httpx.Client) -> None:
    plain = frames(client, "Hello there.")
    assert text(plain) == "Turn 1: you said Hello there." and plain[-1] == "[DONE]"
    assert len(plain) > 5 and not any("usage" in event for event in plain)
    metered = frames(client, "Hello there.", stream_options={"include_usage": True})
    assert json.loads(metered[-2])["usage"]["prompt_tokens"] == 3
    assert json.loads(metered[-2])["choices"] == []


def test_what_was_read_or_said_before_counts_as_cached(client: httpx.Client) -> None:
    first = chat(client, "Good evening.")
    grown = asked("Good evening.")
    grown["messages"] += [first["choices"][0]["message"], {"role": "user", "content": "Bye."}]
    usage = client.post("/chat/completions", json=grown).json()["usage"]
    details = usage["prompt_tokens_details"]
    assert first["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    assert details["cached_tokens"] == usage["prompt_tokens"] - 2
    assert details["cached_tokens"] == first["usage"]["total_tokens"]


def test_a_script_is_followed_request_by_request(
    upstream: ScriptedUpstream, client: httpx.Client
) -> None:
    upstream.then(answer("One."), refuse(retry_after="2"), status(500), cached(2), no_usage())
    upstream.always(answer("Enough."))
    answers = [client.post("/chat/completions", json=asked("Go on.")) for _ in range(6)]
    assert [one.status_code for one in answers] == [200, 429, 500, 200, 200, 200]
    assert answers[1].headers["retry-after"] == "2"
    assert answers[3].json()["usage"]["prompt_tokens_details"]["cached_tokens"] == 2
    assert "usage" not in answers[4].json()
    assert answers[5].json()["choices"][0]["message"]["content"] == "Enough."


def test_a_marker_in_the_last_words_goes_before_the_script(
    upstream: ScriptedUpstream, client: httpx.Client
) -> None:
    upstream.then(answer("Scripted."))
    marked = "Please <<refuse status=503 retry_after=7>>"
    refused = client.post("/chat/completions", json=asked(marked))
    assert refused.status_code == 503 and refused.headers["retry-after"] == "7"
    call = chat(client, 'Look <<tool_calls name=weather arguments={"city":"Paris"}>>')
    function = call["choices"][0]["message"]["tool_calls"][0]["function"]
    assert function == {"name": "weather", "arguments": '{"city": "Paris"}'}
    assert chat(client, marked, "Now.")["choices"][0]["message"]["content"] == "Scripted."


def test_tools_and_thoughts_are_streamed_in_pieces(
    upstream: ScriptedUpstream, client: httpx.Client
) -> None:
    upstream.then(tool_calls("weather", {"city": "Paris"}), reasoning("Hm, well.", "Yes."))
    events = [json.loads(event) for event in frames(client, "Look.")[:-1]]
    deltas = [event["choices"][0]["delta"] for event in events]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"city": "Paris"}'
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"
    thought = [event for event in frames(client, "Think.") if "reasoning_content" in event]
    assert len(thought) == 2


@pytest.mark.parametrize(
    "reply",
    [close_at_once(), cut_stream(after=2), half_frame(after=2)],
    ids=["none", "cut", "half"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_answer_ends_in_the_middle(
    upstream: ScriptedUpstream, client: httpx.Client, reply: Reply, stream: bool
) -> None:
    upstream.then(reply)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.post("/chat/completions", json=asked("Go on.", stream=stream))
    assert upstream.last.ended and not upstream.hung_up


def test_a_stream_can_break_in_every_way(upstream: ScriptedUpstream, client: httpx.Client) -> None:
    upstream.then(error_frame(), bad_frame(), no_done(), garbage(), odd_frames("Où ça ?"))
    assert "error" in json.loads(frames(client, "1")[-1])
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(frames(client, "2")[-1])
    assert json.loads(frames(client, "3")[-1])["choices"][0]["finish_reason"] == "stop"
    assert frames(client, "4") == ["<html>No model lives here.</html>"]
    assert text(frames(client, "5")) == "Où ça ?"


def test_it_notices_who_hangs_up(upstream: ScriptedUpstream, client: httpx.Client) -> None:
    for patience in (stall(60, after=2), hold(after=2), slow_stream(0.02, "word " * 500)):
        upstream.then(patience)
        body = asked("Go on.", stream=True)
        with client.stream("POST", "/chat/completions", json=body) as streamed:
            next(streamed.iter_lines())
        upstream.until(lambda: upstream.last.hung_up)
    assert chat(client, "Still there?")["choices"] and not upstream.last.hung_up


def test_what_is_on_hold_is_said_after_its_release(
    upstream: ScriptedUpstream, client: httpx.Client
) -> None:
    upstream.then(hold(after=2).but(text="At last."))
    with client.stream("POST", "/chat/completions", json=asked("Go on.", stream=True)) as streamed:
        lines = streamed.iter_lines()
        first = [next(lines), next(lines)]
        upstream.release()
        assert text([line.removeprefix("data: ") for line in [*first, *lines]]) == "At last."


def test_it_lists_models_and_embeds_texts(upstream: ScriptedUpstream, client: httpx.Client) -> None:
    assert "scripted-1" in [model["id"] for model in client.get("/models").json()["data"]]
    body = {"model": "scripted-embedding-1", "input": ["one", "two"], "dimensions": 4}
    vectors = [one["embedding"] for one in client.post("/embeddings", json=body).json()["data"]]
    assert [len(vector) for vector in vectors] == [4, 4] and vectors[0] != vectors[1]
    assert client.post("/nothing", json={}).status_code == 404


def test_it_keeps_requests_as_they_came(upstream: ScriptedUpstream, client: httpx.Client) -> None:
    raw = '{"model": "m",  "messages": [{"content": "Où ?", "role": "user"}]}'.encode()
    client.post("/chat/completions", content=raw, headers={"Authorization": "Bearer k"})
    assert upstream.last.raw == raw and upstream.last.headers["authorization"] == "Bearer k"
    assert upstream.last.messages == [{"content": "Où ?", "role": "user"}]


def test_once_stopped_it_refuses_connections_until_it_starts_again(
    upstream: ScriptedUpstream, client: httpx.Client
) -> None:
    upstream.stop()
    with pytest.raises(httpx.ConnectError):
        chat(client, "Anybody?")
    upstream.start()
    assert chat(client, "Anybody?")["choices"]


def test_it_runs_as_a_program_and_ends_with_its_input() -> None:
    command = [sys.executable, "-m", "tests.scripted_upstream"]
    root = Path(__file__).parents[1]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, text=True) as provider:
        assert provider.stdin is not None and provider.stdout is not None
        port = int(provider.stdout.readline())
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        assert httpx.post(url, json=asked("Hi."), trust_env=False).json()["choices"]
        provider.stdin.close()
        assert provider.wait(SECONDS_MAX) == 0
