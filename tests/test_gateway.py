"""The gateway through OpenAI's API: what callers get, and what is recorded of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from causerie.endpoints import Price
from tests.conftest import Cast
from tests.gateway_cast import GatewayCast, frames, spoken
from tests.scripted_upstream import (
    ScriptedUpstream,
    answer,
    no_usage,
    reasoning,
    tool_calls,
)


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


def test_a_conversation_that_the_caller_names_is_that_one(gateway: GatewayCast) -> None:
    named = {"X-Conversation-Id": "visit-7", "X-User-Id": "ada"}
    gateway.upstream.then(answer("Hello."), answer("Third shelf."))
    gateway.chat("Hi", headers=named)
    gateway.exchanges(1)
    gateway.chat("Something else", "Forgotten.", "Which shelf?", headers=named)
    assert {one["conversation"] for one in gateway.exchanges(2)} == {"visit-7"}
    (said,) = gateway.transcripts()
    assert [words for _, words in said] == ["Hi", "Hello.", "Which shelf?", "Third shelf."]


def test_people_who_say_the_same_are_kept_apart(gateway: GatewayCast) -> None:
    gateway.upstream.always(answer("Hello."))
    for user in ("ada", "ben"):
        gateway.chat("Hi", user=user)
    gateway.exchanges(2)
    gateway.chat("Hi", "Hello.", "I am Ben", headers={"user_id": "ben"})
    exchanges = gateway.exchanges(3)
    of_ben = {one["conversation"] for one in exchanges if one["user"] == "ben"}
    assert len(of_ben) == 1 and len({one["conversation"] for one in exchanges}) == 2


def test_a_system_prompt_with_the_time_in_it_does_not_part_a_conversation(
    gateway: GatewayCast,
) -> None:
    gateway.upstream.then(answer("Hello."), answer("Bye."))
    system = [{"role": "system", "content": f"It is {hour} o'clock."} for hour in (8, 9)]
    hello = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello. "}]
    gateway.chat(system[0], hello[0])
    gateway.exchanges(1)
    gateway.chat(system[1], *hello, {"role": "user", "content": "Thanks"})
    gateway.exchanges(2)
    (said,) = gateway.transcripts()
    assert [role for role, _ in said] == ["system", "user", "assistant", "user", "assistant"]


def test_tools_are_called_answered_and_read_in_one_conversation(gateway: GatewayCast) -> None:
    gateway.upstream.then(tool_calls("find", {"book": "Emma"}), answer("Third shelf."))
    asked = {"role": "user", "content": "Where is Emma?"}
    tools = [{"type": "function", "function": {"name": "find", "parameters": {}}}]
    called = gateway.chat(asked, tools=tools).json()["choices"][0]["message"]
    gateway.exchanges(1)
    found = {"role": "tool", "tool_call_id": called["tool_calls"][0]["id"], "content": "shelf 3"}
    gateway.chat(asked, called, found, tools=tools)
    assert gateway.upstream.last.body["tools"] == tools
    gateway.exchanges(2)
    (said,) = gateway.transcripts()
    assert said == [
        ("user", "Where is Emma?"),
        ("tool", "find"),
        ("tool", "find"),
        ("assistant", "Third shelf."),
    ]


def test_every_choice_is_passed_on_and_recorded(gateway: GatewayCast) -> None:
    gateway.upstream.then(answer("Yes."), answer("No."))
    assert len(gateway.chat("Sure?", n=3).json()["choices"]) == 3
    pieces = frames(gateway.chat("Really?", n=2, stream=True))[:-1]
    assert {choice["index"] for piece in pieces for choice in piece["choices"]} == {0, 1}
    ends = [c["finish_reason"] for p in pieces for c in p["choices"] if c["finish_reason"]]
    assert ends == ["stop", "stop"]
    gateway.exchanges(2)
    assert sorted(len(said) for said in gateway.transcripts(2)) == [3, 4]


def test_what_was_thought_is_kept_beside_what_was_said(gateway: GatewayCast) -> None:
    gateway.upstream.then(reasoning("Shelves start at one.", "Third shelf."))
    gateway.chat("Which shelf?", stream=True)
    (exchange,) = gateway.exchanges(1)
    assert exchange["reasoning_tokens"] > 0
    listed = gateway.cast.get("/api/v1/conversations", "admin").json()["conversations"]
    assert listed[0]["messages"][1]["thought"] == "Shelves start at one."


def test_parts_that_are_no_text_pass_untouched(gateway: GatewayCast) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}}
    content = [{"type": "text", "text": "What is it?"}, image, {"type": "unheard_of", "a": [1, {}]}]
    gateway.chat({"role": "user", "content": content, "unknown": None})
    assert gateway.upstream.last.messages == [{"role": "user", "content": content, "unknown": None}]
    gateway.exchanges(1)
    (said,) = gateway.transcripts()
    assert "What is it?" in said[0][1] and "https://x.example/a.png" in said[0][1]


def test_unset_parameters_do_not_reach_the_provider_and_defaults_do(gateway: GatewayCast) -> None:
    gateway.add_endpoint("ep-cool", defaults={"temperature": 0.2, "top_p": 0.5})
    gateway.chat("Hi", model="ep-cool", top_p=0.9, stop=None, thinking={"type": "disabled"})
    body = gateway.upstream.last.body
    assert (body["temperature"], body["top_p"]) == (0.2, 0.9)
    assert body["thinking"] == {"type": "disabled"} and "stop" not in body


def test_personal_data_is_masked_in_the_analytics_and_reaches_the_provider(
    gateway: GatewayCast,
) -> None:
    gateway.chat("Write to eva.lind@mail.se")
    assert "eva.lind@mail.se" in gateway.upstream.last.messages[0]["content"]
    gateway.exchanges(1)
    (said,) = gateway.transcripts()
    assert "eva.lind" not in said[0][1] and "Write to" in said[0][1]


def test_a_key_may_keep_its_words_to_itself(gateway: GatewayCast) -> None:
    quiet, silent = gateway.key(logging="usage"), gateway.key(logging="nothing")
    body = {"model": "ep-test", "messages": [{"role": "user", "content": "A secret"}]}
    for token in (quiet, silent):
        for stream in (False, True):
            asked = {**body, "stream": stream}
            assert gateway.post("/v1/chat/completions", asked, token).status_code == 200
    gateway.chat("Hello")
    exchanges = gateway.exchanges(3)
    assert all(one["input_tokens"] for one in exchanges)
    assert "secret" not in str(gateway.transcripts(1))


def test_a_key_has_its_rates_its_budget_and_its_endpoints(gateway: GatewayCast) -> None:
    body = {"model": "ep-test", "messages": [{"role": "user", "content": "Hi"}]}
    slow = gateway.key(requests_per_minute=2)
    answers = [gateway.post("/v1/chat/completions", body, slow) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[0].headers["x-ratelimit-remaining-requests"] == "1"
    refused = answers[2]
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    elsewhere = gateway.key(endpoints=("ep-other",))
    refused = gateway.post("/v1/chat/completions", body, elsewhere)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
    listed = gateway.cast.client.get("/v1/models", headers={"Authorization": f"Bearer {elsewhere}"})
    assert listed.json()["data"] == []


def test_a_budget_that_is_spent_refuses_until_the_month_is_over(gateway: GatewayCast) -> None:
    price = Price(input=Decimal(1_000_000), output=Decimal(1_000_000))
    gateway.add_endpoint("ep-dear", price=price)
    poor = gateway.key(monthly_budget=Decimal(1))
    body = {"model": "ep-dear", "messages": [{"role": "user", "content": "Hi"}]}
    assert gateway.post("/v1/chat/completions", body, poor).status_code == 200
    (exchange,) = gateway.exchanges(1)
    assert Decimal(exchange["cost"]) == exchange["input_tokens"] + exchange["output_tokens"]
    refused = gateway.post("/v1/chat/completions", body, poor)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
    assert refused.headers["x-should-retry"] == "false"
    gateway.cast.clock.move(days=31)
    assert gateway.post("/v1/chat/completions", body, poor).status_code == 200


def test_models_are_the_endpoints_and_the_names_that_they_serve(gateway: GatewayCast) -> None:
    client = gateway.cast.client
    listed = client.get("/v1/models", headers=gateway.headers).json()
    assert [one["id"] for one in listed["data"]] == ["ep-test", "scripted-mini"]
    one = client.get("/v1/models/scripted-mini", headers=gateway.headers).json()
    assert one["object"] == "model"
    assert gateway.chat("Hi", model="scripted-mini").status_code == 200
    missing = client.get("/v1/models/none", headers=gateway.headers)
    assert missing.json()["error"]["code"] == "model_not_found"


def test_embeddings_pass_and_are_counted(gateway: GatewayCast) -> None:
    body = {"model": "ep-test", "input": ["one", "two"]}
    said = gateway.post("/v1/embeddings", body).json()
    assert len(said["data"]) == 2
    (exchange,) = gateway.exchanges(1)
    assert exchange["api"] == "embeddings" and exchange["input_tokens"] > 0
    assert exchange["conversation"] == ""


def test_words_in_languages_and_signs_come_through_whole(gateway: GatewayCast) -> None:
    text = "Où est « Emma » ? 在第三层 👩🏽‍🔬 \u2028 \\n"
    gateway.upstream.then(answer(text), answer(text))
    assert gateway.chat(text).json()["choices"][0]["message"]["content"] == text
    assert gateway.upstream.last.messages[0]["content"] == text
    assert spoken(gateway.chat(text, stream=True)) == text


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"model": None}, 400, "model"),
        ({"model": 7}, 400, "model"),
        ({"model": "ep-none"}, 404, "model"),
        ({"messages": []}, 400, "messages"),
        ({"messages": {"role": "user"}}, 400, "messages"),
        ({"messages": [{"content": "no role"}]}, 400, "messages"),
        ({"stream": 1}, 400, "stream"),
        ({"stream_options": "all"}, 400, "stream_options"),
        ({"metadata": "none"}, 400, "metadata"),
        ({"user": ["ada"]}, 400, "user"),
    ],
)
def test_bad_requests_are_refused_in_openais_words(
    gateway: GatewayCast, change: dict[str, object], status: int, param: str
) -> None:
    body = {"model": "ep-test", "messages": [{"role": "user", "content": "Hi"}], **change}
    refused = gateway.post("/v1/chat/completions", body)
    error = refused.json()["error"]
    assert (refused.status_code, error["param"]) == (status, param), error
    assert error["type"] == "invalid_request_error"
    assert not gateway.upstream.requests


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"model": "\xff"}', b"[" * 5_000, b"null"])
def test_bodies_that_are_no_objects_are_refused(gateway: GatewayCast, raw: bytes) -> None:
    for path in ("/v1/chat/completions", "/api/v3/context/create", "/v1/embeddings"):
        refused = gateway.cast.client.post(path, content=raw, headers=gateway.headers)
        assert refused.status_code == 400 and refused.json()["error"]["message"], raw
