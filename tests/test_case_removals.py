"""Cases of test sets go with the conversation they were made of, in every version."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from causerie.cases import Case, CopyFrom, Line
from causerie.evaluation_runs import CaseResult, Response, Run
from causerie.store.accounts import Accounts
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.state_removals import StateRemovals
from causerie.store.test_sets import TestSets
from tests.made_calls import NOON


def case(name: str, **metadata: Any) -> Case:
    return Case(
        name=name, messages=(Line("user", f"words of {name}"),), model="m", metadata=metadata
    )


def test_a_case_goes_with_its_conversation_and_the_others_keep_their_places(
    engine: Engine, project_id: str
) -> None:
    Accounts(engine).create_project("Mine", NOON, project_id)
    sets, runs = TestSets(engine), EvaluationRuns(engine)
    cases = [
        case("a", conversation_id="talk"),
        case("b", conversation_id="talk", tenant_id="t"),
        case("c"),
    ]
    for _ in range(2):
        sets.add(project_id, "set", cases, (), CopyFrom.PRIOR_VERSION, "", NOON)
    run = Run(
        id=f"run-{project_id}",
        project=project_id,
        name="set",
        version=1,
        iterations=1,
        total=3,
        created_at=NOON,
    )
    runs.begin(run)
    taken = runs.take("me", NOON)
    assert taken is not None
    results = [
        CaseResult(case=at, iteration=1, response=Response(text=str(at)), evaluations=(), at=NOON)
        for at in range(3)
    ]
    assert runs.keep(taken, "me", results, NOON)
    removals = StateRemovals(engine)
    assert removals.count_cases(project_id, {("", "talk"), ("u", "talk")}) == 2
    assert removals.drop_cases(project_id, {("", "talk")}) == {"cases": 2, "evaluation_results": 1}
    assert removals.drop_cases(project_id, {("", "talk")}) == {}
    assert removals.count_cases(project_id, {("", "talk")}) == 0
    left = sets.version(project_id, "set", 1).cases
    assert [one.name for one in left] == ["", "b", "c"] and left[0].is_removed
    assert [one.case for one in runs.results(taken)] == [1, 2]
    # What was under way when the case went is not kept.
    assert runs.keep(taken, "me", results, NOON)
    assert [one.case for one in runs.results(taken)] == [1, 2]
    made = sets.add(project_id, "set", [case("d")], (), CopyFrom.PRIOR_VERSION, "", NOON)
    assert [one.name for one in sets.version(project_id, "set", made.version).cases] == [
        "b",
        "c",
        "d",
    ]
