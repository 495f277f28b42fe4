"""The clients that people have for models, unchanged, against a real server with its gateway."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import pytest

from causerie.testing import ServerProcess
from tests.clients import apps
from tests.clients.apps import Gateway, Outcome
from tests.scripted_upstream import ScriptedUpstream, Seen

ENDPOINT = "ep-test"
CONTEXT_ID = r"ctx-\d{14}-[a-z0-9]{5}"
CLIENT_REQUEST_ID = r"\d{14,17}\w{17,20}"
ARK_CLIENTS = [(name, mode) for name in ("ark1", "ark5") for mode in ("sync", "async")]
CURL_SECONDS_MAX = 20


@dataclass(frozen=True)
class Run:
    """What an app saw in each of its scenes, and what the provider saw meanwhile."""

    answers: dict[str, Any]
    requests: list[Seen]

    def asked(self, words: str) -> list[Seen]:
        """The requests of the provider whose last message holds these words."""
        chats = [seen for seen in self.requests if seen.path.endswith("/chat/completions")]
        return [seen for seen in chats if words in json.dumps(seen.messages[-1])]


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, provider: ScriptedUpstream
) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"))
    server.start()
    try:
        for name, id in (("Test", ENDPOINT), ("Other", "ep-other")):
            where = ("--upstream", provider.url, "--model", "scripted-1")
            server.command("endpoint", "add", name, *where, "--id", id)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def gateway(server: ServerProcess) -> Gateway:
    return Gateway(server.endpoint, server.key("gateway"), ENDPOINT)


@pytest.fixture(scope="module", params=ARK_CLIENTS, ids="-".join)
def ark(request: pytest.FixtureRequest, gateway: Gateway, provider: ScriptedUpstream) -> Run:
    return observed(provider, lambda: apps.ark(gateway, *request.param))


@pytest.fixture(scope="module", params=["openai1", "langchain_openai"])
def openai(request: pytest.FixtureRequest, gateway: Gateway, provider: ScriptedUpstream) -> Run:
    context = create(gateway, "Be brief.")["id"]
    return observed(provider, lambda: apps.openai(gateway, request.param, context))


@pytest.fixture(scope="module")
def langchain(gateway: Gateway, provider: ScriptedUpstream) -> dict[str, Any]:
    return observed(provider, lambda: apps.langchain_openai(gateway)).answers


def observed(provider: ScriptedUpstream, app: Callable[[], Outcome]) -> Run:
    """A run of an app with a provider that has read nothing yet."""
    provider.model.forget()
    before = len(provider.requests)
    answers = app().answer
    return Run(answers, provider.requests[before:])


def create(gateway: Gateway, system: str, **more: Any) -> dict[str, Any]:
    """A context, made as the vendor's note does it with curl."""
    body = {"model": gateway.endpoint, "messages": [{"role": "system", "content": system}], **more}
    made: dict[str, Any] = json.loads(curl(gateway, "/api/v3/context/create", body))
    return made


def curl(gateway: Gateway, path: str, body: dict[str, Any], *options: str) -> str:
    """What the command line shows."""
    headers = (f"Authorization: Bearer {gateway.token}", "Content-Type: application/json")
    given = [part for header in headers for part in ("--header", header)]
    data = ("--data", json.dumps(body, ensure_ascii=False))
    command = ["curl", "--silent", "--show-error", *options, "--location", f"{gateway.root}{path}"]
    done = subprocess.run(
        [*command, *given, *data],
        capture_output=True,
        text=True,
        check=True,
        timeout=CURL_SECONDS_MAX,
    )
    return done.stdout


def said(answer: dict[str, Any]) -> str:
    """The text of a chat completion."""
    text: str = answer["choices"][0]["message"]["content"]
    return text


# ---- curl ------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/api/v3", ""])
def test_curl_makes_a_context_and_talks_in_it(gateway: Gateway, prefix: str) -> None:
    strategy = {"type": "last_history_tokens", "last_history_tokens": 4096}
    body = {
        "model": ENDPOINT,
        "messages": [{"role": "system", "content": "你是小安，你只会说“你好”"}],
        "ttl": 3600,
        "truncation_strategy": strategy,
    }
    made = json.loads(curl(gateway, f"{prefix}/context/create", body))
    assert re.fullmatch(CONTEXT_ID, made["id"]) and made["model"] == ENDPOINT
    assert made["mode"] == "session" and made["ttl"] == 3600
    assert made["truncation_strategy"] == strategy
    assert made["usage"]["prompt_tokens"] == made["usage"]["total_tokens"] > 0
    for turn, text in enumerate(("讲个故事", "再讲一个"), start=1):
        messages = [{"role": "user", "content": text}]
        body = {"context_id": made["id"], "model": ENDPOINT, "messages": messages}
        answer = json.loads(curl(gateway, f"{prefix}/context/chat/completions", body))
        assert said(answer) == f"Turn {turn}: you said {text}"
        assert answer["object"] == "chat.completion" and answer["usage"]["completion_tokens"] > 0


def test_curl_reads_a_stream_to_its_end(gateway: Gateway) -> None:
    context = create(gateway, "Be brief.", ttl=3600)["id"]
    messages = [{"role": "user", "content": "Hi."}]
    body = {"context_id": context, "model": ENDPOINT, "messages": messages, "stream": True}
    shown = curl(gateway, "/api/v3/context/chat/completions", body, "--no-buffer")
    frames = [line for line in shown.split("\n") if line]
    assert all(frame.startswith("data: ") for frame in frames) and frames[-1] == "data: [DONE]"
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames[:-1]]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta["content"] for delta in deltas) == "Turn 1: you said Hi."
    assert deltas[-1]["content"] == "" and chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert all(chunk["usage"] is None for chunk in chunks)


# ---- Ark's client ----------------------------------------------------------------------------


@pytest.mark.parametrize("scene", ["documented", "bare"])
def test_the_documented_ark_program_works_with_either_address(ark: Run, scene: str) -> None:
    told = ark.answers[scene]
    assert told["printed"] == "Turn 1: you said Who are you?"
    assert told["last"] == "" and told["finish"] == "stop"
    assert told["roles"] == ["assistant"] and told["usages"] == []
    assert told["ids"] == 1 and told["objects"] == ["chat.completion.chunk"]


def test_an_ark_context_is_described_in_full(ark: Run) -> None:
    context = ark.answers["documented"]["context"]
    assert re.fullmatch(CONTEXT_ID, context["id"]) and context["model"] == ENDPOINT
    assert context["ttl"] == 1800 and context["mode"] == "session"
    assert context["truncation_strategy"]["type"] in ("last_history_tokens", "rolling_tokens")
    usage = context["usage"]
    assert context["usage_kind"] == "dict" and usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] == 0 and usage["total_tokens"] == usage["prompt_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_an_ark_session_remembers_and_reuses_what_was_read(ark: Run) -> None:
    told = ark.answers["remembering"]
    strategy = told["context"]["truncation_strategy"]
    assert {name: strategy[name] for name in ("type", "last_history_tokens")} == {
        "type": "last_history_tokens",
        "last_history_tokens": 4096,
    }
    assert said(told["first"]) == "Turn 1: you said I am Ada."
    assert told["first"]["usage_kind"] == "CompletionUsage"
    assert told["second"] == "Turn 2: you said Who am I?"
    (usage,) = told["usages"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    assert cached == told["first"]["usage"]["total_tokens"] and told["usage_choices"] == []


def test_an_ark_session_sends_each_earlier_turn_as_it_was(ark: Run) -> None:
    first, second = ark.asked("I am Ada.")[0], ark.asked("Who am I?")[0]
    assert [message["role"] for message in second.messages] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert json.dumps(second.messages[:2]) == json.dumps(first.messages)


def test_an_ark_common_prefix_is_shared_and_stays_as_it_was(ark: Run) -> None:
    told = ark.answers["shared_prefix"]
    assert [said(answer) for answer in told["answers"]] == [
        "Turn 1: you said I am Ada.",
        "Turn 1: you said Who am I?",
    ]
    assert told["context"]["mode"] == "common_prefix"
    assert told["context"]["truncation_strategy"] is None
    assert told["answers"][1]["usage"]["prompt_tokens_details"]["cached_tokens"] > 0


def test_an_ark_answer_comes_whole_and_parameters_reach_the_model(ark: Run) -> None:
    told = ark.answers["whole"]
    assert said(told["answer"]) == "Turn 1: you said Good day."
    assert told["answer"]["choices"][0]["finish_reason"] == "stop"
    named, unnamed = told["echoed"]
    assert named == "request-of-mine" and re.fullmatch(CLIENT_REQUEST_ID, unnamed)
    assert told["ours"]
    body = ark.asked("Good day.")[0].body
    given = {name: body[name] for name in ("max_tokens", "temperature", "top_p", "stop")}
    assert given == {"max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "stop": ["END"]}
    assert body["model"] == "scripted-1" and None not in body.values()


def test_an_ark_message_in_parts_is_answered_with_thoughts(ark: Run) -> None:
    message = ark.answers["parts"]["answer"]["choices"][0]["message"]
    assert message["content"] == "Yes." and message["reasoning_content"] == "Hm."


@pytest.mark.parametrize(
    ("case", "exception", "status", "type", "code"),
    [
        ("unknown_context", "ArkNotFoundError", 404, "NotFound", "NotFound"),
        ("unknown_endpoint", "ArkNotFoundError", 404, "NotFound", "InvalidEndpointOrModel"),
        ("other_endpoint", "ArkBadRequestError", 400, "BadRequest", "InvalidParameter"),
        ("assistant_last", "ArkBadRequestError", 400, "BadRequest", "InvalidParameter"),
        ("assistant_last_on_create", "ArkBadRequestError", 400, "BadRequest", "InvalidParameter"),
        ("strategy_on_prefix", "ArkBadRequestError", 400, "BadRequest", "InvalidParameter"),
        ("no_messages", "ArkBadRequestError", 400, "BadRequest", ""),
    ],
)
def test_arks_client_is_refused_in_its_own_words(
    ark: Run, case: str, exception: str, status: int, type: str, code: str
) -> None:
    refused = ark.answers["refused"][case]
    assert (refused["exception"], refused["status_code"]) == (exception, status)
    assert refused["type"] == type and refused["code"].startswith(code)
    if case == "unknown_context":
        assert "context" in refused["text"].lower() and "not found" in refused["text"].lower()


def test_a_refused_ark_call_leaves_no_turn(ark: Run) -> None:
    assert said(ark.answers["refused"]["usable"]) == "Turn 1: you said Hello?"


def test_arks_client_without_a_right_key_stays_outside(ark: Run) -> None:
    refused = ark.answers["stranger"]
    assert (refused["exception"], refused["status_code"]) == ("ArkAuthenticationError", 401)
    assert (refused["type"], refused["code"]) == ("Unauthorized", "AuthenticationError")


@pytest.mark.parametrize("how", ["error_frame", "cut_stream", "bad_frame"])
def test_an_ark_stream_that_breaks_off_ends_with_an_error(ark: Run, how: str) -> None:
    told = ark.answers["broken"][how]
    assert told["exception"] == "ArkAPIError" and told["code"] and told["type"]
    assert re.fullmatch(CLIENT_REQUEST_ID, told["request_id"]) and told["chunks"] > 0


def test_an_ark_session_is_unharmed_by_answers_that_broke_off(ark: Run) -> None:
    assert said(ark.answers["broken"]["after"]) == "Turn 1: you said Still there?"
    assert said(ark.answers["failing"]["after"]) == "Turn 1: you said Still there?"


def test_an_ark_session_takes_one_call_at_a_time(ark: Run, provider: ScriptedUpstream) -> None:
    told = ark.answers["busy"]
    refused = told["refused"]
    assert told["begun"] == 1 and refused["exception"] == "ArkPermissionDeniedError"
    assert (refused["status_code"], refused["type"]) == (403, "Forbidden")
    assert refused["code"] == "OperationDenied.InvalidState" and "InProgress" in refused["message"]
    assert said(told["after"]) == "Turn 1: you said Now?"
    provider.until(lambda: ark.asked("Slowly")[0].hung_up)


def test_arks_client_hears_that_the_provider_has_too_much_to_do(ark: Run) -> None:
    told = ark.answers["too_many"]
    assert (told["exception"], told["status_code"]) == ("ArkRateLimitError", 429)
    assert told["type"] == "TooManyRequests" and told["code"]


def test_arks_client_hears_that_the_provider_fails(ark: Run) -> None:
    told = {name: one for name, one in ark.answers["failing"].items() if name != "after"}
    assert len(told) == 10
    for name, refused in told.items():
        assert refused["exception"] == "ArkInternalServerError", name
        assert refused["code"] and refused["type"], name


def test_arks_client_tries_three_times(ark: Run) -> None:
    assert ark.answers["retried"]["exception"] == "ArkInternalServerError"
    assert len(ark.asked("Retried")) == 3


# ---- OpenAI's client -------------------------------------------------------------------------


def test_openais_client_gets_an_answer_whole(openai: Run) -> None:
    told = openai.answers["chat"]
    assert said(told) == "Turn 1: you said Good day." and told["object"] == "chat.completion"
    assert told["usage"]["prompt_tokens"] == 3
    body = openai.asked("Good day.")[0].body
    assert (body["model"], body["seed"], body["max_tokens"]) == ("scripted-1", 7, 100)


def test_openais_client_gets_an_answer_in_pieces(openai: Run) -> None:
    plain, metered = openai.answers["stream"], openai.answers["metered"]
    assert plain["text"] == metered["text"] == "Turn 1: you said Good day."
    assert plain["finish"] == ["stop"] and plain["ids"] == 1 and plain["pieces"] > 3
    assert not any(plain["usages"])
    (usage,) = metered["usages"]
    assert usage["prompt_tokens"] == 3 and metered["last_choices"] == 0
    assert usage["prompt_tokens_details"]["cached_tokens"] == 3


def test_openais_client_lets_the_model_call_functions(openai: Run) -> None:
    told = openai.answers["tools"]
    assert told["call"]["function"] == {"name": "weather", "arguments": '{"city": "Łódź"}'}
    assert told["streamed"] == '{"city": "Łódź"}' and told["streamed_name"] == "weather"
    assert told["finish"] == "tool_calls"
    assert said(told["after"]) == "Turn 2: you said And now?"
    roles = [message["role"] for message in openai.asked("And now?")[0].messages]
    assert roles == ["user", "assistant", "tool", "user"]


def test_openais_client_gets_several_answers(openai: Run) -> None:
    told = openai.answers["several"]
    assert [choice["index"] for choice in told["whole"]["choices"]] == [0, 1]
    assert [one["text"] for one in told["streamed"]] == ["Turn 1: you said Good day."] * 2


def test_a_picture_reaches_the_model_untouched(openai: Run) -> None:
    assert said(openai.answers["picture"]) == "Turn 1: you said What is this?"
    assert openai.asked("What is this?")[0].messages[-1]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"},
    }


def test_openais_client_finds_the_endpoint_among_the_models(openai: Run) -> None:
    told = openai.answers["models"]
    assert ENDPOINT in [model["id"] for model in told["listed"]]
    assert told["one"]["id"] == ENDPOINT and told["one"]["object"] == "model"


def test_openais_client_gets_vectors(openai: Run) -> None:
    packed, numbers = (openai.answers["embeddings"][name]["data"] for name in ("packed", "numbers"))
    assert [len(one["embedding"]) for one in packed] == [4, 4]
    assert [one["embedding"] for one in packed] == [one["embedding"] for one in numbers]


def test_openais_client_talks_in_a_context(openai: Run) -> None:
    told = openai.answers["remembering"]
    assert said(told["first"]) == "Turn 1: you said I am Ada."
    assert told["second"]["text"] == "Turn 2: you said Who am I?"


def test_responses_are_chained_branched_read_and_deleted(openai: Run) -> None:
    told = openai.answers["responses"]
    first, second = told["first"], told["second"]
    assert first["text"] == "Turn 1: you said I am Ada." and first["status"] == "completed"
    assert first["metadata"] == {"plan": "free"} and first["usage"]["input_tokens"] > 0
    assert second["text"] == "Turn 2: you said Who am I?"
    assert second["previous_response_id"] == first["id"]
    assert told["branch"] == "Turn 2: you said Who was I?"
    assert told["read"]["text"] == second["text"] and told["read"]["id"] == second["id"]
    assert told["deleted"]["exception"] == told["unkept"]["exception"] == "NotFoundError"
    assert told["lost"]["status_code"] in (400, 404)


def test_instructions_are_of_one_response_alone(openai: Run) -> None:
    contents = [
        [message["content"] for message in seen.messages] for seen in openai.asked("I am Ada.")
    ]
    assert ["Speak softly.", "I am Ada."] in contents
    (branch,) = openai.asked("Who was I?")
    assert [message["role"] for message in branch.messages] == ["user", "assistant", "user"]


def test_a_response_is_streamed_in_events(openai: Run) -> None:
    told = openai.answers["streamed_response"]
    types = [type for type in told["types"] if type != "response.output_text.delta"]
    assert types == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert told["numbers"] == list(range(len(told["numbers"])))
    assert told["text"] == told["final"]["text"] == "Turn 1: you said Good day."
    assert told["final"]["usage"]["total_tokens"] > 0
    assert told["next"] == "Turn 2: you said And now?"
    assert told["broken"][-1] == "response.failed"


def test_responses_are_added_to_a_conversation(openai: Run) -> None:
    told = openai.answers["conversation"]
    assert told["texts"] == ["Turn 1: you said One.", "Turn 2: you said Two."]
    assert told["made"]["id"].startswith("conv_") and told["made"]["object"] == "conversation"
    assert told["read"]["metadata"] == {"plan": "free"} and told["deleted"]["deleted"] is True


@pytest.mark.parametrize(
    ("case", "exception", "status"),
    [
        ("stranger", "AuthenticationError", 401),
        ("unknown_model", "NotFoundError", 404),
        ("unknown_context", "NotFoundError", 404),
        ("no_messages", "BadRequestError", 400),
        ("bad_request", "BadRequestError", 400),
        ("too_many", "RateLimitError", 429),
        ("response", "RateLimitError", 429),
        ("failing", "InternalServerError", None),
        ("garbage", "InternalServerError", None),
        ("garbage_streamed", "InternalServerError", None),
        ("closed", "InternalServerError", None),
    ],
)
def test_openais_client_is_refused_in_its_own_words(
    openai: Run, case: str, exception: str, status: int | None
) -> None:
    refused = openai.answers["refused"][case]
    assert refused["exception"] == exception and refused["body"]["message"]
    assert status is None or refused["status_code"] == status
    if exception == "RateLimitError":
        assert refused["retry_after"] == "3"


@pytest.mark.parametrize("how", ["error_frame", "cut_stream", "half_frame"])
def test_an_openai_stream_that_breaks_off_ends_with_an_error(openai: Run, how: str) -> None:
    told = openai.answers["broken"][how]
    assert told["exception"] == "APIError" and told["message"]
    assert told["text"] and told["finish"] == []


def test_an_openai_stream_is_whole_when_the_provider_forgets_its_last_frame(openai: Run) -> None:
    told = openai.answers["broken"]["no_done"]
    assert told["text"] == "Turn 1: you said Go on" and "exception" not in told


def test_openais_client_tries_three_times(openai: Run) -> None:
    assert openai.answers["retried"]["exception"] == "RateLimitError"
    assert len(openai.asked("Retried")) == 3


def test_what_openais_client_says_is_logged(openai: Run, server: ServerProcess) -> None:
    assert said(openai.answers["extended"]) == "Turn 1: you said Log me."
    server.settle()
    reader = {"Authorization": f"Bearer {server.key('read')}"}
    asked = Request(f"{server.endpoint}/api/v1/conversations?per_page=100", headers=reader)
    with urlopen(asked) as answer:
        listed = json.load(answer)["conversations"]
    kept = [one for one in listed if one["metadata"].get("user_id") == "user-of-openai"]
    assert [message["message"] for message in kept[0]["messages"]][:2] == [
        "Log me.",
        "Turn 1: you said Log me.",
    ]
    assert kept[0]["metadata"]["plan"] == "free"


# ---- LangChain -------------------------------------------------------------------------------


def test_langchain_gets_answers_with_their_usage(langchain: dict[str, Any]) -> None:
    told = langchain["chat"]
    assert told["first"]["text"] == "Turn 1: you said I am Ada."
    assert told["second"]["text"] == "Turn 2: you said Who am I?"
    read = told["second"]["usage"]["input_token_details"]["cache_read"]
    assert read == told["first"]["usage"]["total_tokens"]


def test_langchain_gets_an_answer_in_pieces(langchain: dict[str, Any]) -> None:
    told = langchain["stream"]
    assert told["whole"]["text"] == "Turn 1: you said Good day." and told["pieces"] > 3
    assert told["whole"]["usage"]["input_tokens"] == 3 and told["whole"]["finish"] == "stop"


def test_langchain_lets_the_model_call_functions(langchain: dict[str, Any]) -> None:
    told = langchain["tools"]
    (call,) = told["calls"]
    assert (call["name"], call["args"]) == ("weather", {"city": "Łódź"})
    assert json.loads(told["streamed"]) == {"city": "Łódź"}
    assert told["after"]["text"] == "Turn 2: you said And now?"


def test_langchain_continues_responses(langchain: dict[str, Any]) -> None:
    told = langchain["responses"]
    assert told["first"] == "Turn 1: you said I am Ada."
    assert told["second"] == "Turn 2: you said Who am I?" and told["usage"]["input_tokens"] > 0


def test_langchain_gets_vectors(langchain: dict[str, Any]) -> None:
    assert langchain["embeddings"] == [8, 8]
