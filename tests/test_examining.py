"""Evaluators that ask a judge: a real server that follows a script."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from sqlalchemy import Engine

from causerie.cases import Case, Line
from causerie.evaluation_runs import Evaluation, Outcome, Response
from causerie.evaluators import CustomEvaluator, EvaluatorUse, Where
from causerie.examining import Examining
from causerie.judge import Judge
from causerie.judging import FUNCTION
from causerie.languages import Guess
from causerie.testing import Ticking
from tests.scripted_model import Reply
from tests.scripted_upstream import ScriptedUpstream, answer, garbage, status
from tests.test_asking import HASTE, Scene, says, staged
from tests.topic_cast import NOW

CASE = Case(
    name="order",
    messages=(Line("system", "Be kind."), Line("user", "When does my order ship?")),
)
GIVEN = Response(text="It leaves on Monday.", given=True)
MATCH = EvaluatorUse("semantic_match", {"semantic_match_string": "Monday, not {Tuesday}"})
ATTEMPT = EvaluatorUse("attempts_answer")
POLITE = CustomEvaluator(
    project="mine",
    identifier="polite",
    name="Polite",
    instructions="Is it polite?",
    created_at=NOW,
    changed_at=NOW,
)


class Bench:
    """Evaluators of a project that has a judge."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.custom = POLITE
        judge = Judge(scene.verdicts, lambda project, id: None, scene.clock, HASTE)
        self._examining = Examining(
            judge, scene.verdicts, lambda project: scene.settings(), _nobody, _undetermined
        )

    def ask(
        self,
        *uses: EvaluatorUse,
        answers: Sequence[Response] = (GIVEN,),
        project: str = "mine",
    ) -> list[tuple[Evaluation, ...]]:
        cases = [(CASE, response) for response in answers]
        return self._examining.evaluate(project, cases, uses, {"polite": self.custom})

    @property
    def asked(self) -> list[list[str]]:
        """The messages of each request."""
        return [
            [message["content"] for message in seen.messages]
            for seen in self.scene.upstream.requests
        ]


def _nobody(project: str, texts: Sequence[str]) -> tuple[str, list[tuple[float, ...]]]:
    raise AssertionError("where there is a judge nothing is measured")


def _undetermined(texts: Sequence[str]) -> list[Guess]:
    raise AssertionError("none of these evaluators asks for a language")


@pytest.fixture
def bench(sqlite_engine: Engine, clock: Ticking, upstream: ScriptedUpstream) -> Bench:
    return Bench(staged(sqlite_engine, clock, upstream))


def test_a_judge_decides_by_a_forced_call_with_its_reason(bench: Bench) -> None:
    bench.scene.upstream.then(says(True, "Both say Monday."))
    [[found]] = bench.ask(MATCH)
    assert (found.evaluator, found.outcome) == ("semantic_match", Outcome.POSITIVE)
    assert [(one.verdict, one.reason) for one in found.reasons] == [(True, "Both say Monday.")]
    assert bench.scene.upstream.last.body["tool_choice"]["function"]["name"] == FUNCTION
    [[system, text]] = bench.asked
    assert "Reference:\nMonday, not {Tuesday}" in system and text == GIVEN.text
    bench.scene.upstream.then(says(False, "It only apologises."))
    [[found]] = bench.ask(ATTEMPT)
    assert found.outcome is Outcome.NEGATIVE
    assert found.reasons[0].reason == "It only apologises."
    told = "system: Be kind.\n\nuser: When does my order ship?\n\nassistant: It leaves on Monday."
    assert bench.asked[1][1] == told


def test_one_of_the_project_sees_as_much_as_it_says(bench: Bench) -> None:
    use = EvaluatorUse("polite")
    [[found]] = bench.ask(use)
    assert found.outcome is Outcome.POSITIVE
    bench.custom = replace(POLITE, context=Where.CONTEXT_WINDOW, revision=2)
    bench.ask(use)
    (first, alone), (_, whole) = bench.asked
    assert first.startswith("Is it polite?") and alone == GIVEN.text
    assert "user: When does my order ship?" in whole and "Be kind." in whole


def test_the_same_is_asked_once_and_what_changed_anew(bench: Bench) -> None:
    other = replace(GIVEN, text="It leaves on Tuesday.")
    first = bench.ask(MATCH, ATTEMPT, answers=[GIVEN, GIVEN, other])
    assert first[0] == first[1] and len(bench.asked) == 4
    bench.scene.upstream.always(says(False))
    assert bench.ask(MATCH, ATTEMPT) == [first[0]] and len(bench.asked) == 4
    changed = replace(MATCH, options={"semantic_match_string": "Tuesday"})
    [[found]] = bench.ask(changed)
    assert found.outcome is Outcome.NEGATIVE and len(bench.asked) == 5
    use = EvaluatorUse("polite")
    bench.ask(use)
    bench.custom = replace(POLITE, instructions="Is it rude?", revision=2)
    bench.ask(use)
    assert len(bench.asked) == 7


@pytest.mark.parametrize(
    "reply",
    [status(500), status(401), garbage(), answer("I would rather not say."), says("perhaps")],
    ids=["broken", "refused", "no json", "no verdict", "no boolean"],
)
def test_a_judge_that_fails_is_inconclusive_and_never_a_pass(bench: Bench, reply: Reply) -> None:
    bench.scene.upstream.always(reply)
    [found] = bench.ask(MATCH, ATTEMPT, EvaluatorUse("polite"))
    assert {one.outcome for one in found} == {Outcome.INCONCLUSIVE}
    assert all(one.reasons[0].reason and not one.reasons[0].verdict for one in found)


def test_a_judge_that_was_away_is_asked_again_and_what_it_said_stays(bench: Bench) -> None:
    bench.scene.upstream.always(status(500))
    assert bench.ask(MATCH)[0][0].outcome is Outcome.INCONCLUSIVE
    bench.scene.clock.move(seconds=120)
    bench.scene.upstream.always(says(True))
    assert bench.ask(MATCH)[0][0].outcome is Outcome.POSITIVE


def test_without_an_answer_nobody_is_asked(bench: Bench) -> None:
    away = Response(trouble="The provider is away.")
    [found] = bench.ask(MATCH, ATTEMPT, EvaluatorUse("polite"), answers=[away])
    assert {one.outcome for one in found} == {Outcome.INCONCLUSIVE} and bench.asked == []


def test_another_projects_verdicts_are_its_own(bench: Bench) -> None:
    bench.ask(MATCH)
    bench.scene.upstream.always(says(False))
    assert bench.ask(MATCH, project="theirs")[0][0].outcome is Outcome.NEGATIVE
    assert bench.ask(MATCH)[0][0].outcome is Outcome.POSITIVE and len(bench.asked) == 2
