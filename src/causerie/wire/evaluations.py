"""The shapes of the Context service's evaluations, as its clients send and read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType


class EvaluatorIn(Struct):
    """A use of an evaluator."""

    evaluator: str
    options: dict[str, Any] | None = None


class LineIn(Struct):
    """A message of a case."""

    message: str
    role: str


class CaseIn(Struct):
    """A test case."""

    name: str
    messages: list[LineIn]
    model: str | None = None
    model_config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    pregenerated_response: str | None = None
    evaluators: list[EvaluatorIn] | None = None


class TestSetIn(Struct):
    """Body of `/api/v1/test_sets`."""

    name: str
    test_cases: list[CaseIn]
    evaluators: list[EvaluatorIn] | None = None
    copy_test_cases_from: str | None = None
    """For those who cannot set a query parameter."""


class TestSetOut(Struct):
    """Which version it became."""

    name: str
    version: int


class SetRemoved(Struct):
    """What went with a test set; ours."""

    name: str
    versions: int
    runs: int
    results: int


class RunRemoved(Struct):
    """What went with a run; ours."""

    id: str
    results: int


class RunIn(Struct):
    """Body of `/api/v1/evaluations/run`."""

    test_set_name: str
    version: int | str
    iterations: int = 1
    model: str = ""
    """An endpoint that answers instead of what the cases name; not of the service."""


class RunData(Struct):
    """Which run it is."""

    run_id: str


class RunAccepted(Struct):
    """Answer to a run."""

    data: RunData
    status: str = "accepted"


class ReasonOut(Struct):
    """One verdict and why."""

    verdict: bool
    reason: str


class Reasoning(Struct):
    """The verdicts of an evaluation."""

    result: list[ReasonOut]


class EvaluationOut(Struct):
    """What an evaluator said of an answer."""

    evaluator_name: str
    outcome: str
    reasoning: Reasoning | UnsetType = UNSET
    score: float | UnsetType = UNSET


class CaseOut(Struct):
    """A case as it was answered."""

    name: str
    input: list[LineIn]
    output: list[LineIn]
    error: str | UnsetType = UNSET


class ResultOut(Struct):
    """One answer to one case, judged."""

    iteration: int
    test_case: CaseOut
    evaluations: list[EvaluationOut]


class ProgressOut(Struct):
    """How far a run is, in answers."""

    completed: int
    pending: int


class DetailsOut(Struct):
    """What is run."""

    test_set_name: str
    version: int
    iterations: int
    model: str


class CostOut(Struct):
    """What the answers cost; judges are not in it."""

    amounts: dict[str, str]
    """By currency."""
    unknown: int
    """Answers whose cost is not known."""


class RunOut(Struct):
    """A run, with its results once it is completed."""

    id: str
    status: str
    progress: ProgressOut
    details: DetailsOut
    started_at: str | UnsetType = UNSET
    ended_at: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    cost: CostOut | UnsetType = UNSET
    results: list[ResultOut] | UnsetType = UNSET


class OnlineIn(Struct, forbid_unknown_fields=True):
    """Body of `/api/v1/evaluations/online`, which is ours."""

    name: str
    evaluator: str
    options: dict[str, Any] = {}
    percent: float = 100.0
    filter: str = ""
    """As in the address of a page: `tenant=acme&language=fr`."""
    enabled: bool = True
    since: datetime | None = None
    """Answers from before are not judged; now if not given."""


class OnlineChangeIn(Struct, forbid_unknown_fields=True):
    """What is to be otherwise; the name is for good."""

    evaluator: str | UnsetType = UNSET
    options: dict[str, Any] | UnsetType = UNSET
    percent: float | UnsetType = UNSET
    filter: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    since: datetime | UnsetType = UNSET


class OnlineOut(Struct):
    """An online evaluator, with what it has said so far."""

    name: str
    evaluator: str
    options: dict[str, Any]
    percent: float
    filter: str
    enabled: bool
    since: str
    revision: int
    by: str
    created_at: str
    changed_at: str
    outcomes: dict[str, int]
