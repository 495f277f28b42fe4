"""The pages of evaluators: what every project has, and those that it made itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.errors import CauserieError, Conflict, NotFound
from causerie.evaluators import ALL, INSTRUCTIONS_CHARS_MAX, NAME_CHARS_MAX, CustomEvaluator, Where
from causerie.meaning_settings import Service
from causerie.store.test_sets import TestSets
from causerie.web.evaluation_forms import custom_of, fields_of_custom
from causerie.web.evaluation_words import CONTEXT_WORDS, ROOT, WITHOUT_JUDGE, common
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.posts import Form, post, refusal
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

PATH = f"{ROOT}/evaluators"
DONE = {
    "made": say("The evaluator is made. Test sets can name it from now on."),
    "changed": say("The evaluator is changed. Runs from now on ask it so."),
    "removed": say("The evaluator is gone. What it said stays; sets that name it get no answer."),
}
Clock = Callable[[], datetime]


class EvaluatorPages:
    """The pages under `/p/{project}/evaluations/evaluators`. `judge` tells whom a project asks."""

    def __init__(
        self,
        sets: TestSets,
        judge: Callable[[str], Service],
        offers: Offers,
        doors: Doors,
        pages: Pages,
        clock: Clock,
    ) -> None:
        self._sets = sets
        self._judge = judge
        self._offers = offers
        self._doors = doors
        self._pages = pages
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        one = f"{PATH}/{{evaluator}}"
        return [
            Route(PATH, self.index),
            Route(f"{PATH}/new", self.new),
            post(self._doors, PATH, Role.MEMBER, self._add, self._refuse),
            Route(one, self.edit),
            post(self._doors, one, Role.MEMBER, self._change, self._refuse),
            post(self._doors, f"{one}/remove", Role.MEMBER, self._remove),
        ]

    def index(self, request: Request) -> Response:
        """All evaluators."""
        visitor = self._doors.enter(request)
        done = DONE.get(request.query_params.get("done", ""), "")
        return self._render(request, visitor, "evaluators.html", done=done)

    def new(self, request: Request) -> Response:
        """The form of a new one."""
        visitor = self._doors.enter(request, Role.MEMBER)
        return self._form(request, visitor, {"context": Where.MODEL_RESPONSE_ONLY.value})

    def edit(self, request: Request) -> Response:
        """The form of one that the project made."""
        visitor = self._doors.enter(request, Role.MEMBER)
        one = self._own(request, visitor)
        return self._form(request, visitor, fields_of_custom(one), one)

    def _own(self, request: Request, visitor: Visitor) -> CustomEvaluator:
        found = self._sets.evaluators(visitor.project.id).get(request.path_params["evaluator"])
        if found is None:
            raise NotFound(say("There is no such evaluator in this project."))
        return found

    def _form(
        self,
        request: Request,
        visitor: Visitor,
        given: Form,
        one: CustomEvaluator | None = None,
        status: int = 200,
        **context: Any,
    ) -> Response:
        return self._render(
            request,
            visitor,
            "evaluator_form.html",
            status,
            given=given,
            one=one,
            contexts={where.value: words for where, words in CONTEXT_WORDS.items()},
            **context,
        )

    def _render(
        self, request: Request, visitor: Visitor, template: str, status: int = 200, **context: Any
    ) -> Response:
        project = visitor.project.id
        values = {
            **common(visitor, self._sets),
            "faults": (),
            "built_in": ALL,
            "judge": self._judge(project),
            "endpoints": self._offers.names(project),
            "CONTEXT_WORDS": CONTEXT_WORDS,
            "WITHOUT_JUDGE": WITHOUT_JUDGE,
            "NAME_CHARS_MAX": NAME_CHARS_MAX,
            "INSTRUCTIONS_CHARS_MAX": INSTRUCTIONS_CHARS_MAX,
            **context,
        }
        return self._pages.render(request, template, visitor, status=status, **values)

    # ---- what their forms do -----------------------------------------------------------------

    def _add(self, request: Request, visitor: Visitor, form: Form) -> Response:
        made = custom_of(form, visitor.project.id, visitor.member.email, self._clock())
        if made.identifier in self._sets.evaluators(made.project):
            raise Conflict(say("there is an evaluator of that name"), field="name")
        self._sets.put_evaluator(made)
        return self._back(visitor, "made")

    def _change(self, request: Request, visitor: Visitor, form: Form) -> Response:
        before = self._own(request, visitor)
        by = visitor.member.email
        self._sets.put_evaluator(custom_of(form, before.project, by, self._clock(), before))
        return self._back(visitor, "changed")

    def _remove(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._sets.remove_evaluator(visitor.project.id, request.path_params["evaluator"])
        return self._back(visitor, "removed")

    def _refuse(
        self, request: Request, visitor: Visitor, form: Form, error: CauserieError
    ) -> Response:
        named = "evaluator" in request.path_params
        one = self._own(request, visitor) if named else None
        return self._form(request, visitor, form, one, **refusal(error))

    def _back(self, visitor: Visitor, done: str) -> Response:
        path = PATH.replace("{project}", visitor.project.id)
        return RedirectResponse(f"{path}?done={done}", 303)
