"""The form of one case of a test set: what is said, who answers. Keeping it makes a new version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.cases import CASE_NAME_CHARS_MAX, Case, Line, Speaker, Version, check_cases
from causerie.errors import CauserieError, Conflict, NotFound
from causerie.evaluators import Known
from causerie.store.test_sets import TestSets
from causerie.web.audited import note
from causerie.web.evaluation_forms import plain_reason, uses_in
from causerie.web.evaluation_pages import FORM_BYTES_MAX
from causerie.web.evaluation_words import ROOT, common, set_address
from causerie.web.forms import sentence
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.posts import Form, post, refusal
from causerie.web.signin import Doors, Visitor
from causerie.web.user_addresses import user_of
from causerie.wording import say

PATH = f"{ROOT}/cases/{{set:path}}"
LINES_MAX = 60
"""Messages of a case that the form can show; longer ones are changed as JSON."""
NEW_CASE = Case(name="", messages=())


class CasePages:
    """The pages under `/p/{project}/evaluations/cases`."""

    def __init__(
        self,
        sets: TestSets,
        offers: Offers,
        doors: Doors,
        pages: Pages,
        clock: Callable[[], datetime],
    ) -> None:
        self._sets = sets
        self._offers = offers
        self._doors = doors
        self._pages = pages
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Its addresses."""
        return [
            Route(PATH, self.edit),
            post(self._doors, PATH, Role.MEMBER, self._keep, self._refuse, FORM_BYTES_MAX),
        ]

    def edit(self, request: Request) -> Response:
        """The form of the case that the address names, or of a new one."""
        visitor = self._doors.enter(request, Role.MEMBER)
        given = request.query_params
        name = user_of(request.path_params["set"])
        case = _named(self._cases(visitor, name), given.get("case", ""))
        note(hits=int(bool(case.name)))
        if len(case.messages) > LINES_MAX:
            new = f"{ROOT}/new".replace("{project}", visitor.project.id)
            return RedirectResponse(f"{new}?{urlencode({'set': name, 'case': case.name})}", 303)
        return self._form(request, visitor, _fields_of(name, case))

    def _cases(self, visitor: Visitor, name: str) -> list[Case]:
        """Those of the latest version. Raises NotFound."""
        project = visitor.project.id
        version = self._sets.version(project, name, self._sets.latest(project, name))
        return [case for case in version.cases if not case.is_removed]

    def _form(
        self, request: Request, visitor: Visitor, given: Form, status: int = 200, **context: Any
    ) -> Response:
        project = visitor.project.id
        lines = sum(name.startswith("text_") and bool(given[name].strip()) for name in given)
        offers = self._offers.list(project)
        values = {
            **common(visitor, self._sets),
            "faults": (),
            "given": given,
            "count": min(lines + 1, LINES_MAX),
            "roles": tuple(Speaker),
            "endpoints": {one.id: one.name for one in offers if not one.disabled},
            "CASE_NAME_CHARS_MAX": CASE_NAME_CHARS_MAX,
            **context,
        }
        return self._pages.render(request, "test_case_form.html", visitor, status=status, **values)

    def _keep(self, request: Request, visitor: Visitor, form: Form) -> Response:
        project = visitor.project.id
        name = user_of(request.path_params["set"])
        known = self._sets.evaluators(project)

        def changed(latest: Version) -> list[Case]:
            return _changed(latest, form, known)

        self._sets.revise(project, name, changed, visitor.member.email, self._clock())
        return RedirectResponse(set_address(project, name) + "?done=made", 303)

    def _refuse(
        self, request: Request, visitor: Visitor, form: Form, error: CauserieError
    ) -> Response:
        told = refusal(error)
        told["fault"] = sentence(plain_reason(error.wording))
        told["field"] = (told["field"] or "").removeprefix("test_cases[0].").partition("[")[0]
        fields = {**form, "set": user_of(request.path_params["set"])}
        return self._form(request, visitor, fields, **told)


def _changed(latest: Version, form: Form, known: Known) -> list[Case]:
    """The cases of a version, with the one that a form describes. Raises Invalid, Conflict and
    NotFound.
    """
    was = form.get("was", "")
    cases = [case for case in latest.cases if not case.is_removed]
    before = _named(cases, was)
    made = msgspec.structs.replace(
        before,
        name=form.get("name", "").strip(),
        messages=_lines_of(form),
        model=form.get("model", ""),
        pregenerated_response=form.get("answer", "") if form.get("has") == "given" else None,
        evaluators=tuple(uses_in({"uses": form.get("uses", "")}, known)),
    )
    check_cases([made], latest.evaluators, known)
    if any(case.name == made.name != was for case in cases):
        raise Conflict(say("there is a case of that name"), field="name")
    kept = [made if case is before else case for case in cases]
    return kept if was else [*kept, made]


def _named(cases: list[Case], name: str) -> Case:
    """The case of that name; a new one without. Raises NotFound."""
    if not name:
        return NEW_CASE
    for case in cases:
        if case.name == name:
            return case
    raise NotFound(say("There is no such case in the latest version."))


def _fields_of(name: str, case: Case) -> dict[str, str]:
    """What the form shows of a case."""
    answer = case.pregenerated_response
    fields = {
        "set": name,
        "was": case.name,
        "name": case.name,
        "model": case.model,
        "has": "asked" if answer is None else "given",
        "answer": answer or "",
        # All as JSON: a case names few, and mostly with options.
        "uses": msgspec.json.format(msgspec.json.encode(case.evaluators), indent=2).decode()
        if case.evaluators
        else "",
    }
    for number, line in enumerate(case.messages, 1):
        fields |= {f"role_{number}": line.role, f"text_{number}": line.message}
    return fields


def _lines_of(form: Form) -> tuple[Line, ...]:
    """The messages that are filled in, in their order."""
    numbers = range(1, LINES_MAX + 1)
    found = [(form.get(f"role_{at}", ""), form.get(f"text_{at}", "")) for at in numbers]
    # A form ends lines as mails do.
    return tuple(Line(role, text.replace("\r\n", "\n")) for role, text in found if text.strip())
