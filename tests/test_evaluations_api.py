"""Evaluations by the Context service's API, with its unmodified client."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from getcontext import ContextAPI
from getcontext.generated.models import EvaluationsRunResponse
from getcontext.token import Credential

from tests.conftest import AppServer, Cast
from tests.session_cast import ENDPOINT

WAIT_SECONDS_MAX = 60
Body = dict[str, Any]
PLAIN: dict[str, Any] = {"enforce_https": False}
"""The server is on loopback, where the client has to be told that no TLS is meant."""


@pytest.fixture
def client(app_server: AppServer) -> ContextAPI:
    return ContextAPI(credential=Credential(app_server.key), endpoint=app_server.url)


@pytest.fixture
def name() -> str:
    return f"set {uuid.uuid4().hex[:8]}"


def asked(name: str, question: str, **given: Any) -> Body:
    return {"name": name, "messages": [{"role": "user", "message": question}], **given}


def uses(evaluator: str, **options: Any) -> Body:
    return {"evaluator": evaluator, "options": options}


def finished(client: ContextAPI, id: str) -> EvaluationsRunResponse:
    until = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < until:
        found = client.evaluations.result(id, **PLAIN)
        if found.status not in ("pending", "running"):
            return found
        time.sleep(0.1)
    pytest.fail(f"the run is {found.status} still: {found.progress}")


def test_the_old_client_drives_a_whole_cycle(client: ContextAPI, name: str) -> None:
    cases = [
        asked("given", "Say hello", pregenerated_response="Hello, world!"),
        asked("asked", "What is the capital of France?", model=ENDPOINT, model_config={"n": 3}),
    ]
    cases[0]["evaluators"] = [uses("golden_response", golden_response="hello world")]
    made = client.log.test_sets(
        {
            "name": name,
            "test_cases": cases,
            "evaluators": [uses("context_contains_phrase", phrase="hello")],
        },
        **PLAIN,
    )
    assert (made.name, made.version) == (name, 1)
    run = {"test_set_name": name, "version": 1, "iterations": 3}
    id = client.evaluations.run(run, **PLAIN).data.run_id
    result = finished(client, id)
    assert result.status == "completed"
    assert (result.details.test_set_name, result.details.version) == (name, 1)
    assert (result.progress.completed, result.progress.pending) == (6, 0)
    assert [(one.test_case.name, one.iteration) for one in result.results] == [
        *(("given", iteration) for iteration in (1, 2, 3)),
        *(("asked", iteration) for iteration in (1, 2, 3)),
    ]
    given, told = result.results[0], result.results[-1]
    assert [(one.evaluator_name, one.outcome) for one in given.evaluations] == [
        ("context_contains_phrase", "positive"),
        ("golden_response", "positive"),
    ]
    assert given.evaluations[1].reasoning.result[0].verdict is True
    assert [(one.evaluator_name, one.outcome) for one in told.evaluations] == [
        ("context_contains_phrase", "negative")
    ]
    assert told.test_case.input[0].message == "What is the capital of France?"
    assert told.test_case.output[0].role == "assistant" and told.test_case.output[0].message
    assert client.evaluations.run(run, **PLAIN).data.run_id == id


def test_a_version_takes_over_what_it_does_not_replace(client: ContextAPI, name: str) -> None:
    def make(cases: dict[str, str], **query: str) -> None:
        body = [asked(case, "Hi", pregenerated_response=text) for case, text in cases.items()]
        client.log.test_sets({"name": name, "test_cases": body}, **query, **PLAIN)

    def answers(version: int) -> dict[str, str]:
        run = client.evaluations.run({"test_set_name": name, "version": version}, **PLAIN)
        results = finished(client, run.data.run_id).results
        return {one.test_case.name: one.test_case.output[0].message for one in results}

    make({"one": "1", "two": "2"})
    make({"two": "zwei", "three": "3"})
    make({"four": "4"}, copy_test_cases_from="none")
    make({"five": "5"}, copy_test_cases_from="prior_version")
    assert answers(1) == {"one": "1", "two": "2"}
    assert answers(2) == {"one": "1", "two": "zwei", "three": "3"}
    assert answers(3) == {"four": "4"}
    assert answers(4) == {"four": "4", "five": "5"}


def test_a_case_that_no_endpoint_answers_is_inconclusive(client: ContextAPI, name: str) -> None:
    client.log.test_sets(
        {
            "name": name,
            "test_cases": [asked("lost", "Hi", model="gpt-none")],
            "evaluators": [uses("no_apology"), uses("attempts_answer")],
        },
        **PLAIN,
    )
    run = client.evaluations.run({"test_set_name": name, "version": 1}, **PLAIN)
    result = finished(client, run.data.run_id)
    assert result.status == "completed"
    assert [one.outcome for one in result.results[0].evaluations] == ["inconclusive"] * 2
    [reason] = result.results[0].evaluations[0].reasoning.result
    assert "gpt-none" in reason.reason
    assert result.results[0].test_case.output == []


REFUSED: dict[str, tuple[Body, str]] = {
    "no name": ({"name": " ", "test_cases": [asked("a", "b", model="m")]}, "name"),
    "no cases": ({"name": "s", "test_cases": []}, "test_cases"),
    "the same name twice": (
        {"name": "s", "test_cases": [asked("a", "b", model="m")] * 2},
        "test_cases[1].name",
    ),
    "no model": ({"name": "s", "test_cases": [asked("a", "b")]}, "test_cases[0].model"),
    "an unknown role": (
        {
            "name": "s",
            "test_cases": [
                {"name": "a", "model": "m", "messages": [{"role": "tool", "message": ""}]}
            ],
        },
        "test_cases[0].messages[0].role",
    ),
    "an unknown evaluator": (
        {"name": "s", "test_cases": [asked("a", "b", model="m")], "evaluators": [uses("vibes")]},
        "evaluators[0].evaluator",
    ),
    "an option that it lacks": (
        {
            "name": "s",
            "test_cases": [asked("a", "b", model="m", evaluators=[uses("length", most=3)])],
        },
        "test_cases[0].evaluators[0].options",
    ),
    "a schema that is none": (
        {
            "name": "s",
            "test_cases": [asked("a", "b", model="m")],
            "evaluators": [uses("json_schema", schema={"type": "texts"})],
        },
        "evaluators[0].options",
    ),
    "an expression without end": (
        {
            "name": "s",
            "test_cases": [asked("a", "b", model="m")],
            "evaluators": [uses("regex", pattern="(a+)+b")],
        },
        "evaluators[0].options",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_test_set_is_refused_by_field(shared_cast: Cast, case: str) -> None:
    body, field = REFUSED[case]
    answer = shared_cast.client.post("/api/v1/test_sets", json=body, headers=shared_cast.auth())
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field


def test_a_run_of_what_is_not_there_is_not_found(client: ContextAPI, name: str) -> None:
    with pytest.raises(HttpResponseError) as error:
        client.evaluations.run({"test_set_name": name, "version": 1}, **PLAIN)
    assert error.value.status_code == 404
