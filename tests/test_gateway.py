"""The gateway through OpenAI's API: what callers get, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Cast
from tests.gateway_cast import GatewayCast, frames, spoken
from tests.scripted_upstream import ScriptedUpstream, answer, no_usage


@pytest.fixture
def gateway(cast: Cast, upstream: ScriptedUpstream) -> GatewayCast:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    gateway.add_endpoint("ep-test", serves=("scripted-mini",))
    return gateway


def test_a_whole_answer_passes_as_the_provider_sent_it(gateway: GatewayCast) -> None:
    gateway.upstream.then(answer("Third shelf."))
    response = gateway.chat("Which shelf?")
    assert response.status_code == 200, response.text
    said = response.json()
    assert said["choices"][0]["message"]["content"] == "Third shelf."
    assert gateway.upstream.last.headers["authorization"] == "Bearer sk-upstream"
    assert gateway.upstream.last.body["model"] == "scripted-1"


def test_a_stream_passes_as_the_provider_sent_it(gateway: GatewayCast) -> None:
    gateway.upstream.then(answer("Third shelf, to the left."))
    response = gateway.chat("Which shelf?", stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert spoken(response) == "Third shelf, to the left."
    *pieces, last = frames(response)
    assert last == "[DONE]"
    assert all(piece["choices"] for piece in pieces)


def test_an_exchange_is_recorded_with_what_it_took(gateway: GatewayCast) -> None:
    gateway.upstream.then(answer("Third shelf."))
    gateway.chat("Which shelf?", user="ada")
    (exchange,) = gateway.exchanges(1)
    assert (exchange["user"], exchange["endpoint"]) == ("ada", "ep-test")
    assert exchange["input_tokens"] and exchange["output_tokens"]
    assert gateway.transcripts() == [[("user", "Which shelf?"), ("assistant", "Third shelf.")]]


def test_history_that_is_sent_again_makes_one_growing_conversation(gateway: GatewayCast) -> None:
    gateway.upstream.then(answer("Hello."), answer("Third shelf."), answer("Bye."))
    gateway.chat("Hi", user="ada")
    gateway.exchanges(1)
    gateway.chat("Hi", "Hello.", "Which shelf?", user="ada")
    gateway.exchanges(2)
    # The caller has forgotten how it began.
    gateway.chat("Which shelf?", "Third shelf.", "Thanks", user="ada")
    gateway.exchanges(3)
    assert gateway.transcripts() == [
        [
            ("user", "Hi"),
            ("assistant", "Hello."),
            ("user", "Which shelf?"),
            ("assistant", "Third shelf."),
            ("user", "Thanks"),
            ("assistant", "Bye."),
        ]
    ]


def test_usage_is_estimated_where_the_provider_says_nothing(gateway: GatewayCast) -> None:
    gateway.upstream.then(no_usage())
    said = gateway.chat("Which shelf?").json()
    assert said["usage"]["estimated"] is True and said["usage"]["prompt_tokens"] > 0
    (exchange,) = gateway.exchanges(1)
    assert exchange["estimated"] and exchange["input_tokens"] == said["usage"]["prompt_tokens"]
