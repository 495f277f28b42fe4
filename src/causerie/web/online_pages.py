"""The page of online evaluators: what live answers are judged by, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.errors import CauserieError, Invalid
from causerie.metric_catalogue import PASS_RATE
from causerie.online_evaluators import (
    LIVE,
    NAME_CHARS_MAX,
    LiveOutcome,
    OnlineEvaluator,
    changed,
    checked_online,
)
from causerie.store.online_evaluators import OnlineEvaluators
from causerie.store.outcomes import Outcomes
from causerie.store.test_sets import TestSets
from causerie.web.evaluation_words import OPTIONS, ROOT, common
from causerie.web.filtered_pages import FilteredPages
from causerie.web.filters import pack
from causerie.web.online_filters import checked_query, filters_of, query_of, words_of
from causerie.web.pages import Pages, percent, tenths
from causerie.web.posts import Form, post, refusal
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

PATH = f"{ROOT}/online"
DONE = {
    "made": say("The evaluator judges from now on."),
    "changed": say("The evaluator is changed."),
    "removed": say("The evaluator is gone, with all that it said."),
}
SINCE = {
    "0": say("From now on"),
    "7": say("Also the last 7 days"),
    "30": say("Also the last 30 days"),
    "all": say("Everything there is"),
}
EVER = datetime(1990, 1, 1, tzinfo=UTC)
Clock = Callable[[], datetime]


class OnlinePages:
    """The page under `/p/{project}/evaluations/online`. `wake` tells the worker of a change,
    `judge` whether a project has one.
    """

    def __init__(
        self,
        online: OnlineEvaluators,
        outcomes: Outcomes,
        sets: TestSets,
        wake: Callable[[str], None],
        judge: Callable[[str], object],
        filtered: FilteredPages,
        doors: Doors,
        pages: Pages,
        clock: Clock,
    ) -> None:
        self._online = online
        self._outcomes = outcomes
        self._sets = sets
        self._wake = wake
        self._judge = judge
        self._filtered = filtered
        self._doors = doors
        self._pages = pages
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """Its addresses. A name may be anything, so that forms tell it."""
        return [
            Route(PATH, self.index),
            post(self._doors, PATH, Role.MEMBER, self._add, self._refuse),
            post(self._doors, f"{PATH}/change", Role.MEMBER, self._change, self._refuse),
            post(self._doors, f"{PATH}/remove", Role.MEMBER, self._remove),
        ]

    def index(self, request: Request) -> Response:
        """Every online evaluator, and the form of a new one."""
        visitor = self._doors.enter(request)
        done = DONE.get(request.query_params.get("done", ""), "")
        return self._render(request, visitor, {"percent": "100", "since": "0"}, done=done)

    def _render(
        self, request: Request, visitor: Visitor, given: Form, status: int = 200, **context: Any
    ) -> Response:
        project = visitor.project.id
        said, tree, now = (
            self._outcomes.tallies(project),
            self._filtered.tree(project),
            self._clock(),
        )
        lines = [
            (one, said.get(one.name, {}), filters_of(one, now, tree))
            for one in self._online.list(project)
        ]
        values = {
            **common(visitor, self._sets),
            **self._filtered.choices(project),
            "words_of": words_of,
            "faults": (),
            "given": given,
            "lines": lines,
            "live": LIVE,
            "judge": self._judge(project),
            "OPTIONS": {name: text for name, text in OPTIONS.items() if name in LIVE},
            "SINCE": SINCE,
            "NAME_CHARS_MAX": NAME_CHARS_MAX,
            "door": lambda one, outcome: pack(one.name, outcome),
            "rate": lambda one: f"{PASS_RATE}:{one.name}",
            "share_of": _share,
            **context,
        }
        return self._pages.render(
            request, "evaluations_online.html", visitor, status=status, **values
        )

    # ---- what its forms do -------------------------------------------------------------------

    def _add(self, request: Request, visitor: Visitor, form: Form) -> Response:
        project, now = visitor.project.id, self._clock()
        made = OnlineEvaluator(
            project=project,
            name=form.get("name", "").strip(),
            evaluator=form.get("evaluator", ""),
            options=_options(form.get("options", "")),
            percent=_percent(form.get("percent", "")),
            query=checked_query(query_of(form), project, now, self._filtered.tree(project)),
            since=_since(form.get("since", ""), now),
            by=visitor.member.email,
            created_at=now,
            changed_at=now,
        )
        self._online.add(checked_online(made, self._sets.evaluators(project)))
        return self._back(visitor, "made")

    def _change(self, request: Request, visitor: Visitor, form: Form) -> Response:
        before = self._online.get(visitor.project.id, form.get("name", ""))
        given: dict[str, Any] = {}
        if "percent" in form:
            given["percent"] = _percent(form["percent"])
        if "on" in form:
            given["enabled"] = form["on"] == "yes"
        after = changed(before, self._clock(), **given)
        self._online.change(before, checked_online(after, self._sets.evaluators(before.project)))
        return self._back(visitor, "changed")

    def _remove(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._online.remove(visitor.project.id, form.get("name", ""))
        return self._back(visitor, "removed")

    def _refuse(
        self, request: Request, visitor: Visitor, form: Form, error: CauserieError
    ) -> Response:
        return self._render(request, visitor, form, **refusal(error))

    def _back(self, visitor: Visitor, done: str) -> Response:
        self._wake(visitor.project.id)
        return RedirectResponse(f"{PATH.replace('{project}', visitor.project.id)}?done={done}", 303)


def _share(said: Mapping[str, int]) -> str:
    """Of what passed or failed, how much passed: all and nothing are written for nothing else."""
    passed, failed = said.get(LiveOutcome.PASS, 0), said.get(LiveOutcome.FAIL, 0)
    if not passed or not failed:
        return percent(passed / (passed + failed) if passed + failed else None)
    return tenths(min(max(passed / (passed + failed), 0.001), 0.999))


def _options(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text.strip() or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(say("options: a JSON object is expected"), field="options") from error


def _percent(text: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError as error:
        words = say("percent: more than 0, at most 100 is expected")
        raise Invalid(words, field="percent") from error


def _since(text: str, now: datetime) -> datetime:
    if text == "all":
        return EVER
    return now - timedelta(days=int(text)) if text in SINCE else now
