"""The Context service's evaluations: test sets, runs, results (docs/evaluations.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import UNSET
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.accounts import Access, Key, Project
from causerie.cases import Case, CopyFrom, Line, Version, check_cases, checked_set_name
from causerie.clock import Clock
from causerie.errors import Invalid
from causerie.evaluating import Evaluating
from causerie.evaluation_runs import (
    CaseResult,
    Evaluation,
    Run,
    RunStatus,
    checked_iterations,
)
from causerie.evaluators import EvaluatorUse
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.test_sets import TestSets
from causerie.web.audited import note
from causerie.web.edge import JSONResponse, Keys, read_body
from causerie.web.transcripts import iso
from causerie.wire import evaluations as wire

Shape = TypeVar("Shape")


class EvaluationsAPI:
    """Rows 5 to 7 of the endpoint table. Sets and runs take an admin key: a run spends money."""

    def __init__(
        self,
        keys: Keys,
        sets: TestSets,
        runs: EvaluationRuns,
        evaluating: Evaluating,
        clock: Clock,
        new_uid: Callable[[], str],
    ) -> None:
        self._keys = keys
        self._sets = sets
        self._runs = runs
        self._evaluating = evaluating
        self._clock = clock
        self._new_uid = new_uid

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/api/v1/test_sets", self.add, methods=["POST"]),
            Route("/api/v1/test_sets", self.sets),
            Route("/api/v1/test_sets/{set:path}", self.remove, methods=["DELETE"]),
            Route("/api/v1/evaluations/run", self.run, methods=["POST"]),
            Route("/api/v1/evaluations/run", self.runs),
            Route("/api/v1/evaluations/run/{run}", self.result),
            Route("/api/v1/evaluations/run/{run}", self.remove_run, methods=["DELETE"]),
        ]

    async def add(self, request: Request) -> Response:
        """The next version of a test set."""
        key, project = await run_in_threadpool(self._keys.find, request, Access.ADMIN)
        body = decoded(await read_body(request), wire.TestSetIn)
        copy = _copy(request.query_params.get("copy_test_cases_from") or body.copy_test_cases_from)
        return await run_in_threadpool(self._add, key, project, body, copy)

    def _add(self, key: Key, project: Project, body: wire.TestSetIn, copy: CopyFrom) -> Response:
        name, uses = checked_set_name(body.name), uses_of(body.evaluators)
        cases = [case_of(case) for case in body.test_cases]
        check_cases(cases, uses, self._sets.evaluators(project.id))
        by = key.name or key.id
        made = self._sets.add(project.id, name, cases, uses, copy, by, self._clock())
        return JSONResponse(wire.TestSetOut(made.name, made.version), 201)

    def sets(self, request: Request) -> Response:
        """Every version of every set, or of the one named by `name`, the newest first."""
        project = self._keys.find(request, Access.READ)[1]
        found = self._sets.versions(project.id, request.query_params.get("name", ""))
        return JSONResponse({"test_sets": [msgspec.to_builtins(one) for one in found]})

    def remove(self, request: Request) -> Response:
        """Forget a set with its versions, runs and results."""
        project = self._keys.find(request, Access.ADMIN)[1]
        name = request.path_params["set"]
        gone = self._sets.remove(project.id, name)
        return JSONResponse(wire.SetRemoved(name, gone.versions, gone.runs, gone.results))

    async def run(self, request: Request) -> Response:
        """Begin a run, or find the one that there is of this version."""
        key, project = await run_in_threadpool(self._keys.find, request, Access.ADMIN)
        body = decoded(await read_body(request), wire.RunIn)
        return await run_in_threadpool(self._begin, key, project, body)

    def _begin(self, key: Key, project: Project, body: wire.RunIn) -> Response:
        run = begun(
            self._sets,
            self._runs,
            project.id,
            (body.test_set_name, _number(body.version)),
            checked_iterations(body.iterations),
            body.model,
            key.name or key.id,
            self._new_uid(),
            self._clock(),
        )
        self._evaluating.wake()
        return JSONResponse(wire.RunAccepted(wire.RunData(run.id)), 202)

    def runs(self, request: Request) -> Response:
        """The latest runs, the newest first, without their results."""
        project = self._keys.find(request, Access.READ)[1]
        found = self._runs.list(project.id, request.query_params.get("test_set_name", ""))
        return JSONResponse({"runs": [told(run) for run in found]})

    def result(self, request: Request) -> Response:
        """A run, with its results when it is over."""
        project = self._keys.find(request, Access.READ)[1]
        run = self._runs.get(project.id, request.path_params["run"])
        if not run.is_over:
            return JSONResponse(told(run))
        version = self._sets.version(project.id, run.name, run.version)
        results = list(self._runs.results(run))
        # Cases may be of conversations that were held. How far a run is tells nothing of them.
        note(hits=len(results))
        return JSONResponse(told(run, version, results))

    def remove_run(self, request: Request) -> Response:
        """Forget a run with its results; one that is under way stops."""
        project, id = self._keys.find(request, Access.ADMIN)[1], request.path_params["run"]
        return JSONResponse(wire.RunRemoved(id, self._runs.remove(project.id, id)))


def begun(
    sets: TestSets,
    runs: EvaluationRuns,
    project: str,
    of: tuple[str, int],
    iterations: int,
    model: str,
    by: str,
    id: str,
    now: datetime,
) -> Run:
    """A new run of a version, or the one that there is. Raises NotFound."""
    version = sets.version(project, *of)
    return runs.begin(
        Run(
            id=id,
            project=project,
            name=version.name,
            version=version.version,
            iterations=iterations,
            model=model,
            total=sum(not case.is_removed for case in version.cases) * iterations,
            by=by,
            created_at=now,
        )
    )


def decoded(body: bytes, shape: type[Shape]) -> Shape:
    """A body of that shape. Raises Invalid."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid(f"body: {error}", field="body") from error


def _copy(text: str | None) -> CopyFrom:
    if not text:
        return CopyFrom.PRIOR_VERSION
    if text not in set(CopyFrom):
        words = "none or prior_version is expected"
        raise Invalid(f"copy_test_cases_from: {words}", field="copy_test_cases_from")
    return CopyFrom(text)


def _number(version: int | str) -> int:
    """An old client sends the number as a text."""
    if isinstance(version, str):
        if not (version.isascii() and version.isdecimal() and len(version) < 10):
            raise Invalid("version: a number is expected", field="version")
        return int(version)
    return version


def uses_of(given: Iterable[wire.EvaluatorIn] | None) -> tuple[EvaluatorUse, ...]:
    """Uses of evaluators, as they are kept."""
    return tuple(EvaluatorUse(one.evaluator, one.options or {}) for one in given or ())


def case_of(given: wire.CaseIn) -> Case:
    """A case, as it is kept."""
    return Case(
        name=given.name,
        messages=tuple(Line(line.role, line.message) for line in given.messages),
        model=given.model or "",
        model_config=given.model_config or {},
        metadata=given.metadata or {},
        pregenerated_response=given.pregenerated_response,
        evaluators=uses_of(given.evaluators),
    )


# ---- a run as it is told -------------------------------------------------------------------------


def told(
    run: Run, version: Version | None = None, results: Sequence[CaseResult] | None = None
) -> wire.RunOut:
    """A run as the API says it."""
    done = run.total if run.status is RunStatus.COMPLETED else run.completed
    return wire.RunOut(
        id=run.id,
        status=run.status.value,
        progress=wire.ProgressOut(completed=done, pending=run.total - done),
        details=wire.DetailsOut(run.name, run.version, run.iterations, run.model),
        started_at=UNSET if run.started_at is None else iso(run.started_at),
        ended_at=UNSET if run.ended_at is None else iso(run.ended_at),
        error=run.trouble or UNSET,
        cost=UNSET if results is None else _cost(results),
        results=UNSET
        if results is None or version is None
        else list(_results(version.cases, results)),
    )


def _results(cases: Sequence[Case], results: Iterable[CaseResult]) -> Iterator[wire.ResultOut]:
    for result in results:
        case, response = cases[result.case], result.response
        lines = [wire.LineIn(line.message, line.role) for line in case.messages]
        output = [] if response.trouble else [wire.LineIn(response.text, "assistant")]
        yield wire.ResultOut(
            iteration=result.iteration,
            test_case=wire.CaseOut(case.name, lines, output, response.trouble or UNSET),
            evaluations=[_evaluation(one) for one in result.evaluations],
        )


def _evaluation(one: Evaluation) -> wire.EvaluationOut:
    reasons = [wire.ReasonOut(each.verdict, each.reason) for each in one.reasons]
    return wire.EvaluationOut(
        evaluator_name=one.evaluator,
        outcome=one.outcome.value,
        reasoning=wire.Reasoning(reasons) if reasons else UNSET,
        score=UNSET if one.score is None else one.score,
    )


def _cost(results: Iterable[CaseResult]) -> wire.CostOut:
    amounts: dict[str, Decimal] = {}
    unknown = 0
    for result in results:
        response = result.response
        if response.cost is not None:
            known = amounts.get(response.currency, Decimal())
            amounts[response.currency] = known + response.cost
        elif not response.given:
            unknown += 1
    return wire.CostOut({name: str(amount) for name, amount in amounts.items()}, unknown)
