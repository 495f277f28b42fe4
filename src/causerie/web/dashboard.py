"""The pages that show what was said: overview, conversations, one conversation, users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.beside import Beside
from causerie.config import Settings
from causerie.conversations import Kind
from causerie.errors import NotFound
from causerie.happenings import Happenings
from causerie.meaning_reports import MeaningReports
from causerie.online_evaluators import OUTCOME_WORDS
from causerie.reports import (
    CONVERSATION_SORTS,
    USER_SORTS,
    ConversationRow,
    Page,
    Question,
    Reports,
    Transcript,
    UserRow,
)
from causerie.store.accounts import Accounts
from causerie.store.outcomes import Outcomes
from causerie.topic_trees import TopicTree
from causerie.web.audited import note
from causerie.web.changes import compare
from causerie.web.charts import SERIES_COLUMNS, draw, series_rows
from causerie.web.downloads import FORMATS, ROWS_MAX, as_sql, download
from causerie.web.filtered_pages import FilteredPages
from causerie.web.pages import Pages
from causerie.web.questions import Asked
from causerie.web.reading import TURNS_PER_PART, read
from causerie.web.signin import Doors, Visitor
from causerie.web.start import Start
from causerie.web.topic_lines import NO_REPORT, top_lines, unhappiest
from causerie.wording import say

Clock = Callable[[], datetime]
Row = TypeVar("Row")
LATEST_SHOWN = 6
TOPICS_SHOWN = 6
EVENTS_SHOWN = 8
TITLE_CHARS_MAX = 90


class Dashboard:
    """Every page about conversations. Pages are sync: the server runs them in its thread pool."""

    def __init__(
        self,
        reports: Reports,
        meanings: MeaningReports,
        happenings: Happenings,
        outcomes: Outcomes,
        filtered: FilteredPages,
        beside: Beside,
        accounts: Accounts,
        doors: Doors,
        pages: Pages,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._reports = reports
        self._meanings = meanings
        self._happenings = happenings
        self._outcomes = outcomes
        self._filtered = filtered
        self._beside = beside
        self._doors = doors
        self._pages = pages
        self._start = Start(reports, accounts, doors, pages, settings, clock)

    def routes(self) -> list[BaseRoute]:
        """The addresses of the pages."""
        return [
            Route("/", self.home),
            Route("/p/{project}", self.overview),
            *self._start.routes(),
            Route("/p/{project}/conversations", self.conversations),
            Route("/p/{project}/conversations/{id:path}", self.conversation),
            Route("/p/{project}/users", self.users),
        ]

    def home(self, request: Request) -> Response:
        """To the overview of the project that was looked at last."""
        projects = [project.id for project, _ in self._doors.projects(request)]
        if not projects:
            raise NotFound(say("You are in no project. Ask an owner to invite you."))
        last = request.cookies.get("project", "")
        return RedirectResponse(f"/p/{last if last in projects else projects[0]}", 303)

    def overview(self, request: Request) -> Response:
        """What goes on, in a sentence, numbers and charts."""
        visitor, asked, tree = self._filtered.enter(request)
        question = asked.question
        kind = request.query_params.get("format")
        if kind == "sql":
            return as_sql("reports/series", question)
        if kind in FORMATS:
            rows = series_rows(self._reports.series(question))
            return download(
                kind, f"{visitor.project.id}-by-{question.period}", SERIES_COLUMNS, rows
            )
        understood = self._beside.start(partial(self._understood, question, tree))
        overview = self._reports.overview(question)
        now = overview.now
        compares = asked.compares and self._filtered.reaches(question.previous())
        latest = replace(question, sort="newest", page=1, per_page=LATEST_SHOWN)
        return self._filtered.render(
            request,
            "overview.html",
            visitor,
            asked,
            tree,
            section="overview",
            now_totals=now,
            before_totals=overview.before,
            changes=compare(now, overview.before) if compares else None,
            charts=draw(overview, asked, f"{visitor.home}/conversations", compares=compares),
            latest=self._reports.conversations(latest).rows if now.conversations else [],
            unhappy=self._unhappy(latest) if now.thumbs_down else [],
            is_empty=now.conversations == 0,
            happened=self._happenings.events(question)[:EVENTS_SHOWN],
            **understood(),
        )

    def _understood(self, question: Question, tree: TopicTree) -> dict[str, Any]:
        """What is known of languages, signals and topics."""
        parts = self._meanings.breakdown(question, tree)
        report = self._meanings.topics(question, tree, parts) if tree.topics else NO_REPORT
        return {
            "parts_of": parts,
            "top": top_lines(tree, report, TOPICS_SHOWN),
            "every": report.every,
            "unhappiest": unhappiest(tree, report),
        }

    def _unhappy(self, question: Question) -> list[ConversationRow]:
        if question.rating not in ("", "down"):
            return []
        return self._reports.conversations(replace(question, rating="down")).rows

    def conversations(self, request: Request) -> Response:
        """A page of conversations, or all of them to take away."""
        visitor, asked, tree = self._filtered.enter(request, CONVERSATION_SORTS)
        kind = request.query_params.get("format")
        if kind == "sql":
            return as_sql("reports/conversations", asked.question)
        if kind in FORMATS:
            found = self._reports.conversations(_all_of(asked.question)).rows
            columns = [field.name for field in fields(ConversationRow)]
            rows = [asdict(row) for row in found]
            return download(kind, f"{visitor.project.id}-conversations", columns, rows)
        signals = self._beside.start(partial(self._happenings.signals, asked.question))
        page = self._page(self._reports.conversations, asked.question)
        return self._list(
            request,
            "conversations",
            visitor,
            asked,
            tree,
            page,
            CONVERSATION_SORTS,
            signals=signals(),
        )

    def users(self, request: Request) -> Response:
        """A page of users, or all of them to take away."""
        visitor, asked, tree = self._filtered.enter(request, USER_SORTS)
        kind = request.query_params.get("format")
        if kind == "sql":
            return as_sql("reports/users", asked.question)
        if kind in FORMATS:
            found = self._reports.users(_all_of(asked.question)).rows
            columns = [field.name for field in fields(UserRow)]
            rows = [asdict(row) for row in found]
            return download(kind, f"{visitor.project.id}-users", columns, rows)
        page = self._page(self._reports.users, asked.question)
        return self._list(request, "users", visitor, asked, tree, page, USER_SORTS)

    def _page(self, report: Callable[[Question], Page[Row]], question: Question) -> Page[Row]:
        """The page asked for, or the first when there are not that many."""
        found = report(question)
        note(hits=found.total, searched=bool(question.text))
        return found if found.rows or question.page == 1 else report(replace(question, page=1))

    def _list(
        self,
        request: Request,
        section: str,
        visitor: Visitor,
        asked: Asked,
        tree: TopicTree,
        page: Page[Row],
        sorts: tuple[str, ...],
        **more: Any,
    ) -> Response:
        return self._filtered.render(
            request,
            f"{section}.html",
            visitor,
            asked,
            tree,
            section=section,
            page=page,
            sort=asked.question.sort or sorts[0],
            is_empty=page.total == 0,
            **more,
        )

    def conversation(self, request: Request) -> Response:
        """One transcript, or its raw JSON."""
        visitor, asked, tree = self._filtered.enter(request)
        given = request.query_params
        project, id = visitor.project.id, request.path_params["id"]
        transcript = self._reports.conversation(project, id, asked.question.tenant)
        if transcript is None:
            raise NotFound(say("There is no such conversation in this project."))
        if visitor.embedded:
            transcript = spoken(transcript)
        if given.get("format") == "json":
            note(format="json")
            return Response(raw(transcript), media_type="application/json")
        meanings = self._meanings.of_conversation(project, transcript.row.tenant, id)
        return self._pages.render(
            request,
            "conversation.html",
            visitor,
            section="conversations",
            carry=asked.carry,
            asked=asked,
            row=transcript.row,
            tree=tree,
            meanings=meanings,
            # Reasons quote what was said, and whose evaluators there are is nobody else's matter.
            outcomes={}
            if visitor.embedded
            else self._outcomes.of_conversation(project, transcript.row.tenant, id),
            OUTCOME_WORDS=OUTCOME_WORDS,
            part=read(
                transcript.messages,
                _part(given, transcript),
                given.get("q", "") or asked.question.text,
                visitor.project.zone,
            ),
            title=_title(transcript.row),
        )


def _part(given: QueryParams, transcript: Transcript) -> int:
    """Which part of a transcript: that of a message, or the one of a number."""
    sought = given.get("message", "")
    if sought:
        ids = [message.id for message in transcript.messages]
        return ids.index(sought) // TURNS_PER_PART + 1 if sought in ids else 1
    number = given.get("part", "")
    return int(number[:6]) if number.isascii() and number.isdigit() else 1


def spoken(transcript: Transcript) -> Transcript:
    """A transcript of what people and the assistant said to each other, and nothing else."""
    said = [
        message
        for message in transcript.messages
        if message.kind is Kind.MESSAGE and message.role in ("user", "assistant")
    ]
    return replace(transcript, messages=said)


def _title(row: ConversationRow) -> str:
    text = row.preview or row.id
    if len(text) <= TITLE_CHARS_MAX:
        return text
    words = text[:TITLE_CHARS_MAX].rsplit(" ", 1)[0]
    # Some languages have few spaces, or none.
    return f"{words if len(words) > TITLE_CHARS_MAX / 2 else text[:TITLE_CHARS_MAX]} …"


def _all_of(question: Question) -> Question:
    return replace(question, page=1, per_page=ROWS_MAX)


def raw(transcript: Transcript) -> bytes:
    """A transcript as it is kept, as indented JSON."""
    whole = {**asdict(transcript.row), "messages": msgspec.to_builtins(transcript.messages)}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)
