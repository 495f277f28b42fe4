"""Ark's Context API: contexts are kept, filled in, cut, and let go."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Cast
from tests.gateway_cast import GatewayCast, frames, spoken
from tests.scripted_upstream import ScriptedUpstream, answer, cut_stream, no_usage, status

SYSTEM = {"role": "system", "content": "Be brief."}


@pytest.fixture
def gateway(cast: Cast, upstream: ScriptedUpstream) -> GatewayCast:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    gateway.add_endpoint("ep-test", serves=("scripted-mini",))
    return gateway


def test_a_context_is_created_as_ark_creates_it(gateway: GatewayCast) -> None:
    strategy = {"type": "last_history_tokens", "last_history_tokens": 4096}
    said = gateway.create(SYSTEM, ttl=7200, truncation_strategy=strategy).json()
    assert re.fullmatch(r"ctx-\d{14}-[a-z0-9]{5}", said["id"])
    assert (said["model"], said["mode"], said["ttl"]) == ("ep-test", "session", 7200)
    assert said["truncation_strategy"] == strategy
    usage = said["usage"]
    assert usage["prompt_tokens"] == usage["total_tokens"] > 0
    assert usage["completion_tokens"] == usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_a_session_remembers_both_sides(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.upstream.then(answer("Third shelf."), answer("Yes."))
    gateway.turn(context, "Which shelf?")
    said = gateway.turn(context, "Sure?").json()
    assert said["choices"][0]["message"]["content"] == "Yes."
    assert gateway.upstream.last.messages == [
        SYSTEM,
        {"role": "user", "content": "Which shelf?"},
        {"role": "assistant", "content": "Third shelf."},
        {"role": "user", "content": "Sure?"},
    ]
    assert said["usage"]["prompt_tokens_details"]["cached_tokens"] > 0


def test_a_common_prefix_stays_what_it_was(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM, mode="common_prefix").json()
    assert "truncation_strategy" not in context
    gateway.turn(context["id"], "One")
    gateway.turn(context["id"], "Two")
    assert gateway.upstream.last.messages == [SYSTEM, {"role": "user", "content": "Two"}]


def test_a_stream_is_as_arks_clients_expect_it(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.upstream.then(answer("Third shelf, left."))
    options = {"include_usage": True}
    response = gateway.turn(context, "Which?", stream=True, stream_options=options)
    *pieces, usage, done = frames(response)
    assert done == "[DONE]" and spoken(response) == "Third shelf, left."
    assert all(piece["usage"] is None for piece in pieces)
    assert all(isinstance(piece["choices"][0]["delta"]["content"], str) for piece in pieces)
    assert pieces[-1]["choices"][0]["delta"]["content"] == ""
    assert pieces[-1]["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == [] and usage["usage"]["total_tokens"] > 0
    assert isinstance(usage["usage"]["prompt_tokens_details"]["cached_tokens"], int)


@pytest.mark.parametrize("script", [cut_stream(after=2), status(500)])
def test_a_failed_turn_leaves_the_context_as_it_was(gateway: GatewayCast, script: object) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.upstream.then(script)  # type: ignore[arg-type]
    gateway.turn(context, "One", stream=True)
    assert gateway.turn(context, "Two").status_code == 200
    assert gateway.upstream.last.messages == [SYSTEM, {"role": "user", "content": "Two"}]


def test_the_transcript_of_a_context_grows(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM, user="ada").json()["id"]
    gateway.upstream.then(answer("One."), answer("Two."))
    gateway.turn(context, "First")
    gateway.turn(context, "Second", stream=True)
    exchanges = gateway.exchanges(2)
    assert {one["conversation"] for one in exchanges} == {context}
    assert {one["user"] for one in exchanges} == {"ada"}
    assert gateway.transcripts() == [
        [
            ("system", "Be brief."),
            ("user", "First"),
            ("assistant", "One."),
            ("user", "Second"),
            ("assistant", "Two."),
        ]
    ]


def test_usage_is_estimated_where_the_provider_says_nothing(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.upstream.then(no_usage(), no_usage())
    whole = gateway.turn(context, "First").json()["usage"]
    assert whole["estimated"] is True and whole["prompt_tokens"] > 0
    options = {"include_usage": True}
    streamed = frames(gateway.turn(context, "Second", stream=True, stream_options=options))[-2]
    assert streamed["usage"]["estimated"] is True
    assert streamed["usage"]["prompt_tokens"] > whole["prompt_tokens"]
