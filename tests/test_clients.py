"""The clients that people have installed, unchanged, against a real server over real TLS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from getcontext import ContextAPI
from getcontext.token import Credential

from causerie.testing import ServerProcess
from tests.clients import apps
from tests.clients.apps import Service


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"), "--tls-self-signed")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def service(server: ServerProcess) -> Service:
    return Service(server.endpoint, server.key("admin"), server.authority)


@pytest.fixture
def run() -> str:
    """A word that marks what one test sends."""
    return uuid.uuid4().hex[:8]


def spoken(conversation: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], message["message"]) for message in conversation["messages"]]


def by_call(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["call"]: one for one in answer["conversations"]}


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_context_python_sends_and_reads_everything(service: Service, mode: str, run: str) -> None:
    answer = apps.context_python(service, mode, run).answer
    check_shop_talk(by_call(answer)["log"], run, rated="rating")
    check_growth(by_call(answer), run)
    assert answer["thread"]["status"] == "ok" and answer["thread"]["data"]["id"]
    assert answer["append"]["data"]["id"] == answer["thread"]["data"]["id"]
    assert [m["rating"] for m in answer["conversation"]["messages"]] == [0, 1]
    assert answer["pagination"]["per_page"] == 2 and answer["pagination"]["next_page"] == 2
    assert answer["series"] == {"available": ["sentiment", "rating", "volume"]}
    # Over all days: at midnight some are of yesterday.
    assert sum(answer["volume"]["series"][0]["data"].values()) >= 3
    assert max(answer["rating"]["series"][0]["data"].values(), key=lambda v: v or 0) == 1
    assert [spoken(one) for one in answer["conversations_tenant"]] == [
        spoken(by_call(answer)["log"])
    ]


def test_the_node_client_sends_and_reads_everything(service: Service, run: str) -> None:
    answer = apps.context_node(service, run).answer
    check_shop_talk(by_call(answer)["log"], run, rated="rating")
    check_growth(by_call(answer), run)
    appended = answer["append"]["data"]["appended_messages"]
    assert [(one["message"], one["rating"]) for one in appended] == [
        ("It arrives tomorrow.", "neutral")
    ]
    assert [m["rating"] for m in answer["conversation"]["messages"]] == [0, 1]
    assert answer["pagination"]["perPage"] == 2
    assert len(answer["conversationsTenant"]) == 1
    check_evaluation(answer, run)


def check_evaluation(answer: dict[str, Any], run: str) -> None:
    versions = [(one["name"], one["version"]) for one in (answer["testSet"], answer["grownSet"])]
    assert versions == [(f"set {run}", 1), (f"set {run}", 2)]
    assert answer["begun"]["status"] == "accepted"
    assert answer["again"]["data"]["runId"] == answer["begun"]["data"]["runId"]
    result = answer["result"]
    assert (result["status"], result["progress"]) == ("completed", {"completed": 3, "pending": 0})
    assert (result["details"]["testSetName"], result["details"]["version"]) == (f"set {run}", 2)
    assert [
        (
            one["testCase"]["name"],
            one["testCase"]["output"][0]["message"],
            {each["evaluatorName"]: each["outcome"] for each in one["evaluations"]},
        )
        for one in result["results"]
    ] == [
        ("one", "one!", {"no_refusal": "positive", "golden_response": "negative"}),
        ("two", "two!", {"no_refusal": "positive", "golden_response": "positive"}),
        ("three", "three!", {"no_refusal": "positive", "golden_response": "negative"}),
    ]
    [reason] = result["results"][0]["evaluations"][1]["reasoning"]["result"]
    assert reason["verdict"] is False and reason["reason"]


def check_shop_talk(kept: dict[str, Any], run: str, rated: str) -> None:
    assert spoken(kept)[0] == ("system", "You sell shoes.")
    assert [message["type"] for message in kept["messages"]] == [
        "message",
        "message",
        "tool",
        "message",
        "event",
    ]
    assert kept["messages"][3]["message"] == "Yes, two pairs. ¿Algo más? 靴も。"
    assert kept["messages"][3][rated] == 1
    assert kept["metadata"]["user_id"] == f"user-{run}"


def check_growth(kept: dict[str, dict[str, Any]], run: str) -> None:
    assert [text for _, text in spoken(kept["upsert"])] == [
        f"{word} {turn} of {run}" for turn in (1, 2) for word in ("Question", "Answer")
    ]
    assert [text for _, text in spoken(kept["thread"])] == [
        "Where is my parcel?",
        "It arrives tomorrow.",
    ]


def test_context_python_understands_a_refusal(server: ServerProcess, run: str) -> None:
    wrong = Service(server.endpoint, "csr_admin_wrong", server.authority)
    refused = apps.context_python(wrong, "sync", run).answer["refused"]
    assert refused["type"] == "ClientAuthenticationError" and refused["status"] == 401
    assert "(unauthenticated)" in refused["message"]
    ingest_only = Service(server.endpoint, server.key("ingest"), server.authority)
    refused = apps.context_python(ingest_only, "sync", run).answer["refused"]
    assert refused["status"] == 403 and "(forbidden)" in refused["message"]


def test_the_node_client_understands_a_refusal(server: ServerProcess, run: str) -> None:
    wrong = Service(server.endpoint, "csr_admin_wrong", server.authority)
    assert apps.context_node(wrong, run).answer["refused"]["status"] == 401


def test_haystack_logs_prompt_and_reply_into_one_thread(
    service: Service, openai_url: str, run: str
) -> None:
    answer = apps.haystack(service, openai_url, run).answer
    kept = read(service, answer["thread"])
    assert spoken(kept) == [
        ("system", "You know the weather."),
        ("user", f"What is it like in {run}?"),
        ("assistant", answer["reply"]),
    ]
    assert kept["metadata"] == {"run": run, "model": "gpt-4"}


@pytest.mark.parametrize("environment", ["langchain03", "langchain04"])
def test_langchains_handler_on_a_chat_model_grows_one_conversation(
    server: ServerProcess, service: Service, openai_url: str, environment: str, run: str
) -> None:
    first, second = apps.langchain(service, openai_url, environment, "chat", run).answer["replies"]
    server.settle()
    (kept,) = found(service, run)
    assert spoken(kept) == [
        ("system", "You translate English to French."),
        ("user", f"I love programming with {run}."),
        ("assistant", first),
        ("user", "And to Spanish?"),
        ("assistant", second),
    ]
    assert kept["metadata"]["model"] == "gpt-4"


@pytest.mark.parametrize("environment", ["langchain03", "langchain04"])
def test_langchains_handler_logs_a_streamed_reply_whole(
    server: ServerProcess, service: Service, openai_url: str, environment: str, run: str
) -> None:
    (reply,) = apps.langchain(service, openai_url, environment, "stream", run).answer["replies"]
    server.settle()
    (kept,) = found(service, run)
    assert spoken(kept) == [("user", f"Tell me of {run}."), ("assistant", reply)]


@pytest.mark.parametrize("environment", ["langchain03", "langchain04"])
def test_langchains_handler_shared_by_chain_and_model_logs_each_run_once(
    server: ServerProcess, service: Service, openai_url: str, environment: str, run: str
) -> None:
    replies = apps.langchain(service, openai_url, environment, "chain", run).answer["replies"]
    server.settle()
    kept = found(service, run)
    assert sorted(spoken(one)[-1][1] for one in kept) == sorted(replies)
    assert {len(one["messages"]) for one in kept} == {2}


def read(service: Service, id: str) -> dict[str, Any]:
    answer: dict[str, Any] = client(service).conversation(id).as_dict()
    return answer


def found(service: Service, run: str) -> list[dict[str, Any]]:
    """The conversations in which the word of this test was said."""
    listed = client(service).conversations(per_page=100).conversations
    read = [one.as_dict() for one in listed]
    return [one for one in read if any(run in text for _, text in spoken(one))]


def client(service: Service) -> Any:
    return ContextAPI(
        credential=Credential(service.token),
        endpoint=service.endpoint,
        connection_verify=str(service.authority),
    )
