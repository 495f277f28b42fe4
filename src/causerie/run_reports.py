"""What came of a run, as a page tells it: how much passed, what it took, what to look at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from causerie.evaluation_runs import WORST_FIRST, CaseResult, Outcome
from causerie.uncertainty import UNKNOWN, Value, share

Place = tuple[int, int]
"""The place of a case in its version, and an iteration from 1 on."""


@dataclass(frozen=True)
class Passing:
    """How many answers had each outcome."""

    counts: Mapping[Outcome, int]
    clump: int = 1
    """How many answers are to the same case: they go together."""

    @property
    def answers(self) -> int:
        return sum(self.counts.values())

    @property
    def passed(self) -> Value:
        """The share of all answers, with its interval. What is inconclusive did not pass."""
        return share(self.of(Outcome.POSITIVE), self.answers, self.clump)

    def of(self, outcome: Outcome) -> int:
        """How many had it."""
        return self.counts.get(outcome, 0)

    def part(self, outcome: Outcome) -> float:
        """Their share, 0 to 1."""
        return self.of(outcome) / self.answers if self.answers else 0.0


@dataclass(frozen=True)
class RunReport:
    """All of a run in numbers, and the answers that were looked for."""

    whole: Passing
    """By the worst that an evaluator says of an answer."""
    evaluators: Mapping[str, Passing]
    costs: Mapping[str, Decimal]
    """By currency."""
    unpriced: int
    """Answers of which nobody knows what they cost."""
    latency_p50_ms: int | None
    latency_p95_ms: int | None
    places: tuple[Place, ...]
    """What was looked for, failures first."""

    @property
    def passed(self) -> Value:
        """The share of answers that every evaluator is content with."""
        return self.whole.passed if self.evaluators else UNKNOWN


def report_on(
    results: Iterable[CaseResult],
    iterations: int,
    evaluator: str = "",
    outcome: Outcome | None = None,
) -> RunReport:
    """Read a run's results once. With an evaluator, outcomes that are looked for are its own."""
    whole: Counter[Outcome] = Counter()
    evaluators: dict[str, Counter[Outcome]] = {}
    costs: dict[str, Decimal] = {}
    unpriced, took, found = 0, [], []
    for result in results:
        whole[result.outcome] += 1
        for one in result.evaluations:
            evaluators.setdefault(one.evaluator, Counter())[one.outcome] += 1
        response = result.response
        if response.cost is not None:
            costs[response.currency] = costs.get(response.currency, Decimal()) + response.cost
        unpriced += response.cost is None and not response.given
        if response.latency_ms is not None:
            took.append(response.latency_ms)
        judged = outcome_of(result, evaluator)
        if judged is not None and outcome in (None, judged):
            found.append((WORST_FIRST.index(judged), result.case, result.iteration))
    took.sort()
    return RunReport(
        whole=Passing(whole, iterations),
        evaluators={name: Passing(evaluators[name], iterations) for name in sorted(evaluators)},
        costs=costs,
        unpriced=unpriced,
        latency_p50_ms=_quantile(took, 0.5),
        latency_p95_ms=_quantile(took, 0.95),
        places=tuple((case, iteration) for _, case, iteration in sorted(found)),
    )


def outcome_of(result: CaseResult, evaluator: str = "") -> Outcome | None:
    """Of the whole answer, or what one evaluator says; None where it says nothing."""
    if not evaluator:
        return result.outcome
    found = {one.outcome for one in result.evaluations if one.evaluator == evaluator}
    return next((one for one in WORST_FIRST if one in found), None)


def _quantile(ordered: list[int], part: float) -> int | None:
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else None
