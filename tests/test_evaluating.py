"""Runs of test sets, worked on by a real server that asks a scripted model."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from causerie.evaluations import Answer, Evaluations
from causerie.testing import ServerProcess
from tests.scripted_upstream import ScriptedUpstream, refuse

ENDPOINT = "ep-cases"
CASES = 150
USES: list[dict[str, Any]] = [
    {"evaluator": "length", "options": {"min": 1, "max": 60}},
    {"evaluator": "context_contains_phrase", "options": {"phrase": "7"}},
    {"evaluator": "no_apology"},
]
Said = list[tuple[str, int, str, list[tuple[str, str]]]]


@pytest.fixture
def model() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as model:
        yield model


@pytest.fixture
def server(tmp_path: Path, model: ScriptedUpstream) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path, CAUSERIE_MEANING_PROCESSES="0")
    server.start()
    where = ("--upstream", model.url, "--model", "scripted-1")
    server.command("endpoint", "add", "Cases", *where, "--id", ENDPOINT)
    yield server
    server.stop()


def cases(count: int, **given: Any) -> list[dict[str, Any]]:
    return [
        {"name": f"case {at}", "messages": [{"role": "user", "message": f"Question {at}"}], **given}
        for at in range(count)
    ]


def said(answers: list[Answer]) -> Said:
    return [
        (
            one.case,
            one.iteration,
            one.text,
            [(each.evaluator_name, each.outcome) for each in one.evaluations],
        )
        for one in answers
    ]


def name() -> str:
    return f"set {uuid.uuid4().hex[:8]}"


def test_a_run_that_was_killed_comes_to_what_one_left_alone_comes_to(
    server: ServerProcess, model: ScriptedUpstream
) -> None:
    key, alone, killed = server.key("admin"), name(), name()
    with Evaluations(key, server.endpoint) as sets:
        for one in (alone, killed):
            sets.add(one, cases(CASES, model=ENDPOINT), USES)
        whole = sets.run(alone, iterations=3).expect(0)
        with pytest.raises(TimeoutError):
            sets.run(killed, iterations=3, wait=0)
        before = asked_until(model, CASES * 3 + CASES)
    server.kill()
    server.start()
    with Evaluations(key, server.endpoint) as sets:
        resumed = sets.run(killed, iterations=3).expect(0)
    assert said(resumed.answers) == said(whole.answers)
    assert len(whole.answers) == CASES * 3
    # What was kept is not asked for again: at most the portion that was under way.
    assert len(model.requests) - before < CASES * 2 + 64


def asked_until(model: ScriptedUpstream, count: int) -> int:
    until = time.monotonic() + 60
    while len(model.requests) < count and time.monotonic() < until:
        time.sleep(0.005)
    return len(model.requests)


def test_a_provider_that_is_unwell_for_a_while_is_asked_again(
    server: ServerProcess, model: ScriptedUpstream
) -> None:
    model.then(refuse(429, retry_after="0"), refuse(500))
    one = name()
    with Evaluations(server.key("admin"), server.endpoint) as sets:
        sets.add(one, cases(1, model=ENDPOINT), USES[:1])
        sets.run(one).expect()


def test_a_provider_that_refuses_costs_its_case_and_no_other(
    server: ServerProcess, model: ScriptedUpstream
) -> None:
    one, given = name(), cases(3, model=ENDPOINT)
    given[1]["messages"][0]["message"] = "<<refuse status=400>>"
    with Evaluations(server.key("admin"), server.endpoint) as sets:
        sets.add(one, given, USES[:1])
        answers = sets.run(one).answers
    assert [one.undecided for one in answers] == [False, True, False]
    assert [one.passed for one in answers] == [True, False, True]


def test_two_who_ask_at_the_same_time_get_one_run(server: ServerProcess) -> None:
    one = name()
    with Evaluations(server.key("admin"), server.endpoint) as sets:
        sets.add(one, cases(2, pregenerated_response="7"), USES)
        first, second = sets.run(one), sets.run(one)
        other = sets.run(one, iterations=3)
    assert first.run.id == second.run.id
    assert other.run.id != first.run.id
