"""The pages about topics: all of them, one, and the forms of those that people keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.beside import Beside
from causerie.errors import CauserieError, Conflict, NotFound
from causerie.meaning_reports import MeaningReports, Samples, Talked, TopicsReport, topic_parameters
from causerie.reports import Question, Reports
from causerie.store.progress import Progress
from causerie.store.topics import Topics
from causerie.topic_changes import TopicChanges
from causerie.topic_proposals import SENTENCE_CHARS_MAX, propose
from causerie.topic_trees import TopicTree
from causerie.topics import TOPIC_NAME_CHARS_MAX, Topic, TopicKind
from causerie.web.charts import draw_topic
from causerie.web.downloads import FORMATS, as_sql, download
from causerie.web.filtered_pages import FilteredPages
from causerie.web.pages import Pages
from causerie.web.posts import Change, Form, post, refusal
from causerie.web.questions import Asked
from causerie.web.signin import Doors, Visitor
from causerie.web.topic_forms import (
    JUDGED_MESSAGES,
    KINDS,
    Trial,
    Trials,
    definition_of,
    fields_of,
    fields_proposed,
    kind_of,
    nearer,
)
from causerie.web.topic_lines import SORTS, Lines, folds, in_order, unhappiest
from causerie.wording import say

ROOT = "/p/{project}/topics"
ONE = ROOT + "/{topic}"
MESSAGES_MIN = 100
"""Topics are found from so many messages of users on, as `discovery` has it."""
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
SAMPLES_SHOWN = 6
HISTORY_SHOWN = 30
MOVED_SHOWN = 5
UNFOLDED_MAX = 12
"""Themes are folded where there are more topics."""
COLUMNS = (
    *("id", "title", "kind", "parent", "messages", "share", "conversations", "users"),
    *("sentiment", "scored", "thumbs_up", "thumbs_down", "languages"),
)
DONE = {
    "defined": say("The topic is kept. Older messages are gone through, the latest first."),
    "changed": say("The topic is changed. Older messages are gone through again."),
    "renamed": say("The topic has another name."),
    "pinned": say("The topic is pinned."),
    "unpinned": say("The topic is no longer pinned."),
    "hidden": say("The topic is hidden. It is found all the same."),
    "shown": say("The topic is shown again."),
    "merged": say("The topic is a part of another, for ever unless you take it out."),
    "unmerged": say("The topic stands for itself again."),
    "kept": say("The topic is kept, with a definition of its own that you can change."),
    "deleted": say("The topic is deleted. Messages stay as they are."),
    "asked": say("Topics are found again, once all messages are understood."),
}
UNSETTLED_SHARE = 0.05
"""Of the messages of a span, how many may lack meaning where it is compared with another."""
UNSETTLED_MIN = 10
"""So few may always: somebody is talking at the moment."""
NOWHERE = {"progress": None, "known": 0}
"""How far the worker is, for those whom that is nothing to."""


class TopicPages:
    """The pages under `/p/{project}/topics`. `ask` has the topics of a project found again, for
    a member.
    """

    def __init__(
        self,
        reports: Reports,
        meanings: MeaningReports,
        topics: Topics,
        changes: TopicChanges,
        progress: Progress,
        trials: Trials,
        filtered: FilteredPages,
        beside: Beside,
        doors: Doors,
        ask: Callable[[str, str], None],
        pages: Pages,
        clock: Callable[[], datetime],
    ) -> None:
        self._pages = pages
        self._clock = clock
        self._reports = reports
        self._meanings = meanings
        self._topics = topics
        self._changes = changes
        self._progress = progress
        self._trials = trials
        self._filtered = filtered
        self._beside = beside
        self._doors = doors
        self._ask = ask

    def routes(self) -> list[BaseRoute]:
        """The addresses of the pages and of their forms."""
        return [
            Route(ROOT, self.index),
            Route(f"{ROOT}/new", self.new),
            Route(f"{ROOT}/progress", self.progress),
            self._post(ROOT, self._define),
            self._post(f"{ROOT}/preview", self._preview),
            self._post(f"{ROOT}/find", self._find),
            Route(ONE, self.show),
            Route(f"{ONE}/edit", self.edit),
            self._post(ONE, self._change),
            self._post(f"{ONE}/rename", self._rename),
            self._post(f"{ONE}/pin", self._pin),
            self._post(f"{ONE}/hide", self._hide),
            self._post(f"{ONE}/merge", self._merge),
            self._post(f"{ONE}/keep", self._keep),
            self._post(f"{ONE}/delete", self._delete),
        ]

    # ---- all of them -------------------------------------------------------------------------

    def index(self, request: Request) -> Response:
        """What people talk about, or its rows to take away."""
        visitor, asked, tree = self._filtered.enter(request, SORTS)
        kind = request.query_params.get("format")
        if kind == "sql":
            return as_sql("reports/topics", asked.question, topic_parameters(asked.question, tree))
        before = self._beside.start(partial(self._before, asked, tree))
        now = self._meanings.topics(asked.question, tree)
        if kind in FORMATS:
            name, rows = f"{visitor.project.id}-topics", topic_rows(tree, now)
            return download(kind, name, COLUMNS, rows)
        is_settled = self._is_settled(visitor.project.id, now.every.messages)
        lines = Lines(tree, now, before() if is_settled else None)
        sort = asked.question.sort or SORTS[0]
        found = lines.found()
        rising, falling = lines.moved()
        return self._render(
            request,
            "topics.html",
            visitor,
            asked,
            tree,
            is_empty=not now.every.messages,
            every=now.every,
            unsorted=now.unsorted,
            kept=in_order(lines.kept(), sort),
            found=found,
            tone=in_order(lines.tone(), sort),
            folds=folds(in_order(found, sort)),
            sort=sort,
            unfolds=len(found) <= UNFOLDED_MAX,
            rising=rising[:MOVED_SHOWN],
            falling=falling[:MOVED_SHOWN],
            compares=lines.compares,
            hidden=lines.hidden(),
            silent=lines.silent() if is_settled else [],
            unhappiest=unhappiest(tree, now),
            lacking=None if visitor.embedded else self._lacking(visitor.project.id, tree),
        )

    def _is_settled(self, project: str, understood: int) -> bool:
        """Whether so little is left to be understood that two spans can be compared: the worker may
        have come to one of them and not to the other.
        """
        standing = self._progress.get(project)
        return standing is None or standing.left <= max(UNSETTLED_MIN, UNSETTLED_SHARE * understood)

    def _before(self, asked: Asked, tree: TopicTree) -> Talked | None:
        before = asked.question.previous()
        if not asked.compares or not self._filtered.reaches(before):
            return None
        return self._meanings.talked(before, tree)

    def _lacking(self, project: str, tree: TopicTree) -> int | None:
        """How many more messages of users it takes until topics are found; None where some are."""
        if any(not topic.kept for topic in tree.topics.values()):
            return None
        extent = self._reports.extent(project)
        if extent.first is None or extent.latest is None:
            return MESSAGES_MIN
        span = (extent.first, extent.latest.replace(year=extent.latest.year + 1))
        said = self._reports.totals(Question(project, *span, tenant=None)).user_messages
        return max(0, MESSAGES_MIN - said)

    # ---- one of them -------------------------------------------------------------------------

    def show(self, request: Request) -> Response:
        """One topic: numbers, charts, what people say."""
        visitor, asked, tree = self._filtered.enter(request)
        return self._show(request, visitor, asked, tree, self._own(tree, request))

    def _own(self, tree: TopicTree, request: Request) -> Topic:
        id = request.path_params["topic"]
        if id not in tree:
            raise NotFound(say("There is no such topic in this project."))
        return tree.topics[id]

    def _show(
        self,
        request: Request,
        visitor: Visitor,
        asked: Asked,
        tree: TopicTree,
        topic: Topic,
        status: int = 200,
        **context: Any,
    ) -> Response:
        about = replace(asked.question, topics=tree.members(topic.id))
        said = self._beside.start(partial(self._samples, about, topic))
        before = self._beside.start(partial(self._before, asked, tree))
        now = self._meanings.topics(asked.question, tree)
        is_settled = self._is_settled(visitor.project.id, now.every.messages)
        lines = Lines(tree, now, before() if is_settled else None)
        line = lines.line(topic)
        home = visitor.home
        narrowed = replace(asked, filters=(*asked.filters, ("topic", topic.id)))
        return self._render(
            request,
            "topic.html",
            visitor,
            asked,
            tree,
            status,
            is_empty=False,
            topic=topic,
            line=line,
            charts=draw_topic(line.row, narrowed, f"{home}/conversations"),
            inside=lines.inside(topic.id),
            above=[tree.topics[id] for id in tree.lineage(topic.id)[1:]],
            target=tree.topics.get(topic.merged_into),
            parts_in=[one for one in tree.topics.values() if one.merged_into == topic.id],
            samples=said(),
            history=self._topics.history(visitor.project.id, topic.id, HISTORY_SHOWN),
            **context,
        )

    def _samples(self, question: Question, topic: Topic) -> Samples:
        """What people say about a topic, unless it shows who does."""
        if topic.is_small:
            return Samples([], [])
        return self._meanings.samples(question, SAMPLES_SHOWN)

    def _render(
        self,
        request: Request,
        template: str,
        visitor: Visitor,
        asked: Asked,
        tree: TopicTree,
        status: int = 200,
        **context: Any,
    ) -> Response:
        done = DONE.get(request.query_params.get("done", ""), "")
        values = {
            "done": done if request.method == "GET" else "",
            "fault": "",
            "field": None,
            "may_manage": visitor.role.covers(Role.MEMBER),
            **(NOWHERE if visitor.embedded else self._far(visitor.project.id)),
            "MESSAGES_MIN": MESSAGES_MIN,
            "NAME_CHARS_MAX": TOPIC_NAME_CHARS_MAX,
            **context,
        }
        return self._filtered.render(
            request, template, visitor, asked, tree, status=status, section="topics", **values
        )

    def progress(self, request: Request) -> Response:
        """How far the worker is, as a part of a page that asks for it again and again."""
        visitor = self._doors.enter(request)
        project = visitor.project.id
        return self._pages.render(
            request, "topic_progress.html", visitor, home=f"/p/{project}", **self._far(project)
        )

    def _far(self, project: str) -> dict[str, Any]:
        """Where the worker is, and of how many messages, which is asked only while it is at it."""
        standing = self._progress.get(project)
        known = 0
        if standing and standing.left:
            ever = Question(project, BEGINNING, self._clock() + timedelta(days=1), tenant=None)
            known = self._reports.totals(ever).messages
        return {"progress": standing, "known": known}

    # ---- the form ----------------------------------------------------------------------------

    def new(self, request: Request) -> Response:
        """The form of a new topic."""
        visitor = self._doors.enter(request, Role.MEMBER)
        sentence = request.query_params.get("sentence", "").strip()
        if not sentence:
            return self._form(request, visitor, None, {"kind": KINDS[0].value})
        given = fields_proposed(propose(sentence))
        trial = self._try(request, visitor, given, kind_of(given))
        closeness = nearer(trial) if trial else ""
        if closeness:
            given |= {"threshold": closeness}
            trial = self._try(request, visitor, given, kind_of(given))
        return self._form(request, visitor, None, given, trial=trial, tried=True)

    def edit(self, request: Request) -> Response:
        """The form of a kept topic."""
        visitor = self._doors.enter(request, Role.MEMBER)
        topic = self._kept(visitor, request.path_params["topic"])
        return self._form(request, visitor, topic, fields_of(topic))

    def _kept(self, visitor: Visitor, id: str) -> Topic:
        topic = self._topics.get(visitor.project.id, id)
        if not topic.kept:
            raise NotFound(say("Only a topic that was kept has a form."))
        return topic

    def _form(
        self,
        request: Request,
        visitor: Visitor,
        topic: Topic | None,
        given: Form,
        status: int = 200,
        **context: Any,
    ) -> Response:
        _, asked, tree = self._filtered.enter(request)
        limits = {"SENTENCE_CHARS_MAX": SENTENCE_CHARS_MAX, "JUDGED_MESSAGES": JUDGED_MESSAGES}
        values = {"trial": None, "tried": False, **limits, **context}
        return self._render(
            request,
            "topic_form.html",
            visitor,
            asked,
            tree,
            status,
            is_empty=False,
            topic=topic,
            given=given,
            **values,
        )

    def _preview(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """The form as it was filled in, with what it would find."""
        topic = self._kept(visitor, form["topic"]) if form.get("topic") else None
        kind = topic.kind if topic else kind_of(form)
        trial = self._try(request, visitor, form, kind)
        return self._form(request, visitor, topic, form, trial=trial, tried=True)

    def _try(self, request: Request, visitor: Visitor, form: Form, kind: TopicKind) -> Trial | None:
        _, asked, _ = self._filtered.enter(request)
        extent = self._reports.extent(visitor.project.id)
        everything = replace(asked.question, since=extent.first or asked.question.since)
        return self._trials.run(everything, kind, definition_of(form, kind))

    # ---- what their forms do -----------------------------------------------------------------

    def _post(self, path: str, change: Change) -> BaseRoute:
        return post(self._doors, path, Role.MEMBER, change, self._refuse)

    def _refuse(
        self, request: Request, visitor: Visitor, form: Form, error: CauserieError
    ) -> Response:
        said = refusal(error)
        id = request.path_params.get("topic") or form.get("topic", "")
        if request.url.path.endswith((f"/topics/{id}", "/topics", "/preview")):
            topic = self._kept(visitor, id) if id else None
            return self._form(request, visitor, topic, form, **said)
        _, asked, tree = self._filtered.enter(request)
        return self._show(request, visitor, asked, tree, tree.topics[id], **said)

    def _back(self, visitor: Visitor, path: str, done: str) -> Response:
        return RedirectResponse(f"/p/{visitor.project.id}/topics{path}?done={done}", 303)

    def _define(self, request: Request, visitor: Visitor, form: Form) -> Response:
        kind = kind_of(form)
        made = self._changes.define(
            visitor.project.id,
            visitor.member.id,
            form.get("name", ""),
            kind,
            definition_of(form, kind),
        )
        return self._back(visitor, f"/{made.id}", "defined")

    def _change(self, request: Request, visitor: Visitor, form: Form) -> Response:
        project, by, id = self._named(request, visitor)
        topic = self._kept(visitor, id)
        self._changes.change(project, by, id, definition_of(form, topic.kind))
        self._changes.rename(project, by, id, form.get("name", ""))
        return self._back(visitor, f"/{id}", "changed")

    def _rename(self, request: Request, visitor: Visitor, form: Form) -> Response:
        topic = self._changes.rename(*self._named(request, visitor), form.get("name", ""))
        return self._back(visitor, f"/{topic.id}", "renamed")

    def _pin(self, request: Request, visitor: Visitor, form: Form) -> Response:
        on = form.get("on") != "no"
        topic = self._changes.pin(*self._named(request, visitor), on)
        return self._back(visitor, f"/{topic.id}", "pinned" if on else "unpinned")

    def _hide(self, request: Request, visitor: Visitor, form: Form) -> Response:
        on = form.get("on") != "no"
        topic = self._changes.hide(*self._named(request, visitor), on)
        return self._back(visitor, f"/{topic.id}", "hidden" if on else "shown")

    def _merge(self, request: Request, visitor: Visitor, form: Form) -> Response:
        named, into = self._named(request, visitor), form.get("into", "")
        if not into:
            topic = self._changes.unmerge(*named)
            return self._back(visitor, f"/{topic.id}", "unmerged")
        self._changes.merge(*named, into)
        return self._back(visitor, f"/{into}", "merged")

    def _keep(self, request: Request, visitor: Visitor, form: Form) -> Response:
        tree, id = self._filtered.tree(visitor.project.id), request.path_params["topic"]
        if id in tree and tree.topics[id].is_small:
            # Its definition would be what somebody said.
            raise Conflict(say("too few users talk about this topic to keep it"), field="topic")
        topic = self._changes.keep(*self._named(request, visitor), form.get("name", ""))
        # From the list one goes on with the list.
        return self._back(visitor, "" if form.get("back") == "list" else f"/{topic.id}", "kept")

    def _delete(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._changes.delete(*self._named(request, visitor))
        return self._back(visitor, "", "deleted")

    def _find(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._ask(visitor.project.id, visitor.member.id)
        return self._back(visitor, "", "asked")

    def _named(self, request: Request, visitor: Visitor) -> tuple[str, str, str]:
        """Project, member and topic; a topic that is not there raises NotFound."""
        id = request.path_params["topic"]
        self._topics.get(visitor.project.id, id)
        return visitor.project.id, visitor.member.id, id


def topic_rows(tree: TopicTree, report: TopicsReport) -> list[dict[str, Any]]:
    """The topics that somebody talked about as rows to take away, the most talked about first."""
    rows = []
    for row in sorted(report.rows.values(), key=lambda row: (-row.messages, row.id)):
        topic = tree.topics.get(row.id)
        if topic is not None:
            numbers = {name: getattr(row, name) for name in COLUMNS[4:-1]}
            about = {"id": row.id, "title": topic.title, "kind": topic.kind.value}
            parent = (*tree.lineage(row.id), "")[1]
            rows.append({**about, "parent": parent, **numbers, "languages": dict(row.languages)})
    return rows
