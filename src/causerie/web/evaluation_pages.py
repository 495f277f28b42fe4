"""The pages of test sets: all of them, one with its cases and runs, a new one or a new version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.cases import (
    CASES_MAX,
    EVALUATORS_MAX,
    Case,
    CopyFrom,
    Summary,
    Version,
    check_cases,
    checked_set_name,
)
from causerie.errors import CauserieError, Conflict, Invalid, NotFound
from causerie.evaluation_runs import ITERATIONS, Run
from causerie.evaluators import EvaluatorUse, Known, check_uses
from causerie.run_estimates import Estimate, Estimates
from causerie.run_reports import Passing
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.test_sets import Source, TestSets
from causerie.web.audited import note
from causerie.web.evaluation_forms import as_line, fields_of_uses, read_cases, uses_in
from causerie.web.evaluation_words import ROOT, common, number_of, set_address
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.posts import Form, post, refusal
from causerie.web.signin import Doors, Visitor
from causerie.web.user_addresses import user_of
from causerie.wording import say

CASES_PER_PAGE = 25
RUNS_SHOWN = 50
LINES_SHOWN = 3
FORM_BYTES_MAX = 8 * 1024 * 1024
"""Of a form with cases. More comes by the API or `causerie eval add`."""
ESTIMATED_MAX = 1_000
"""Cases whose tokens are counted without being asked to."""
PRIOR, NONE = CopyFrom.PRIOR_VERSION.value, CopyFrom.NONE.value
NDJSON = "application/x-ndjson"
DONE = {
    "made": say("The version is made. Runs of versions before stay as they are."),
    "talks": say("The conversations are cases now. Look through them before a run."),
    "dropped": say("The case is left out of this version. It stays in those before."),
    "removed": say("The test set is deleted, with its versions, runs and results."),
}
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class SetLine:
    """A test set in the list."""

    latest: Summary
    run: Run | None
    """The last one, of any version."""
    passing: Passing | None
    """Of that run, once it is over."""


@dataclass(frozen=True)
class ShortCase:
    """A case in a list: the last messages alone."""

    case: Case
    before: int
    """Messages that are not shown."""

    @property
    def lines(self) -> Sequence[Any]:
        return self.case.messages[self.before :]


@dataclass(frozen=True)
class Plan:
    """A run that could be: what it takes, and the one that there is already."""

    iterations: int
    model: str
    estimate: Estimate | None
    """None where nobody asked yet and counting would take long."""
    run: Run | None


class EvaluationPages:
    """The pages under `/p/{project}/evaluations` that are about test sets. `has_judge` tells of a
    project whether it has a language model that judges.
    """

    def __init__(
        self,
        sets: TestSets,
        runs: EvaluationRuns,
        estimates: Estimates,
        offers: Offers,
        doors: Doors,
        pages: Pages,
        clock: Clock,
        has_judge: Callable[[str], bool],
    ) -> None:
        self._sets = sets
        self._runs = runs
        self._estimates = estimates
        self._offers = offers
        self._doors = doors
        self._pages = pages
        self._clock = clock
        self._has_judge = has_judge

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        new = f"{ROOT}/new"
        return [
            Route(ROOT, self.index),
            Route(new, self.new),
            post(self._doors, new, Role.MEMBER, self._add, self._refuse, FORM_BYTES_MAX),
            post(self._doors, f"{ROOT}/drop", Role.MEMBER, self._drop),
            post(self._doors, f"{ROOT}/remove", Role.MEMBER, self._remove),
            Route(f"{ROOT}/sets/{{set:path}}", self.show),
        ]

    # ---- all sets ----------------------------------------------------------------------------

    def index(self, request: Request) -> Response:
        """Every test set, with what came of its last run."""
        visitor = self._doors.enter(request)
        project = visitor.project.id
        latest: dict[str, Summary] = {}
        for summary in self._sets.versions(project):
            latest.setdefault(summary.name, summary)
        last: dict[str, Run] = {}
        for run in self._runs.list(project):
            last.setdefault(run.name, run)
        found = passings(self._runs, project, list(last.values()))
        lines = [
            SetLine(one, last.get(name), found.get(last[name].id) if name in last else None)
            for name, one in latest.items()
        ]
        done = DONE.get(request.query_params.get("done", ""), "")
        return self._render(request, visitor, "evaluations.html", lines=lines, done=done)

    # ---- one set -----------------------------------------------------------------------------

    def show(self, request: Request) -> Response:
        """A version of a set: its cases, its runs, and what another run would take; or its cases to
        take away, as they can be given again.
        """
        visitor = self._doors.enter(request)
        given, project = request.query_params, visitor.project.id
        name = user_of(request.path_params["set"])
        versions = self._sets.versions(project, name)
        if not versions:
            raise NotFound(say("There is no such test set in this project."))
        number = number_of(given.get("version", ""), versions[0].version)
        version = self._sets.version(project, name, number)
        cases = [case for case in version.cases if not case.is_removed]
        note(hits=len(cases))
        if given.get("format") == "jsonl":
            return _as_lines(f"{project}-cases-{number}", cases)
        wanted = given.get("case", "").strip()
        found = [case for case in cases if wanted.lower() in _text(case)] if wanted else cases
        pages = max(1, -(-len(found) // CASES_PER_PAGE))
        page = min(number_of(given.get("page", ""), 1), pages)
        runs = self._runs.list(project, name)[:RUNS_SHOWN]
        return self._render(
            request,
            visitor,
            "test_set.html",
            set=version,
            versions=versions,
            is_latest=number == versions[0].version,
            cases=[_shortened(case) for case in _page_of(found, page)],
            count=len(cases),
            found=len(found),
            wanted=wanted,
            removed=len(version.cases) - len(cases),
            page=page,
            pages=pages,
            runs=runs,
            passings=passings(self._runs, project, runs),
            endpoints=self._usable(project),
            plan=self._plan(version, given, len(cases)),
            judges=self._has_judge(project),
            extent=self._sets.extent(project, name),
            done=DONE.get(given.get("done", ""), ""),
        )

    def _usable(self, project: str) -> dict[str, str]:
        return {one.id: one.name for one in self._offers.list(project) if not one.disabled}

    def _plan(self, version: Version, given: Mapping[str, str], cases: int) -> Plan:
        """What a run would take, and the run where there is one like it."""
        project, model = version.project, given.get("model", "")
        iterations = number_of(given.get("iterations", ""), ITERATIONS[0])
        iterations = iterations if iterations in ITERATIONS else ITERATIONS[0]
        alike = (version.version, iterations, model)
        same = (
            run
            for run in self._runs.list(project, version.name)
            if (run.version, run.iterations, run.model) == alike
        )
        estimate = None
        if cases <= ESTIMATED_MAX or "iterations" in given:
            offers = self._offers.list(project)
            estimate = self._estimates.of(version, iterations, model, offers)
        return Plan(iterations, model, estimate, next(same, None))

    def _drop(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """The next version of a set, without a case."""
        project, name, named = visitor.project.id, form.get("set", ""), form.get("case", "")

        def left(latest: Version) -> list[Case]:
            return [case for case in latest.cases if not case.is_removed and case.name != named]

        self._sets.revise(project, name, left, visitor.member.email, self._clock())
        return RedirectResponse(set_address(project, name) + "?done=dropped", 303)

    def _remove(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """A set goes with its versions, runs and results."""
        project, name = visitor.project.id, form.get("set", "")
        note(object=("test set", name))
        self._sets.remove(project, name)
        return RedirectResponse(f"/p/{project}/evaluations?done=removed", 303)

    # ---- a new set or version ----------------------------------------------------------------

    def new(self, request: Request) -> Response:
        """The form of a new set, or with `set` in the address of its next version; with `case`, of
        one that has that case otherwise.
        """
        visitor = self._doors.enter(request, Role.MEMBER)
        given, project = request.query_params, visitor.project.id
        name = given.get("set", "")
        before = self._latest(project, name) if name else None
        if before is None:
            fields = {"use_attempts_answer": "on", "copy": NONE}
            return self._form(request, visitor, fields)
        fields = fields_of_uses(before.evaluators, self._sets.evaluators(project))
        cases = [case for case in before.cases if case.name and case.name == given.get("case")]
        note(hits=len(cases))
        text = "\n".join(map(as_line, cases))
        fields |= {"set": name, "name": name, "copy": PRIOR, "cases": text}
        return self._form(request, visitor, fields)

    def _latest(self, project: str, name: str) -> Version:
        return self._sets.version(project, name, self._sets.latest(project, name))

    def _form(
        self, request: Request, visitor: Visitor, given: Form, status: int = 200, **context: Any
    ) -> Response:
        project = visitor.project.id
        name = given.get("set", "")
        sources = [one for one in self._sets.versions(project) if one.name != name]
        return self._render(
            request,
            visitor,
            "test_set_form.html",
            status,
            given=given,
            before=self._latest(project, name) if name else None,
            versions=self._sets.versions(project, name) if name else [],
            sources=sources[:RUNS_SHOWN],
            endpoints=self._usable(project),
            **{"faults": (), **context},
        )

    def _add(self, request: Request, visitor: Visitor, form: Form) -> Response:
        project, by = visitor.project.id, visitor.member.email
        known = self._sets.evaluators(project)
        name = form.get("set", "") or checked_set_name(form.get("name", ""))
        if not form.get("set") and self._sets.versions(project, name):
            raise Conflict(
                say("there is a set of that name: its page makes the next version of it"),
                field="name",
            )
        read, uses = read_cases(form, known), uses_in(form, known)
        if read.faults:
            return self._form(request, visitor, form, 400, faults=read.faults, field="cases")
        copy = _copied(form)
        _check(read.cases, copy, uses, known)
        self._sets.add(project, name, read.cases, uses, copy, by, self._clock())
        return RedirectResponse(set_address(project, name) + "?done=made", 303)

    def _refuse(
        self, request: Request, visitor: Visitor, form: Form, error: CauserieError
    ) -> Response:
        return self._form(request, visitor, form, **refusal(error))

    def _render(
        self, request: Request, visitor: Visitor, template: str, status: int = 200, **context: Any
    ) -> Response:
        values = {**common(visitor, self._sets), **context}
        return self._pages.render(request, template, visitor, status=status, **values)


def passings(runs: EvaluationRuns, project: str, of: Sequence[Run]) -> dict[str, Passing]:
    """What came of the answers of runs that are over and judged something, by run."""
    told = runs.tallies(project, [run.id for run in of])
    return {
        run.id: Passing(told[run.id].answers, run.iterations)
        for run in of
        if run.id in told and told[run.id].evaluators
    }


def _copied(form: Form) -> CopyFrom | Source:
    """Where a form takes further cases from."""
    copy = form.get("copy", NONE)
    if copy == PRIOR and form.get("set"):
        return CopyFrom.PRIOR_VERSION
    number, _, source = copy.partition(" ")
    return (source, number_of(number, 1)) if source else CopyFrom.NONE


def _check(
    cases: Sequence[Case], copy: CopyFrom | Source, uses: Sequence[EvaluatorUse], known: Known
) -> None:
    """Raises Invalid. Other evaluators for the same cases are a version too."""
    if cases or copy is CopyFrom.NONE:
        if not 1 <= len(cases) <= CASES_MAX:
            words = say("cases: 1 to %(most)s are expected, one a line", most=CASES_MAX)
            raise Invalid(words, field="cases")
        check_cases(cases, uses, known)
    else:
        check_uses(uses, known, "evaluators", EVALUATORS_MAX)


def _as_lines(name: str, cases: Sequence[Case]) -> Response:
    note(format="jsonl", rows=len(cases))
    body = b"".join(msgspec.json.encode(case) + b"\n" for case in cases)
    headers = {"Content-Disposition": f'attachment; filename="{name}.jsonl"'}
    return Response(body, media_type=NDJSON, headers=headers)


def _text(case: Case) -> str:
    """What a search in the cases looks at, in small letters."""
    said = (line.message for line in case.messages)
    metadata = msgspec.json.encode(case.metadata).decode() if case.metadata else ""
    return "\n".join([case.name, *said, metadata]).lower()


def _page_of(cases: Sequence[Case], page: int) -> Sequence[Case]:
    return cases[(page - 1) * CASES_PER_PAGE : page * CASES_PER_PAGE]


def _shortened(case: Case) -> ShortCase:
    return ShortCase(case, max(0, len(case.messages) - LINES_SHOWN))
