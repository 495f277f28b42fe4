"""Runs of test sets, worked on by a real server that asks a scripted model."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec import convert
from msgspec.structs import replace
from sqlalchemy import Engine

from causerie.answering import Answering
from causerie.cases import Case, CopyFrom
from causerie.errors import Invalid
from causerie.evaluating import PORTION, Evaluating
from causerie.evaluation_runs import Evaluation, Outcome, Response, Run, RunStatus
from causerie.evaluations import Answer, Evaluations
from causerie.evaluators import EvaluatorUse, Known
from causerie.examining import Examining
from causerie.prices import Prices
from causerie.store.accounts import Accounts
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.test_sets import TestSets
from causerie.testing import ServerProcess
from causerie.web.evaluations_api import begun, case_of
from causerie.wire.evaluations import CaseIn
from tests.made_calls import NOON
from tests.scripted_upstream import ScriptedUpstream, refuse

ENDPOINT = "ep-cases"
CASES = 150
USES: list[dict[str, Any]] = [
    {"evaluator": "length", "options": {"min": 1, "max": 60}},
    {"evaluator": "context_contains_phrase", "options": {"phrase": "7"}},
    {"evaluator": "no_apology"},
]
Said = list[tuple[str, int, str, list[tuple[str, str]]]]


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as model:
        yield model


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, model: ScriptedUpstream
) -> Iterator[ServerProcess]:
    """One for all tests of this module: each has test sets of its own."""
    server = ServerProcess(tmp_path_factory.mktemp("server"), CAUSERIE_MEANING_PROCESSES="0")
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
    key, alone, killed, asked = server.key("admin"), name(), name(), len(model.requests)
    with Evaluations(key, server.endpoint) as sets:
        for one in (alone, killed):
            sets.add(one, cases(CASES, model=ENDPOINT), USES)
        whole = sets.run(alone, iterations=3).expect(0)
        with pytest.raises(TimeoutError):
            sets.run(killed, iterations=3, wait=0)
        before = asked_until(model, asked + CASES * 3 + CASES)
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


class Faulty(Examining):
    """Says yes, but for the calls in which it breaks."""

    def __init__(self, breaks: Iterable[Exception | None]) -> None:
        self._breaks = iter(breaks)
        self.seen: list[str] = []

    def evaluate(
        self,
        project: str,
        answered: Sequence[tuple[Case, Response]],
        uses: Sequence[EvaluatorUse],
        known: Known,
    ) -> list[tuple[Evaluation, ...]]:
        if (error := next(self._breaks, None)) is not None:
            raise error
        self.seen += [case.name for case, _ in answered]
        return [(Evaluation(evaluator="yes", outcome=Outcome.POSITIVE),) for _ in answered]


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), Invalid("no such thing")], ids=["a bug", "refused"]
)
def test_a_run_that_ended_in_an_error_begins_again_with_what_is_missing(
    engine: Engine, project_id: str, error: Exception
) -> None:
    Accounts(engine).create_project("Mine", NOON, project_id)
    sets, runs, faulty = TestSets(engine), EvaluationRuns(engine), Faulty([None, error])
    given = [case_of(convert(one, CaseIn)) for one in cases(CASES, pregenerated_response="7")]
    sets.add(project_id, "set", given, (), CopyFrom.NONE, "", NOON)
    answering = Answering(lambda project, name: None, Prices(tables=[]), lambda: NOON)
    evaluating = Evaluating(sets, runs, answering, faulty, "me", lambda: NOON)

    def begin() -> Run:
        of = (project_id, ("set", 1), 1, "", "me", f"run-{uuid.uuid4().hex}", NOON)
        return begun(sets, runs, *of)

    first = begin()
    assert evaluating.step()
    broken = runs.get(project_id, first.id)
    assert (broken.status, broken.completed) == (RunStatus.ERRORED, PORTION)
    assert broken.trouble and not evaluating.step(), "nobody has asked for it again"
    again = begin()
    assert (again.id, again.status, again.trouble) == (first.id, RunStatus.PENDING, "")
    assert (again.completed, again.ended_at) == (PORTION, None)
    assert runs.tallies(project_id, [first.id]) == {}
    assert evaluating.step()
    whole = runs.get(project_id, first.id)
    assert (whole.status, whole.completed, whole.trouble) == (RunStatus.COMPLETED, CASES, "")
    assert sorted(faulty.seen) == sorted(one.name for one in given), "each was judged once"
    assert runs.tallies(project_id, [first.id])[first.id].answers == {Outcome.POSITIVE: CASES}
    assert begin() == whole, "what came to its end is not run again"


def test_answers_that_did_not_come_are_asked_for_again_and_no_others(
    engine: Engine, project_id: str
) -> None:
    Accounts(engine).create_project("Mine", NOON, project_id)
    sets, runs, judging = TestSets(engine), EvaluationRuns(engine), Faulty([None, None, None])
    here = [case_of(convert(one, CaseIn)) for one in cases(2, pregenerated_response="7")]
    away = replace(here[0], name="away", pregenerated_response=None, model="nowhere")
    sets.add(project_id, "set", [*here, away], (), CopyFrom.NONE, "", NOON)
    answering = Answering(lambda project, name: None, Prices(tables=[]), lambda: NOON)
    evaluating = Evaluating(sets, runs, answering, judging, "me", lambda: NOON)

    def begin() -> Run:
        of = (project_id, ("set", 1), 1, "", "me", f"run-{uuid.uuid4().hex}", NOON)
        return begun(sets, runs, *of)

    first = begin()
    while evaluating.step():
        pass
    ended = runs.get(project_id, first.id)
    assert (ended.status, ended.completed) == (RunStatus.COMPLETED, 3)
    assert runs.tallies(project_id, [first.id])[first.id].failed == 1
    again = begin()
    assert (again.id, again.status, again.completed) == (first.id, RunStatus.PENDING, 2)
    assert runs.done(again) == {(0, 1), (1, 1)}
    while evaluating.step():
        pass
    assert runs.get(project_id, first.id).completed == 3
    assert judging.seen.count("away") == 2 and len(judging.seen) == 4


def test_a_run_that_is_deleted_under_way_stops_and_the_next_is_worked_on(
    engine: Engine, project_id: str
) -> None:
    Accounts(engine).create_project("Mine", NOON, project_id)
    sets, runs = TestSets(engine), EvaluationRuns(engine)

    class Deleted(Faulty):
        def evaluate(self, *given: Any) -> list[tuple[Evaluation, ...]]:
            if not self.seen:
                sets.remove(project_id, "deleted")
            return super().evaluate(*given)

    given = [case_of(convert(one, CaseIn)) for one in cases(CASES, pregenerated_response="7")]
    judging = Deleted([])
    answering = Answering(lambda project, name: None, Prices(tables=[]), lambda: NOON)
    evaluating = Evaluating(sets, runs, answering, judging, "me", lambda: NOON)
    for at, one in enumerate(("deleted", "kept")):
        sets.add(project_id, one, given, (), CopyFrom.NONE, "", NOON)
        of = (project_id, (one, 1), 1, "", "me", f"run-{uuid.uuid4().hex}")
        begun(sets, runs, *of, NOON + timedelta(seconds=at))
    assert evaluating.step()
    assert len(judging.seen) == PORTION
    assert evaluating.step() and not evaluating.step()
    [kept] = runs.list(project_id)
    assert (kept.name, kept.status, kept.completed) == ("kept", RunStatus.COMPLETED, CASES)


def test_two_who_ask_at_the_same_time_get_one_run(server: ServerProcess) -> None:
    one = name()
    with Evaluations(server.key("admin"), server.endpoint) as sets:
        sets.add(one, cases(2, pregenerated_response="7"), USES)
        first, second = sets.run(one), sets.run(one)
        other = sets.run(one, iterations=3)
    assert first.run.id == second.run.id
    assert other.run.id != first.run.id
