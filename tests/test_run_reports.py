"""What came of a run in numbers, read from where runs are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from causerie.cases import Case, CopyFrom, Line
from causerie.evaluation_runs import (
    WORST_FIRST,
    CaseResult,
    Evaluation,
    Outcome,
    Response,
    Run,
    tally_of,
)
from causerie.run_reports import outcome_of, report_on
from causerie.store.accounts import Accounts
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.test_sets import TestSets
from causerie.uncertainty import share
from tests.made_calls import NOON

YES, NO, PART, UNSURE = (
    Outcome.POSITIVE,
    Outcome.NEGATIVE,
    Outcome.PARTIALLY_PASSED,
    Outcome.INCONCLUSIVE,
)


def priced(cost: str, latency_ms: int) -> Response:
    amount, currency = cost.split()
    return Response(text=".", cost=Decimal(amount), currency=currency, latency_ms=latency_ms)


def result(place: int, iteration: int, response: Response, **said: Outcome) -> CaseResult:
    evaluations = tuple(Evaluation(evaluator=name, outcome=one) for name, one in said.items())
    return CaseResult(
        case=place, iteration=iteration, response=response, evaluations=evaluations, at=NOON
    )


RESULTS = [
    result(0, 1, priced("0.10 USD", 100), length=YES, kind=YES),
    result(0, 2, priced("0.20 USD", 900), length=YES, kind=NO),
    result(1, 1, priced("0.0000000003 EUR", 300), length=YES, kind=UNSURE),
    result(1, 2, Response(trouble="It is away."), length=UNSURE, kind=UNSURE),
    result(2, 1, Response(text=".", given=True), length=YES, kind=YES),
    result(2, 2, Response(text=".", latency_ms=500), length=PART, kind=YES),
]


@pytest.fixture
def kept(engine: Engine, project_id: str) -> list[CaseResult]:
    """The results as they come back from the store, on both engines."""
    Accounts(engine).create_project("Mine", NOON, project_id)
    cases = [Case(name=f"case {at}", messages=(Line("user", "?"),), model="m") for at in range(3)]
    TestSets(engine).add(project_id, "set", cases, (), CopyFrom.NONE, "", NOON)
    runs = EvaluationRuns(engine)
    run = Run(
        id=f"run-{project_id}",
        project=project_id,
        name="set",
        version=1,
        iterations=2,
        total=6,
        created_at=NOON,
    )
    runs.begin(run)
    taken = runs.take("me", NOON)
    assert taken is not None and runs.keep(taken, "me", reversed(RESULTS), NOON)
    return list(runs.results(taken))


def test_a_run_is_told_in_numbers(kept: list[CaseResult]) -> None:
    report = report_on(kept, iterations=2)
    assert dict(report.whole.counts) == {YES: 2, NO: 1, PART: 1, UNSURE: 2}
    assert report.whole.part(UNSURE) == pytest.approx(1 / 3)
    assert report.passed == share(2, 6, 2)
    assert {name: one.of(YES) for name, one in report.evaluators.items()} == {
        "kind": 3,
        "length": 4,
    }
    assert report.costs == {"USD": Decimal("0.30"), "EUR": Decimal("0.0000000003")}
    assert report.unpriced == 2, "one that failed, one without a price; never one that was given"
    assert (report.latency_p50_ms, report.latency_p95_ms) == (500, 900)


def test_failures_come_first_then_cases_in_their_order(kept: list[CaseResult]) -> None:
    assert report_on(kept, 2).places == ((0, 2), (2, 2), (1, 1), (1, 2), (0, 1), (2, 1))


def test_what_is_looked_for_is_what_an_evaluator_says(kept: list[CaseResult]) -> None:
    assert report_on(kept, 2, outcome=UNSURE).places == ((1, 1), (1, 2))
    assert report_on(kept, 2, "length", UNSURE).places == ((1, 2),)
    assert report_on(kept, 2, "kind").places[0] == (0, 2)
    assert report_on(kept, 2, "of nobody").places == ()
    numbers = report_on(kept, 2, "length", UNSURE).whole
    assert numbers == report_on(kept, 2).whole, "looking for some does not change the numbers"


def test_of_what_nobody_judged_no_share_is_known() -> None:
    nothing = report_on([], 1)
    assert nothing.passed.value is None and nothing.whole.part(YES) == 0
    assert (nothing.latency_p50_ms, nothing.costs, nothing.places) == (None, {}, ())
    unjudged = report_on([result(0, 1, Response(text="."))], 1)
    assert unjudged.passed.value is None and unjudged.whole.of(UNSURE) == 1


@given(st.lists(st.lists(st.sampled_from(WORST_FIRST), min_size=1, max_size=3), max_size=30))
def test_a_report_is_what_one_counts_by_hand(said: Sequence[Sequence[Outcome]]) -> None:
    results = [
        result(place, 1, Response(text="."), **{f"e{at}": one for at, one in enumerate(outcomes)})
        for place, outcomes in enumerate(said)
    ]
    report, tally = report_on(results, 1), tally_of(results)
    worst = [min(outcomes, key=WORST_FIRST.index) for outcomes in said]
    assert dict(report.whole.counts) == Counter(worst) == tally.answers
    assert {name: dict(one.counts) for name, one in report.evaluators.items()} == tally.evaluators
    order = sorted(range(len(said)), key=lambda place: (WORST_FIRST.index(worst[place]), place))
    assert [place for place, _ in report.places] == order
    assert [outcome_of(one) for one in results] == worst
