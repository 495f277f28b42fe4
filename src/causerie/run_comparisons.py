"""Two runs of test sets against each other, case by case: what got worse first, and whether the
whole is more than chance.

Cases are paired by their names. Each has the share of its iterations that an evaluator was content
with, so that runs of different iterations can be compared. The chance is that of an exact test
which turns the signs of the differences (with one iteration: McNemar's).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import lcm, sqrt
from statistics import mean, stdev

from causerie.cases import Case
from causerie.evaluation_runs import CaseResult, Outcome

SURE = 0.975
"""Of Student's distribution: what holds the true difference 19 times out of 20."""


@dataclass(frozen=True)
class Passed:
    """How many of the answers to one case an evaluator was content with."""

    passed: int
    of: int

    @property
    def share(self) -> float:
        return self.passed / self.of


@dataclass(frozen=True)
class CaseChange:
    """One case under one evaluator, before and now; None where a run has nothing of it."""

    case: str
    evaluator: str
    before: Passed | None
    now: Passed | None

    @property
    def difference(self) -> float | None:
        """Between the shares, -1 to 1; None where one is missing."""
        if self.before is None or self.now is None:
            return None
        return self.now.share - self.before.share


@dataclass(frozen=True)
class EvaluatorChange:
    """All cases under one evaluator that both runs have."""

    evaluator: str
    cases: int
    before: float
    now: float
    """Means of the shares, 0 to 1."""
    low: float | None
    high: float | None
    """Where the difference is 19 times out of 20; None of fewer than two cases."""
    chance: float
    """How likely so large a difference is, to either side, where nothing changed."""
    worse: int
    better: int
    """Cases."""

    @property
    def difference(self) -> float:
        return self.now - self.before


@dataclass(frozen=True)
class RunComparison:
    """Two runs against each other."""

    evaluators: tuple[EvaluatorChange, ...]
    changes: tuple[CaseChange, ...]
    """Where there is a difference, the worst first; then what only one of both has."""


Answered = tuple[Sequence[Case], Iterable[CaseResult]]
"""The cases of a version and the results of a run of it."""


def compare_runs(before: Answered, now: Answered) -> RunComparison:
    """What changed from one run to another."""
    then, since = _passed(before), _passed(now)
    keys = sorted(then.keys() | since.keys())
    pairs = [
        CaseChange(case, one, then.get((case, one)), since.get((case, one))) for case, one in keys
    ]
    moved = [pair for pair in pairs if pair.difference]
    alone = [pair for pair in pairs if pair.difference is None]
    moved.sort(key=lambda pair: (pair.difference or 0.0, pair.case, pair.evaluator))
    by_evaluator: dict[str, list[CaseChange]] = defaultdict(list)
    for pair in pairs:
        if pair.difference is not None:
            by_evaluator[pair.evaluator].append(pair)
    told = [_evaluator(name, own) for name, own in by_evaluator.items()]
    told.sort(key=lambda one: (one.difference, one.evaluator))
    return RunComparison(tuple(told), (*moved, *alone))


def _passed(answered: Answered) -> Mapping[tuple[str, str], Passed]:
    cases, results = answered
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for result in results:
        for one in result.evaluations:
            count = counts[cases[result.case].name, one.evaluator]
            count[0] += one.outcome is Outcome.POSITIVE
            count[1] += 1
    return {key: Passed(*count) for key, count in counts.items()}


def _evaluator(name: str, pairs: Sequence[CaseChange]) -> EvaluatorChange:
    shares = [(pair.before.share, pair.now.share) for pair in pairs if pair.before and pair.now]
    differences = [now - before for before, now in shares]
    low, high = _interval(differences)
    return EvaluatorChange(
        evaluator=name,
        cases=len(pairs),
        before=mean(before for before, _ in shares),
        now=mean(now for _, now in shares),
        low=low,
        high=high,
        chance=_chance([pair for pair in pairs if pair.difference]),
        worse=sum(one < 0 for one in differences),
        better=sum(one > 0 for one in differences),
    )


def _interval(differences: Sequence[float]) -> tuple[float | None, float | None]:
    # Not above: a server imports this, and would start later by a tenth.
    from scipy.special import stdtrit

    count = len(differences)
    if count < 2:
        return None, None
    half = float(stdtrit(count - 1, SURE)) * stdev(differences) / sqrt(count)
    middle = mean(differences)
    return max(middle - half, -1.0), min(middle + half, 1.0)


def _chance(moved: Sequence[CaseChange]) -> float:
    """The share of all ways to turn the signs of the differences whose sum is as far from zero."""
    known = [(pair.before, pair.now) for pair in moved if pair.before and pair.now]
    whole = lcm(*(one.of for pair in known for one in pair)) if known else 1
    steps = [
        now.passed * (whole // now.of) - before.passed * (whole // before.of)
        for before, now in known
    ]
    ways: dict[int, float] = {0: 1.0}
    for step in steps:
        after: dict[int, float] = defaultdict(float)
        for at, likely in ways.items():
            after[at + step] += likely / 2
            after[at - step] += likely / 2
        ways = after
    reached = abs(sum(steps))
    return min(1.0, sum(likely for at, likely in ways.items() if abs(at) >= reached))
