"""Run: every case of a version answered some times, every answer judged. Values alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from causerie.errors import Invalid
from causerie.wording import Kept, Wording, kept, said_again, sentences_of

ITERATIONS = (1, 3, 5, 7)


class RunStatus(StrEnum):
    """How far a run is; the words of the Context service."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    ERRORED = "errored"
    """It could not go on: `trouble` says why. Answers that failed do not make a run fail."""


OVER = (RunStatus.COMPLETED, RunStatus.ERRORED)
"""Nothing more will happen."""


class Outcome(StrEnum):
    """What an evaluator says of an answer; the words of the Context service."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    INCONCLUSIVE = "inconclusive"
    """It could not be judged: no answer, or a judge that failed. Never a pass."""
    PARTIALLY_PASSED = "partially_passed"


WORST_FIRST = (
    Outcome.NEGATIVE,
    Outcome.PARTIALLY_PASSED,
    Outcome.INCONCLUSIVE,
    Outcome.POSITIVE,
)


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One verdict and why."""

    verdict: bool
    reason: str
    """In English, or as a judge put it."""
    said: tuple[Kept, ...] = ()
    """The same, sentence by sentence, where there are sentences of ours in it."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reason as pages say it."""
        return sentences_of(self.reason, self.said)


def reason_of(verdict: bool, *sentences: str) -> Reason:
    """A reason of these sentences; pages say in their own language what is marked."""
    reason = Reason(verdict, " ".join(sentences))
    marked = any(isinstance(one, Wording) for one in sentences)
    return msgspec.structs.replace(reason, said=tuple(map(kept, sentences)) if marked else ())


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What one evaluator said of one answer."""

    evaluator: str
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    score: float | None = None
    """How near it was, where the evaluator measures something."""

    @property
    def said(self) -> tuple[Kept, ...]:
        """The reasons sentence by sentence; nothing where none of them is ours."""
        if not any(one.said for one in self.reasons):
            return ()
        parts = (one.said or (kept(one.reason),) for one in self.reasons)
        return tuple(sentence for part in parts for sentence in part)


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered to a case, or why it did not."""

    text: str = ""
    trouble: str = ""
    """A sentence where there is no answer."""
    said: Kept | None = None
    """The same, where it is a sentence of ours."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None
    currency: str = ""
    latency_ms: int | None = None
    given: bool = False
    """It was in the case; nobody was asked."""

    @property
    def why(self) -> str:
        """Why there is no answer, as pages say it."""
        return said_again(self.said) if self.said else self.trouble


def unanswered(trouble: str) -> Response:
    """That there is no answer, and why."""
    said = kept(trouble) if isinstance(trouble, Wording) else None
    return Response(trouble=str(trouble), said=said)


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """One case, answered once and judged."""

    case: int
    """Its place in the version."""
    iteration: int
    """From 1 on."""
    response: Response
    evaluations: tuple[Evaluation, ...]
    at: datetime

    @property
    def passed(self) -> bool:
        """Whether every evaluator is content, and there is one."""
        return self.outcome is Outcome.POSITIVE

    @property
    def outcome(self) -> Outcome:
        """The worst that an evaluator says of it; inconclusive where there is none."""
        found = {one.outcome for one in self.evaluations}
        return next((one for one in WORST_FIRST if one in found), Outcome.INCONCLUSIVE)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one version."""

    id: str
    project: str
    name: str
    """Of the test set."""
    version: int
    iterations: int
    model: str = ""
    """The endpoint that answers instead of what cases name; empty for theirs."""
    status: RunStatus = RunStatus.PENDING
    total: int
    """Answers to judge: cases times iterations."""
    completed: int = 0
    trouble: str = ""
    by: str = ""
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in OVER


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run, counted: how many answers had each outcome."""

    answers: dict[Outcome, int] = {}
    """By the worst that an evaluator says."""
    evaluators: dict[str, dict[Outcome, int]] = {}
    failed: int = 0
    """Answers that did not come."""


def tally_of(results: Iterable[CaseResult]) -> Tally:
    """What came of some results."""
    answers: Counter[Outcome] = Counter()
    evaluators: dict[str, Counter[Outcome]] = {}
    failed = 0
    for result in results:
        answers[result.outcome] += 1
        failed += bool(result.response.trouble)
        for one in result.evaluations:
            evaluators.setdefault(one.evaluator, Counter())[one.outcome] += 1
    return Tally(
        answers=dict(answers),
        evaluators={name: dict(found) for name, found in sorted(evaluators.items())},
        failed=failed,
    )


def checked_iterations(iterations: int) -> int:
    """How often each case is answered. Raises Invalid."""
    if iterations not in ITERATIONS:
        raise Invalid("iterations: 1, 3, 5 or 7 is expected", field="iterations")
    return iterations
