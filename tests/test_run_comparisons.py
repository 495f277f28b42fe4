"""Two runs of test sets against each other."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.cases import Case, Line
from causerie.evaluation_runs import CaseResult, Evaluation, Outcome, Response
from causerie.run_comparisons import Answered, RunComparison, compare_runs

AT = datetime(2026, 5, 20, tzinfo=UTC)
YES, NO = Outcome.POSITIVE, Outcome.NEGATIVE


def run(**outcomes: list[Outcome]) -> Answered:
    """A run of one evaluator: what it said of each answer to each case."""
    cases = [Case(name=name, messages=(Line("user", "?"),)) for name in outcomes]
    results = [
        CaseResult(
            case=place,
            iteration=number,
            response=Response(text="."),
            evaluations=(Evaluation(evaluator="kind", outcome=outcome),),
            at=AT,
        )
        for place, said in enumerate(outcomes.values())
        for number, outcome in enumerate(said, 1)
    ]
    return cases, results


def one_each(passed: list[bool]) -> Answered:
    return run(**{f"case {at:03}": [YES if each else NO] for at, each in enumerate(passed)})


def test_what_got_worse_comes_first_and_what_one_run_lacks_last() -> None:
    before = run(a=[YES] * 3, b=[NO] * 3, c=[YES] * 3, d=[YES], e=[YES])
    now = run(a=[YES, NO, NO], b=[YES] * 3, c=[NO] * 3, d=[YES], f=[NO])
    found = compare_runs(before, now)
    assert [(one.case, one.difference) for one in found.changes] == [
        ("c", -1.0),
        ("a", pytest.approx(-2 / 3)),
        ("b", 1.0),
        ("e", None),
        ("f", None),
    ]
    [kind] = found.evaluators
    assert (kind.cases, kind.worse, kind.better) == (4, 2, 1)
    assert kind.before == 0.75
    assert kind.now == pytest.approx((1 / 3 + 1 + 0 + 1) / 4)


def test_what_cannot_be_judged_is_no_pass() -> None:
    [change] = compare_runs(run(a=[YES]), run(a=[Outcome.INCONCLUSIVE])).changes
    assert change.difference == -1
    [change] = compare_runs(run(a=[YES]), run(a=[Outcome.PARTIALLY_PASSED])).changes
    assert change.difference == -1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_with_one_iteration_the_chance_is_mcnemars(pairs: list[tuple[bool, bool]]) -> None:
    found = compared(pairs)
    worse = sum(before and not now for before, now in pairs)
    better = sum(now and not before for before, now in pairs)
    moved, least = worse + better, min(worse, better)
    exact = min(1.0, 2 * sum(comb(moved, at) for at in range(least + 1)) / 2**moved)
    assert found.evaluators[0].chance == pytest.approx(exact)


def compared(pairs: list[tuple[bool, bool]]) -> RunComparison:
    return compare_runs(
        one_each([before for before, _ in pairs]), one_each([now for _, now in pairs])
    )


shares = st.lists(st.sampled_from([YES, NO]), min_size=3, max_size=3)


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=8))
def test_with_more_iterations_the_chance_is_that_of_all_turns_of_signs(
    pairs: list[tuple[list[Outcome], list[Outcome]]],
) -> None:
    before = run(**{f"c{at}": one for at, (one, _) in enumerate(pairs)})
    now = run(**{f"c{at}": two for at, (_, two) in enumerate(pairs)})
    steps = [two.count(YES) - one.count(YES) for one, two in pairs]
    turns = [
        sum(sign * step for sign, step in zip(signs, steps, strict=True))
        for signs in product((1, -1), repeat=len(steps))
    ]
    exact = sum(abs(turn) >= abs(sum(steps)) for turn in turns) / len(turns)
    assert compare_runs(before, now).evaluators[0].chance == pytest.approx(exact)


def test_an_interval_holds_a_difference_that_is_there() -> None:
    pairs = [(True, at % 5 != 0) for at in range(100)]
    [kind] = compared(pairs).evaluators
    assert kind.low is not None and kind.high is not None
    assert kind.low < -0.2 < kind.high < 0
    assert kind.chance < 0.001
