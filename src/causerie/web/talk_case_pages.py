"""Cases of conversations: those of a filter or a topic, or picked ones, go into a test set."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.cases import Case, CopyFrom, check_cases, checked_set_name
from causerie.errors import CauserieError, Conflict, Invalid, NotFound
from causerie.evaluators import EvaluatorUse
from causerie.reports import PER_PAGE_MAX, ConversationRow, Page, Question, Reports
from causerie.store.test_sets import TestSets
from causerie.talk_cases import TALKS_MAX, case_of_talk
from causerie.topic_trees import TopicTree
from causerie.web.audited import note
from causerie.web.evaluation_forms import uses_in
from causerie.web.evaluation_words import ROOT, common, set_address
from causerie.web.filtered_pages import FilteredPages
from causerie.web.offers import Offers
from causerie.web.posts import Form, post, refusal
from causerie.web.questions import Asked
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

PATH = f"{ROOT}/talks"
PICK = "pick_"
"""Begins the names of the boxes of conversations, which go on with the place on the page."""
PICKED_MAX = 50
TOPICS_MAX = 8


class TalkCasePages:
    """The page that makes cases of conversations, with the filters of every list. `present` tells
    which of some conversations of a project are still there.
    """

    def __init__(
        self,
        sets: TestSets,
        reports: Reports,
        present: Callable[[str, Collection[tuple[str, str]]], set[tuple[str, str]]],
        offers: Offers,
        filtered: FilteredPages,
        doors: Doors,
        clock: Callable[[], datetime],
    ) -> None:
        self._sets = sets
        self._reports = reports
        self._present = present
        self._offers = offers
        self._filtered = filtered
        self._doors = doors
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        return [
            Route(PATH, self.show),
            post(self._doors, PATH, Role.MEMBER, self._add, self._refuse),
        ]

    def show(self, request: Request) -> Response:
        """The conversations that fit, and the form that makes cases of them."""
        self._doors.enter(request, Role.MEMBER)
        given = {"which": "all", "given": "yes", "use_attempts_answer": "on"}
        return self._show(request, given)

    def _show(self, request: Request, given: Form, status: int = 200, **context: Any) -> Response:
        visitor, asked, tree = self._filtered.enter(request)
        project = visitor.project.id
        page = self._found(request, asked)
        note(hits=page.total, searched=bool(asked.question.text))
        names = dict.fromkeys(one.name for one in self._sets.versions(project))
        offers = self._offers.list(project)
        values = {
            **common(visitor, self._sets),
            "given": given,
            "talk": request.query_params.get("talk", ""),
            "query": request.url.query,
            "page": page,
            "names": list(names),
            "endpoints": {one.id: one.name for one in offers if not one.disabled},
            "faults": (),
            "PICK": PICK,
            "TALKS_MAX": TALKS_MAX,
            **context,
        }
        return self._filtered.render(
            request,
            "talk_cases.html",
            visitor,
            asked,
            tree,
            status=status,
            is_empty=not page.total,
            **values,
        )

    def _found(self, request: Request, asked: Asked) -> Page[ConversationRow]:
        """The newest that fit, or the one that the address names."""
        given = request.query_params
        if id := given.get("talk", ""):
            tenant, project = given.get("talk_of", ""), asked.question.project
            transcript = self._reports.conversation(project, id, tenant)
            if transcript is None:
                raise NotFound(say("There is no such conversation in this project."))
            return Page([transcript.row], 1, 1, 1)
        question = replace(asked.question, sort="", page=1, per_page=PICKED_MAX)
        return self._reports.conversations(question)

    def _add(self, request: Request, visitor: Visitor, form: Form) -> Response:
        project = visitor.project.id
        name = form.get("set", "") or checked_set_name(form.get("name", ""))
        _, asked, tree = self._filtered.enter(request)
        known = self._sets.evaluators(project)
        is_new = not self._sets.versions(project, name)
        if not is_new and not form.get("set"):
            raise Conflict(say("there is a set of that name: choose it above"), field="set")
        uses = uses_in(form, known) if is_new else self._uses(project, name)
        cases = self._cases(project, self._chosen(request, asked, form), form, tree)
        if not cases:
            raise Invalid(
                say(
                    "None of these conversations can be a case: each needs a question and an"
                    " answer, and a model to answer anew"
                )
            )
        check_cases(cases, uses, known)
        by, now = visitor.member.email, self._clock()

        def still(made: Sequence[Case]) -> list[Case]:
            present = self._present(project, {case.conversation for case in made})
            return [case for case in made if case.conversation in present]

        # A conversation may go between the reading of it and here.
        self._sets.add(project, name, cases, uses, CopyFrom.PRIOR_VERSION, by, now, still)
        return RedirectResponse(set_address(project, name) + "?done=talks", 303)

    def _uses(self, project: str, name: str) -> Sequence[EvaluatorUse]:
        return self._sets.version(project, name, self._sets.latest(project, name)).evaluators

    def _chosen(self, request: Request, asked: Asked, form: Form) -> list[ConversationRow]:
        """The rows of the conversations that a form means: all that fit, or the ticked ones."""
        if form.get("which") == "all" and not request.query_params.get("talk"):
            return self._all(asked.question)
        shown = {(row.tenant, row.id): row for row in self._found(request, asked).rows}
        picked = [shown.get(_key(value)) for name, value in form.items() if name.startswith(PICK)]
        return [row for row in picked if row is not None]

    def _all(self, question: Question) -> list[ConversationRow]:
        rows: list[ConversationRow] = []
        for number in range(1, TALKS_MAX // PER_PAGE_MAX + 1):
            one = replace(question, sort="", page=number, per_page=PER_PAGE_MAX)
            page = self._reports.conversations(one)
            rows += page.rows
            if number >= page.pages:
                break
        return rows

    def _cases(
        self, project: str, rows: Sequence[ConversationRow], form: Form, tree: TopicTree
    ) -> list[Case]:
        def titles(ids: Sequence[str]) -> list[str]:
            return [topic.title for topic in tree.shown(ids, TOPICS_MAX) if topic.is_named]

        given, model = form.get("given") == "yes", form.get("model", "")
        made = [
            case_of_talk(transcript, titles, model, given=given)
            for transcript in self._reports.transcripts(project, rows)
        ]
        return [case for case in made if case is not None]

    def _refuse(
        self, request: Request, visitor: Visitor, form: Form, error: CauserieError
    ) -> Response:
        return self._show(request, form, **refusal(error))


def _key(value: str) -> tuple[str, str]:
    """Tenant and id of the conversation of a box, which has them as parts of a path."""
    tenant, _, id = value.partition("/")
    return unquote(tenant), unquote(id)
