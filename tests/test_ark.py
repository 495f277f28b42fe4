"""Ark's Context API: contexts are kept, filled in, cut, and let go."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from causerie.journal import records
from causerie.recordings import Begun, Ended, Piece, decode_record
from causerie.store.contexts import Contexts
from causerie.switchboard import JOURNALS
from tests.conftest import Cast
from tests.gateway_cast import GatewayCast, frames, spoken
from tests.scripted_model import Reply
from tests.scripted_upstream import (
    ScriptedUpstream,
    answer,
    cut_stream,
    no_usage,
    status,
)

SYSTEM = {"role": "system", "content": "Be brief."}


@pytest.fixture
def gateway(cast: Cast, upstream: ScriptedUpstream) -> GatewayCast:
    gateway = GatewayCast(cast, upstream, cast.tokens["gateway"])
    gateway.add_endpoint("ep-test", serves=("scripted-mini",))
    return gateway


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_context_is_about_to_keep_is_in_the_journal_by_then(
    gateway: GatewayCast, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    """A kill right behind the commit would else leave words in a context that no report knows."""
    context = gateway.create(SYSTEM).json()["id"]
    written: list[Begun | Piece | Ended] = []
    finish = Contexts.finish

    def look(contexts: Contexts, *given: Any, **named: Any) -> None:
        (journal,) = (gateway.cast.folder / JOURNALS).iterdir()
        written.extend(map(decode_record, records(journal)))
        finish(contexts, *given, **named)

    monkeypatch.setattr(Contexts, "finish", look)
    gateway.upstream.then(answer("Third shelf, to the left."))
    response = gateway.turn(context, "Which shelf?", stream=stream)
    assert (response.status_code, "to the left" in response.text) == (200, not stream), response
    (ended,) = (one for one in written if isinstance(one, Ended))
    assert b"to the left" in ended.recording.answered[0]
    assert ended.recording.exchange.context == context
    gateway.exchanges(1)


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
def test_a_failed_turn_leaves_the_context_as_it_was(gateway: GatewayCast, script: Reply) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.upstream.then(script)
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


def test_the_initial_messages_are_told_once_however_often_a_first_turn_fails(
    gateway: GatewayCast,
) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.upstream.then(status(500), status(500), answer("One."))
    for _ in range(3):
        gateway.turn(context, "First")
        gateway.cast.settle()
    gateway.exchanges(3)
    (said,) = gateway.transcripts()
    assert [role for role, _ in said].count("system") == 1 and said[0][0] == "system"


def test_calls_of_a_common_prefix_are_conversations_that_begin_with_it(
    gateway: GatewayCast,
) -> None:
    context = gateway.create(SYSTEM, mode="common_prefix").json()["id"]
    gateway.upstream.then(answer("One."), answer("Two."), answer("Three."))
    gateway.turn(context, "A first")
    gateway.exchanges(1)
    gateway.turn(context, "A first", "One.", "A second")
    gateway.exchanges(2)
    gateway.turn(context, "B first")
    gateway.exchanges(3)
    one, other = sorted(gateway.transcripts(2), key=len)
    assert [words for _, words in one] == ["Be brief.", "B first", "Three."]
    assert [words for _, words in other] == ["Be brief.", "A first", "One.", "A second", "Two."]


def test_usage_is_estimated_where_the_provider_says_nothing(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.upstream.then(no_usage(), no_usage())
    whole = gateway.turn(context, "First").json()["usage"]
    assert whole["estimated"] is True and whole["prompt_tokens"] > 0
    options = {"include_usage": True}
    streamed = frames(gateway.turn(context, "Second", stream=True, stream_options=options))[-2]
    assert streamed["usage"]["estimated"] is True
    assert streamed["usage"]["prompt_tokens"] > whole["prompt_tokens"]


def test_a_clock_that_jumps_over_the_time_to_live_ends_the_context(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM, ttl=60).json()["id"]
    gateway.cast.clock.move(seconds=59)
    assert gateway.turn(context, "One").status_code == 200
    gateway.cast.clock.move(seconds=59)
    assert gateway.turn(context, "Two").status_code == 200, "each turn starts the time anew"
    gateway.cast.clock.move(seconds=61)
    refused = gateway.turn(context, "Three")
    assert refused.status_code == 404
    error = refused.json()["error"]
    assert error["code"] == "NotFound.ContextId" and error["type"] == "NotFound"
    assert "context" in error["message"] and "expired" in error["message"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"messages": [{"role": "assistant", "content": "Yes"}]}, 400, "InvalidParameter"),
        ({"messages": [{"content": "Yes"}]}, 400, "InvalidParameter"),
        ({"messages": "Yes"}, 400, "InvalidParameter"),
        ({"messages": None}, 400, "MissingParameter"),
        ({"context_id": "ctx-20250101000000-abcde"}, 404, "NotFound.ContextId"),
        ({"context_id": None}, 400, "MissingParameter"),
        ({"model": "ep-none"}, 404, "InvalidEndpointOrModel.NotFound"),
        ({"model": "ep-other"}, 400, "InvalidParameter"),
        ({"stream": "yes"}, 400, "InvalidParameter"),
    ],
)
def test_bad_turns_are_refused_in_arks_words(
    gateway: GatewayCast, change: dict[str, object], status: int, code: str
) -> None:
    gateway.add_endpoint("ep-other")
    context = gateway.create(SYSTEM).json()["id"]
    body = {"context_id": context, "model": "ep-test", "messages": [SYSTEM], **change}
    refused = gateway.post("/api/v3/context/chat/completions", body)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (status, code)
    assert isinstance(error["type"], str) and "Request id: " in error["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "common_prefix", "truncation_strategy": {"type": "rolling_tokens"}},
        {"mode": "forever"},
        {"ttl": True},
        {"ttl": "soon"},
        {"ttl": 0.5},
        {"messages": [{"role": "assistant", "content": "Yes"}]},
        {"truncation_strategy": {"type": "at_random"}},
        {"truncation_strategy": {"type": "last_history_tokens", "last_history_tokens": -1}},
    ],
)
def test_bad_contexts_are_refused_in_arks_words(
    gateway: GatewayCast, change: dict[str, object]
) -> None:
    refused = gateway.post(
        "/api/v3/context/create", {"model": "ep-test", "messages": [SYSTEM], **change}
    )
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["type"] == "BadRequest"


@pytest.mark.parametrize("base", ["/api/v3", "", "/v1"])
def test_every_base_address_and_every_unset_field_is_understood(
    gateway: GatewayCast, base: str
) -> None:
    unset = {"ttl": None, "truncation_strategy": None, "mode": "", "anything": {"else": 1}}
    body = {"model": "ep-test", "messages": [SYSTEM], **unset}
    context = gateway.post(f"{base}/context/create", body)
    assert context.json()["ttl"] == 86_400, context.text
    names = ("stream", "tools", "n", "response_format", "max_tokens", "user", "stop")
    turn = {
        "context_id": context.json()["id"],
        "model": "ep-test",
        "messages": [{"role": "user", "content": "Hi"}],
        **dict.fromkeys(names),
        "mode": "",
    }
    said = gateway.post(f"{base}/context/chat/completions", turn)
    assert said.status_code == 200, said.text
    assert not set(names) & gateway.upstream.last.body.keys()


def test_a_time_to_live_below_arks_is_kept_unless_ark_is_followed_strictly(
    gateway: GatewayCast,
) -> None:
    assert gateway.create(SYSTEM, ttl=1800).json()["ttl"] == 1800
    said = gateway.create(SYSTEM, ttl=10_000_000).json()
    assert (said["ttl"], said["ttl_given"]) == (604_800, 10_000_000)


def test_a_session_that_is_full_ends_with_length(gateway: GatewayCast) -> None:
    gateway.add_endpoint("ep-small", window_tokens=60, output_tokens=20)
    strategy = {"type": "rolling_tokens", "rolling_tokens": False}
    context = gateway.create(SYSTEM, model="ep-small", truncation_strategy=strategy).json()
    assert context["truncation_strategy"] == strategy
    reasons = []
    for _ in range(8):
        said = gateway.turn(context["id"], "word " * 8, model="ep-small").json()
        reasons.append(said["choices"][0]["finish_reason"])
    assert reasons[0] == "stop" and reasons[-1] == "length"
    calls = len(gateway.upstream.requests)
    stream = gateway.turn(context["id"], "word " * 8, model="ep-small", stream=True)
    assert frames(stream)[-2]["choices"][0]["finish_reason"] == "length"
    assert len(gateway.upstream.requests) == calls, "no provider is asked in vain"


def test_a_short_history_drops_the_oldest_turns_and_never_the_initial_messages(
    gateway: GatewayCast,
) -> None:
    strategy = {"type": "last_history_tokens", "last_history_tokens": 120}
    context = gateway.create(SYSTEM, truncation_strategy=strategy).json()["id"]
    for number in range(12):
        gateway.turn(context, f"Number {number}, " + "and so on, " * 4)
    sent = gateway.upstream.last.messages
    assert sent[0] == SYSTEM and "Number 11" in sent[-1]["content"]
    assert not any("Number 0," in said["content"] for said in sent)
    openings = [seen.messages[:2] for seen in gateway.upstream.requests]
    moved = sum(one != other for one, other in pairwise(openings))
    assert 0 < moved < 8, "the cut stays where it is for some turns"


def test_contexts_can_be_read_changed_and_forgotten(gateway: GatewayCast) -> None:
    client, auth = gateway.cast.client, gateway.headers
    context = gateway.create(SYSTEM, user="ada", metadata={"plan": "pro"}).json()["id"]
    gateway.turn(context, "One")
    address = f"/api/v3/context/{context}"
    said = client.get(address, headers=auth).json()
    assert (said["turns"], said["user"], said["metadata"]) == (1, "ada", {"plan": "pro"})
    listed = client.get("/api/v3/context?user=ada", headers=auth).json()
    assert [one["id"] for one in listed["data"]] == [context] and listed["total"] == 1
    changed = client.patch(address, json={"ttl": 120, "metadata": {"plan": "free"}}, headers=auth)
    assert (changed.json()["ttl"], changed.json()["metadata"]) == (120, {"plan": "free"})
    history = client.get(f"{address}/history", headers=auth).json()
    assert [said["content"] for said in history["turns"][0]["messages"]][0] == "One"
    assert client.post(f"{address}/undo", headers=auth).json()["turns"] == 0
    assert client.delete(address, headers=auth).json() == {"id": context, "deleted": True}
    assert client.get(address, headers=auth).status_code == 404


def test_a_clone_goes_its_own_way(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.turn(context, "One")
    clone = gateway.post("/api/v3/context/clone", {"context_id": context}).json()
    assert clone["id"] != context and clone["turns"] == 1
    gateway.turn(clone["id"], "Two of the clone")
    gateway.turn(context, "Two of the first")
    said = [one["content"] for one in gateway.upstream.last.messages]
    assert "One" in said and "Two of the clone" not in said


def test_an_exported_context_goes_on_where_it_is_imported(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM, ttl=500).json()["id"]
    gateway.turn(context, "One")
    address = f"/api/v3/context/{context}/export"
    document = gateway.cast.client.get(address, headers=gateway.headers).json()
    gateway.cast.client.delete(f"/api/v3/context/{context}", headers=gateway.headers)
    copy = gateway.post("/api/v3/context/import", document).json()
    assert (copy["turns"], copy["ttl"]) == (1, 500)
    gateway.turn(copy["id"], "Two")
    assert [one["content"] for one in gateway.upstream.last.messages][:2] == ["Be brief.", "One"]


def test_a_tag_stands_for_a_context(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    client, auth = gateway.cast.client, gateway.headers
    put = client.put("/api/v3/context/tags/help", json={"context_id": context}, headers=auth)
    assert put.json() == {"tag": "help", "context_id": context}
    assert gateway.turn("tag:help", "One").status_code == 200
    assert client.get("/context/tags", headers=auth).json()["data"] == [put.json()]
    client.delete("/context/tags/help", headers=auth)
    assert gateway.turn("tag:help", "Two").status_code == 404


def test_a_repeated_request_gets_the_answer_it_had(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.upstream.then(answer("First."), answer("Second."))
    key = {"Idempotency-Key": "abc"}
    first = gateway.turn(context, "Hi", headers=key).json()
    again = gateway.turn(context, "Hi", headers=key).json()
    assert again["choices"][0]["message"]["content"] == "First."
    assert again["usage"]["total_tokens"] == first["usage"]["total_tokens"]
    stream = gateway.turn(context, "Hi", stream=True)
    assert spoken(stream) == "Second.", "another request, though it says the same"
    listed = gateway.cast.client.get(f"/context/{context}", headers=gateway.headers).json()
    assert listed["turns"] == 2


def test_chat_completions_go_on_with_a_context_too(gateway: GatewayCast) -> None:
    context = gateway.create(SYSTEM).json()["id"]
    gateway.turn(context, "One")
    said = gateway.chat("Two", context_id=context)
    assert said.status_code == 200
    assert [one["content"] for one in gateway.upstream.last.messages][:2] == ["Be brief.", "One"]
    assert "context_id" not in gateway.upstream.last.body
