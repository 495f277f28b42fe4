"""What goes wrong between a caller and a model: each API says it, no lock stays, nothing is added
to a context, and the transcript tells what was said.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from httpx2 import Response

from causerie.endpoints import Upstream
from tests.conftest import Cast
from tests.gateway_cast import MODEL, GatewayCast, frames
from tests.scripted_upstream import (
    ScriptedUpstream,
    bad_frame,
    close_at_once,
    cut_stream,
    error_frame,
    garbage,
    half_frame,
    no_done,
    refuse,
    stall,
    status,
    wrong_shape,
)

SYSTEM = {"role": "system", "content": "Be brief."}
NOBODY = "http://127.0.0.1:9/v1"
PATIENCE_S = 0.8
BEFORE = {
    "refuses": (refuse(429), 429, "ServerOverloaded", "rate_limit_exceeded"),
    "refuses for a time": (refuse(429, "7"), 429, "ServerOverloaded", "rate_limit_exceeded"),
    "fails": (status(500), 502, "InternalServiceError", "upstream_failed"),
    "stalls": (stall(3), 504, "InternalServiceError", "upstream_slow"),
    "talks of something else": (garbage(), 502, "InternalServiceError", "upstream_failed"),
    "hangs up": (close_at_once(), 502, "InternalServiceError", "upstream_failed"),
    "does not like the key": (status(401), 502, "InternalServiceError", "upstream_failed"),
    "does not understand": (status(400), 400, "scripted_400", "scripted_400"),
}
WITHIN = {
    "stalls": (stall(3, after=2), "upstream_slow"),
    "cuts the stream": (cut_stream(after=2), "upstream_failed"),
    "cuts a frame": (half_frame(after=2), "upstream_failed"),
    "sends an error": (error_frame(after=2), "upstream_failed"),
    "sends no JSON": (bad_frame(after=2), "upstream_failed"),
}


@pytest.fixture
def gateway(cast: Cast, upstream: ScriptedUpstream) -> GatewayCast:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    here = Upstream(
        base_url=upstream.url,
        model=MODEL,
        key="sk-upstream",
        first_token_timeout_s=PATIENCE_S,
        idle_timeout_s=PATIENCE_S,
    )
    gateway.add_endpoint("ep-test", here)
    gateway.add_endpoint("ep-nobody", Upstream(base_url=NOBODY, model=MODEL))
    return gateway


def unharmed(gateway: GatewayCast, context: str) -> None:
    """The next turn is served, and the context is as if nothing had been said."""
    assert gateway.turn(context, "And now?").status_code == 200
    assert gateway.upstream.last.messages == [SYSTEM, {"role": "user", "content": "And now?"}]


@pytest.mark.parametrize("case", BEFORE.values(), ids=BEFORE.keys())
@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_fails_before_it_begins(
    gateway: GatewayCast, case: tuple[Any, int, str, str], stream: bool
) -> None:
    script, code, ark, openai = case
    context = gateway.create(SYSTEM).json()["id"]
    # A connection that is closed at once is tried once more.
    gateway.upstream.always(script)
    said = gateway.chat("Hi", stream=stream)
    assert (said.status_code, said.json()["error"]["code"]) == (code, openai), said.text
    turn = gateway.turn(context, "Hi", stream=stream)
    assert (turn.status_code, turn.json()["error"]["code"]) == (code, ark), turn.text
    for response in (said, turn):
        told = int(response.headers.get("retry-after", 0))
        assert told == 0 if script.retry_after is None else told >= 7
        assert "sk-upstream" not in response.text and "127.0.0.1" not in response.text
    gateway.upstream.always(refuse(200).but(raw=None, status=200))
    unharmed(gateway, context)
    exchanges = gateway.exchanges(3)
    assert [one["status"] for one in exchanges if one["error"]] == [code, code]
    assert all(one["cost"] is None and not one["partial"] for one in exchanges if one["error"])


@pytest.mark.parametrize("case", WITHIN.values(), ids=WITHIN.keys())
def test_a_provider_that_fails_within_its_answer(
    gateway: GatewayCast, case: tuple[Any, str]
) -> None:
    script, openai = case
    context = gateway.create(SYSTEM).json()["id"]
    gateway.upstream.then(script, script)
    error = last(gateway.chat("Hi", stream=True))
    assert error["code"] == openai
    error = last(gateway.turn(context, "Hi", stream=True))
    assert error["code"] == "InternalServiceError"
    assert all(isinstance(error[name], str) for name in ("code", "type", "message", "param"))
    unharmed(gateway, context)
    exchanges = gateway.exchanges(3)
    assert [one["partial"] for one in exchanges].count(True) == 2
    spoken = [said for said in gateway.transcripts(2) if ("user", "And now?") in said][0]
    # What was said is there, and that it was broken off.
    assert [role for role, _ in spoken][:4] == ["system", "user", "assistant", "event"]


def last(response: Response) -> dict[str, Any]:
    """The error that a stream ends with."""
    assert response.status_code == 200
    *_, end = frames(response)
    assert response.text.rstrip().rpartition("\n")[2].startswith('data: {"error":{')
    found: dict[str, Any] = end["error"]
    return found


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_none_at_all(gateway: GatewayCast, stream: bool) -> None:
    gateway.upstream.then(wrong_shape())
    said = gateway.chat("Hi", stream=stream)
    assert (said.status_code, said.json()["error"]["code"]) == (502, "upstream_failed")


def test_an_answer_cut_in_two(gateway: GatewayCast) -> None:
    gateway.upstream.then(cut_stream(after=2))
    said = gateway.chat("Hi")
    assert (said.status_code, said.json()["error"]["code"]) == (502, "upstream_failed")


def test_a_stream_without_a_goodbye_is_whole_when_it_says_why_it_ends(
    gateway: GatewayCast,
) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.upstream.then(no_done())
    assert frames(gateway.turn(context, "Hi", stream=True))[-1] == "[DONE]"
    gateway.turn(context, "And now?")
    assert len(gateway.upstream.last.messages) == 4


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_is_not_there(gateway: GatewayCast, stream: bool) -> None:
    said = gateway.chat("Hi", model="ep-nobody", stream=stream)
    assert (said.status_code, said.json()["error"]["code"]) == (502, "upstream_failed")
    context = gateway.create(SYSTEM, model="ep-nobody").json()["id"]
    for _ in range(2):  # the second time it is not busy
        turn = gateway.turn(context, "Hi", model="ep-nobody", stream=stream)
        assert turn.json()["error"]["type"] == "InternalServerError"


def test_another_provider_answers_when_the_first_does_not(gateway: GatewayCast) -> None:
    with ScriptedUpstream() as second:
        first = Upstream(base_url=gateway.upstream.url, model="one", weight=1_000)
        other = Upstream(base_url=second.url, model="two", weight=1)
        nobody = Upstream(base_url=NOBODY, model="three", weight=1_000)
        gateway.add_endpoint("ep-many", nobody, first, other)
        gateway.upstream.always(status(503))
        for stream in (False, True):
            assert gateway.chat("Hi", model="ep-many", stream=stream).status_code == 200
        assert {seen.body["model"] for seen in second.requests} == {"two"}
        assert {one["model"] for one in gateway.exchanges(2)} == {"two"}


@pytest.mark.parametrize("code", [400, 429, 500])
def test_what_a_provider_says_does_not_tell_its_key_nor_where_it_is(
    gateway: GatewayCast, code: int
) -> None:
    said = f"Wrong key sk-upstream at {gateway.upstream.url} of jane.doe@mail.example"
    gateway.upstream.always(
        status(code).but(raw=json.dumps({"error": {"message": said, "code": "sk up"}}).encode())
    )
    refused = gateway.chat("Hi")
    assert refused.status_code >= 400 and "Wrong key" in refused.text
    assert "sk-upstream" not in refused.text and gateway.upstream.url not in refused.text
    (exchange,) = gateway.exchanges(1)
    for secret in ("sk-upstream", "127.0.0.1", "jane.doe"):
        assert secret not in exchange["error"]


@pytest.mark.parametrize(
    "raw", [b'{"choices":[{"message":{"content":"caf\xe9"}}]}', b"[" * 60_000, b'{"id":"\xff"}']
)
def test_an_answer_that_nobody_can_read_is_the_providers_fault(
    gateway: GatewayCast, raw: bytes
) -> None:
    gateway.upstream.always(garbage().but(raw=raw))
    assert gateway.chat("Hi").status_code == 502
    context = gateway.create(SYSTEM).json()["id"]
    assert gateway.turn(context, "Hi").status_code == 502
    assert {one["status"] for one in gateway.exchanges(2)} == {502}


def test_an_unknown_key_is_refused_in_each_apis_words(gateway: GatewayCast) -> None:
    for path, code, kind in (
        ("/api/v3/context/create", "AuthenticationError", "Unauthorized"),
        ("/v1/chat/completions", "invalid_api_key", "invalid_request_error"),
    ):
        refused = gateway.post(path, {}, token="csr_gateway_none")
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["type"]) == (401, code, kind)
