"""The pages of runs: all of them, one while it goes on and when it is over, and two against each
other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.cases import Case
from causerie.comparisons import beyond_chance
from causerie.evaluating import Evaluating
from causerie.evaluation_runs import (
    WORST_FIRST,
    CaseResult,
    Evaluation,
    Outcome,
    Run,
    checked_iterations,
)
from causerie.run_comparisons import CaseChange, EvaluatorChange, RunComparison, compare_runs
from causerie.run_reports import outcome_of, report_on
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.test_sets import TestSets
from causerie.web.audited import note
from causerie.web.downloads import download
from causerie.web.evaluation_pages import passings
from causerie.web.evaluation_words import ROOT, common, number_of
from causerie.web.evaluations_api import begun
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.posts import Form, post
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

ONE = ROOT + "/runs/{run}"
ANSWERS_PER_PAGE = 25
CHANGES_SHOWN = 25
DONE = {"removed": say("The run is deleted, with its results.")}
KINDS = ("csv", "json", "parquet")
CHANCE_MAX = 0.05
"""Of the differences that are told, at most that share is chance on average."""
SHOWN_MAX = 100
"""Runs in the list."""
COLUMNS = (
    *("case", "iteration", "outcome", "evaluator", "evaluation", "reason", "score", "question"),
    *("answer", "error", "input_tokens", "output_tokens", "cost", "currency", "latency_ms"),
)


@dataclass(frozen=True)
class ShownAnswer:
    """An answer in the list of a run."""

    case: Case
    result: CaseResult

    @property
    def evaluations(self) -> list[Evaluation]:
        """What did not pass first."""
        found = self.result.evaluations
        return sorted(found, key=lambda one: WORST_FIRST.index(one.outcome))

    @property
    def asked(self) -> str:
        """The last message of the user."""
        said = [line.message for line in self.case.messages if line.role == "user"]
        return said[-1] if said else ""


@dataclass(frozen=True)
class ShownChange:
    """A case that came out otherwise, with an answer of each run."""

    change: CaseChange
    case: Case
    before: CaseResult | None
    now: CaseResult | None


class RunPages:
    """The pages under `/p/{project}/evaluations/runs`, and the comparison. `new_uid` names runs."""

    def __init__(
        self,
        sets: TestSets,
        runs: EvaluationRuns,
        evaluating: Evaluating,
        offers: Offers,
        doors: Doors,
        pages: Pages,
        clock: Callable[[], datetime],
        new_uid: Callable[[], str],
    ) -> None:
        self._sets = sets
        self._runs = runs
        self._evaluating = evaluating
        self._offers = offers
        self._doors = doors
        self._pages = pages
        self._clock = clock
        self._new_uid = new_uid

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        return [
            Route(f"{ROOT}/runs", self.index),
            post(self._doors, f"{ROOT}/runs", Role.MEMBER, self._begin),
            Route(f"{ROOT}/compare", self.compare),
            Route(ONE, self.show),
            Route(f"{ONE}/progress", self.progress),
            post(self._doors, f"{ONE}/remove", Role.MEMBER, self._remove),
        ]

    # ---- all runs ----------------------------------------------------------------------------

    def index(self, request: Request) -> Response:
        """The latest runs of all sets."""
        visitor = self._doors.enter(request)
        project = visitor.project.id
        runs = self._runs.list(project)[:SHOWN_MAX]
        return self._render(
            request,
            visitor,
            "evaluation_runs.html",
            runs=runs,
            passings=passings(self._runs, project, runs),
            done=DONE.get(request.query_params.get("done", ""), ""),
        )

    def _begin(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """Begin a run, or find the one that there is."""
        project, name = visitor.project.id, form.get("set", "")
        run = begun(
            self._sets,
            self._runs,
            project,
            (name, number_of(form.get("version", ""), 1)),
            checked_iterations(number_of(form.get("iterations", ""), 1)),
            form.get("model", ""),
            visitor.member.email,
            self._new_uid(),
            self._clock(),
        )
        self._evaluating.wake()
        return RedirectResponse(f"/p/{project}/evaluations/runs/{run.id}", 303)

    # ---- one run -----------------------------------------------------------------------------

    def show(self, request: Request) -> Response:
        """A run: what passed, what it took, the answers; or all of them to take away."""
        visitor = self._doors.enter(request)
        given = request.query_params
        run = self._runs.get(visitor.project.id, request.path_params["run"])
        kind = given.get("format", "")
        if kind in KINDS:
            name = f"{visitor.project.id}-evaluation-{run.id[:12]}"
            return download(kind, name, COLUMNS, list(self._rows(run)))
        evaluator, outcome = given.get("evaluator", ""), _outcome(given.get("outcome", ""))
        report = report_on(self._runs.results(run), run.iterations, evaluator, outcome)
        note(hits=len(report.places))
        pages = max(1, -(-len(report.places) // ANSWERS_PER_PAGE))
        page = min(number_of(given.get("page", ""), 1), pages)
        first = (page - 1) * ANSWERS_PER_PAGE
        return self._render(
            request,
            visitor,
            "evaluation_run.html",
            run=run,
            report=report,
            evaluator=evaluator,
            outcome=outcome,
            answers=self._answers(run, report.places[first : first + ANSWERS_PER_PAGE]),
            page=page,
            pages=pages,
            other=self._other(run),
            has_newer=self._sets.latest(run.project, run.name) > run.version,
        )

    def _other(self, run: Run) -> Run | None:
        """What a run is best compared with: the one before it that is over, else one after."""
        found = [one for one in self._runs.list(run.project, run.name) if one.is_over]
        found = [one for one in found if one.id != run.id]
        before = (one for one in found if one.created_at <= run.created_at)
        return next(before, None) or next(iter(reversed(found)), None)

    def _answers(self, run: Run, places: Sequence[tuple[int, int]]) -> list[ShownAnswer]:
        cases = self._sets.version(run.project, run.name, run.version).cases
        return [ShownAnswer(cases[result.case], result) for result in self._runs.some(run, places)]

    def _rows(self, run: Run) -> Iterator[dict[str, Any]]:
        """A row for each evaluator of each answer."""
        cases = self._sets.version(run.project, run.name, run.version).cases
        for result in self._runs.results(run):
            case, response = cases[result.case], result.response
            asked = [line.message for line in case.messages if line.role == "user"]
            about = {
                "case": case.name,
                "iteration": result.iteration,
                "outcome": result.outcome.value,
                "question": asked[-1] if asked else "",
                "answer": response.text,
                "error": response.trouble,
                "input_tokens": response.input_tokens,
                "output_tokens": response.output_tokens,
                "cost": None if response.cost is None else str(response.cost),
                "currency": response.currency,
                "latency_ms": response.latency_ms,
            }
            nothing = {"evaluator": "", "evaluation": "", "reason": "", "score": None}
            for one in result.evaluations:
                reason = " ".join(each.reason for each in one.reasons)
                yield {
                    **about,
                    "evaluator": one.evaluator,
                    "evaluation": one.outcome.value,
                    "reason": reason,
                    "score": one.score,
                }
            if not result.evaluations:
                yield {**about, **nothing}

    def progress(self, request: Request) -> Response:
        """How far a run is, as a part of its page, which is loaded anew when it is over."""
        visitor = self._doors.enter(request)
        run = self._runs.get(visitor.project.id, request.path_params["run"])
        answer = self._render(request, visitor, "run_progress.html", run=run)
        if run.is_over:
            answer.headers["HX-Refresh"] = "true"
        return answer

    def _remove(self, request: Request, visitor: Visitor, form: Form) -> Response:
        project = visitor.project.id
        self._runs.remove(project, request.path_params["run"])
        return RedirectResponse(f"/p/{project}/evaluations/runs?done=removed", 303)

    # ---- two runs ----------------------------------------------------------------------------

    def compare(self, request: Request) -> Response:
        """Two runs against each other; without them, the form that asks which."""
        visitor = self._doors.enter(request)
        given, project = request.query_params, visitor.project.id
        ids = [given.get("before", ""), given.get("now", "")]
        pair = [self._runs.get(project, id) for id in ids] if all(ids) else []
        name = pair[1].name if pair else given.get("set", "")
        runs = [one for one in self._runs.list(project) if one.is_over]
        context: dict[str, Any] = {"comparison": None, "changes": [], "page": 1, "pages": 1}
        if pair:
            comparison = self._compared(*pair)
            pages = max(1, -(-len(comparison.changes) // CHANGES_SHOWN))
            page = min(number_of(given.get("page", ""), 1), pages)
            first = (page - 1) * CHANGES_SHOWN
            shown = comparison.changes[first : first + CHANGES_SHOWN]
            note(hits=len(shown))
            context = {
                "comparison": comparison,
                "sure": _sure(comparison.evaluators),
                "changes": self._shown(pair[0], pair[1], shown),
                "page": page,
                "pages": pages,
            }
        return self._render(
            request,
            visitor,
            "run_comparison.html",
            # Runs of one set first: the others have other cases, mostly.
            runs=sorted(runs, key=lambda one: one.name != name),
            before=pair[0] if pair else None,
            after=pair[1] if pair else None,
            **context,
        )

    def _compared(self, before: Run, now: Run) -> RunComparison:
        return compare_runs(
            (self._cases(before), self._runs.results(before)),
            (self._cases(now), self._runs.results(now)),
        )

    def _cases(self, run: Run) -> Sequence[Case]:
        return self._sets.version(run.project, run.name, run.version).cases

    def _shown(self, before: Run, now: Run, changes: Sequence[CaseChange]) -> list[ShownChange]:
        """Changes with the answers that tell most of them: what failed where it got worse."""
        then, since = self._by_case(before, changes), self._by_case(now, changes)
        cases = {case.name: case for run in (before, now) for case in self._cases(run)}
        found = []
        for change in changes:
            worse = change.difference is not None and change.difference < 0
            found.append(
                ShownChange(
                    change,
                    cases[change.case],
                    _telling(then.get(change.case, []), change.evaluator, best=worse),
                    _telling(since.get(change.case, []), change.evaluator, best=not worse),
                )
            )
        return found

    def _by_case(
        self, run: Run, changes: Sequence[CaseChange]
    ) -> Mapping[str, Sequence[CaseResult]]:
        wanted = {change.case for change in changes}
        cases = self._cases(run)
        places = [
            (at, iteration)
            for at, case in enumerate(cases)
            if case.name in wanted
            for iteration in range(1, run.iterations + 1)
        ]
        found: dict[str, list[CaseResult]] = {}
        for result in self._runs.some(run, places):
            found.setdefault(cases[result.case].name, []).append(result)
        return found

    def _render(
        self, request: Request, visitor: Visitor, template: str, **context: Any
    ) -> Response:
        names = self._offers.names(visitor.project.id)
        values = {**common(visitor, self._sets), "endpoints": names, **context}
        return self._pages.render(request, template, visitor, **values)


def _telling(results: Sequence[CaseResult], evaluator: str, *, best: bool) -> CaseResult | None:
    """One of several answers to a case: the first that passed, or that did not."""
    fitting = (one for one in results if (outcome_of(one, evaluator) is Outcome.POSITIVE) is best)
    return next(fitting, results[0] if results else None)


def _outcome(text: str) -> Outcome | None:
    return Outcome(text) if text in set(Outcome) else None


def _sure(changes: Sequence[EvaluatorChange]) -> set[str]:
    """The evaluators whose differences are more than chance, of all where one was possible."""
    moved = [one for one in changes if one.worse or one.better]
    found = beyond_chance([one.chance for one in moved], CHANCE_MAX)
    return {one.evaluator for one, told in zip(moved, found, strict=True) if told}
