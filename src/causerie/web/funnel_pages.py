"""Reports, Funnels: how many get from step to step, and the conversations behind each.

The address holds, beside the filters: step= (first, topic:ID or event:NAME), repeated; by=user and
window= (days); split= (topic, model, language or meta:KEY).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.funnels import (
    BYS,
    DAYS_DEFAULT,
    DAYS_MAX,
    SPLITS,
    STEPS_MAX,
    STEPS_MIN,
    Funnel,
    Funnels,
    Part,
    Passage,
    Step,
    passage,
)
from causerie.happenings import Happenings
from causerie.reports import Question
from causerie.topic_trees import TopicTree
from causerie.web.changes import Change, share_change
from causerie.web.downloads import FORMATS, as_sql, download
from causerie.web.filtered_pages import FilteredPages
from causerie.web.filters import FILTER_CHARS_MAX, Pairs
from causerie.web.meaning_words import language
from causerie.wording import say, say_in

PATH = "/p/{project}/reports/funnels"
FIELDS = ("step", "by", "window", "split")
PARTS_SHOWN = 12
SLOTS_MIN = 3
COLUMNS = (
    *("part", "step", "what", "reached", "of_first", "of_first_low", "of_first_high"),
    *("of_last", "median_seconds"),
)


@dataclass(frozen=True)
class Line:
    """A part, what it is called, and whether it gets through more or less often than the rest."""

    title: str
    part: Part
    change: Change


class FunnelPages:
    """Sync: the server runs them in its thread pool."""

    def __init__(self, funnels: Funnels, happenings: Happenings, filtered: FilteredPages) -> None:
        self._funnels = funnels
        self._happenings = happenings
        self._filtered = filtered

    def routes(self) -> list[BaseRoute]:
        """The addresses of the report and of the conversations behind its steps."""
        return [Route(PATH, self.funnel), Route(f"{PATH}/conversations", self.reached)]

    def funnel(self, request: Request) -> Response:
        """The steps with how many got there, or the rows to take away."""
        visitor, asked, tree = self._filtered.enter(request)
        given, kind = request.query_params, request.query_params.get("format")
        events = [happened.name for happened in self._happenings.events(asked.question)]
        funnel = funnel_of(given, tree, events)
        asked = replace(asked, span=asked.span + pairs_of(funnel, chosen="step" in given))
        if kind == "sql":
            return as_sql("funnels/steps", asked.question, funnel.parameters(tree))
        passed = self._passed(asked.question, funnel, tree)
        if kind in FORMATS:
            rows = rows_of(passed, funnel, tree)
            return download(kind, f"{visitor.project.id}-funnel", COLUMNS, rows)
        return self._filtered.render(
            request,
            "funnels.html",
            visitor,
            asked,
            tree,
            section="reports",
            funnel=funnel,
            titles=[title_of(step, tree) for step in funnel.steps],
            passed=passed,
            lines=lines_of(passed, funnel, tree),
            events_seen=events,
            slots=slots_of(funnel),
            form_pairs=[pair for pair in asked.every if pair[0] not in FIELDS],
            is_empty=not passed.whole.began,
        )

    def _passed(self, question: Question, funnel: Funnel, tree: TopicTree) -> Passage:
        if len(funnel.steps) < STEPS_MIN:
            return passage([], STEPS_MIN)
        return self._funnels.pass_through(question, funnel, tree)

    def reached(self, request: Request) -> Response:
        """The conversations in which a step was reached, or after which nothing more was."""
        visitor, asked, tree = self._filtered.enter(request)
        given = request.query_params
        events = [happened.name for happened in self._happenings.events(asked.question)]
        funnel = funnel_of(given, tree, events)
        if len(funnel.steps) < STEPS_MIN:
            # Nothing is behind it: the report says what it takes.
            return self.funnel(request)
        number, left = given.get("at", ""), given.get("left") == "yes"
        step = int(number) if number in map(str, range(1, len(funnel.steps) + 1)) else 1
        more = (("at", str(step)), *((("left", "yes"),) if left else ()))
        report = replace(asked, span=asked.span + pairs_of(funnel, chosen=True))
        asked = replace(report, span=report.span + more)
        page = self._funnels.reached(asked.question, funnel, tree, step, left=left)
        return self._filtered.render(
            request,
            "funnel_conversations.html",
            visitor,
            asked,
            tree,
            section="reports",
            title=title_of(funnel.steps[step - 1], tree),
            following=title_of(funnel.steps[step], tree) if step < len(funnel.steps) else "",
            left=left,
            page=page,
            report=report,
            is_empty=not page.total,
        )


def funnel_of(given: QueryParams, tree: TopicTree, events: Sequence[str]) -> Funnel:
    """What the address asks for; without steps, from the first message to the commonest event."""
    steps = [step for text in given.getlist("step") if (step := step_of(text, tree))]
    if "step" not in given and events:
        steps = [Step("first"), Step("event", events[0])]
    by = given.get("by", "")
    window = given.get("window", "")
    days = int(window) if window.isascii() and window.isdigit() and len(window) < 4 else 0
    split, _, key = given.get("split", "").partition(":")
    known = split in SPLITS and (split == "meta") == bool(key)
    return Funnel(
        steps=tuple(steps[:STEPS_MAX]),
        by=by if by in BYS else BYS[0],
        days=min(days, DAYS_MAX) or DAYS_DEFAULT,
        split=split if known else "",
        key=key[:FILTER_CHARS_MAX] if known else "",
    )


def slots_of(funnel: Funnel) -> list[str]:
    """The steps as the form holds them, with room for one more."""
    most = min(max(len(funnel.steps) + 1, SLOTS_MIN), STEPS_MAX)
    return [*map(str, funnel.steps), *[""] * STEPS_MAX][:most]


def step_of(text: str, tree: TopicTree) -> Step | None:
    """A step from the address; None where there is no such thing."""
    kind, _, name = text.partition(":")
    if text == "first":
        return Step("first")
    if kind == "event" and name and "\0" not in name:
        return Step(kind, name[:FILTER_CHARS_MAX])
    return Step(kind, name) if kind == "topic" and name in tree else None


def pairs_of(funnel: Funnel, *, chosen: bool) -> Pairs:
    """The parameters of a funnel, as every link of the page must keep them."""
    pairs = [("step", str(step)) for step in funnel.steps] if chosen else []
    if funnel.by == "user":
        pairs += [("by", "user"), ("window", str(funnel.days))]
    if funnel.split:
        pairs.append(("split", f"{funnel.split}:{funnel.key}" if funnel.key else funnel.split))
    return tuple(pairs)


def title_of(step: Step, tree: TopicTree) -> str:
    """What a step is called."""
    if step.kind == "first":
        return say("A conversation begins")
    return tree.title(step.name) if step.kind == "topic" else step.name


def lines_of(passed: Passage, funnel: Funnel, tree: TopicTree) -> list[Line]:
    """The largest parts, each against all others."""
    whole = passed.whole
    return [
        Line(
            part_title(part.name, funnel, tree),
            part,
            share_change(
                part.ended, part.began, whole.ended - part.ended, whole.began - part.began
            ),
        )
        for part in passed.parts[:PARTS_SHOWN]
    ]


def part_title(name: str, funnel: Funnel, tree: TopicTree) -> str:
    """What a part is called."""
    if not name:
        return say("No topic") if funnel.split == "topic" else say_in("a value", "None")
    if funnel.split == "topic":
        return tree.title(name)
    return language(name) if funnel.split == "language" else name


def rows_of(passed: Passage, funnel: Funnel, tree: TopicTree) -> list[dict[str, Any]]:
    """Each step as a row: of all, then of the parts."""
    return [
        {
            "part": part.name,
            "step": place,
            "what": str(step),
            "reached": reached.count,
            "of_first": reached.of_first.value,
            "of_first_low": reached.of_first.low,
            "of_first_high": reached.of_first.high,
            "of_last": reached.of_last.value,
            "median_seconds": None if reached.gap is None else reached.gap / timedelta(seconds=1),
        }
        for part in (passed.whole, *passed.parts)
        for place, (step, reached) in enumerate(zip(funnel.steps, part.steps, strict=False), 1)
    ]
