"""Getting started: what to paste into an app, and the wait for what it sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import KeyKind, Role
from causerie.config import Settings
from causerie.reports import ConversationRow, Question, Reports
from causerie.store.accounts import Accounts
from causerie.web.audited import note
from causerie.web.pages import Pages
from causerie.web.signin import Doors, Visitor

KEY_NAME = "Getting started"
PLACEHOLDER = "YOUR_INGEST_KEY"
Clock = Callable[[], datetime]


class Start:
    """The page that a new project opens with."""

    def __init__(
        self,
        reports: Reports,
        accounts: Accounts,
        doors: Doors,
        pages: Pages,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._reports = reports
        self._accounts = accounts
        self._doors = doors
        self._pages = pages
        self._settings = settings
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """The addresses of the page and its parts."""
        return [
            Route("/p/{project}/start", self.show),
            Route("/p/{project}/start/key", self.create_key, methods=["POST"]),
            Route("/p/{project}/start/waiting", self.waiting),
        ]

    def show(self, request: Request) -> Response:
        """The snippets, with a place where the key goes."""
        return self._show(request, self._doors.enter(request), "")

    async def create_key(self, request: Request) -> Response:
        """The snippets with a new ingest key in them, which is shown this once."""
        visitor = await run_in_threadpool(self._doors.enter, request, Role.MEMBER)
        await self._doors.check_form(request, visitor)
        return await run_in_threadpool(self._create_key, request, visitor)

    def _create_key(self, request: Request, visitor: Visitor) -> Response:
        project = visitor.project.id
        _, token = self._accounts.create_key(project, KeyKind.INGEST, KEY_NAME, self._clock())
        return self._show(request, visitor, token)

    def waiting(self, request: Request) -> Response:
        """The part of the page that says whether anything has arrived."""
        visitor = self._doors.enter(request)
        return self._pages.render(request, "waiting.html", visitor, **self._arrivals(visitor))

    def _show(self, request: Request, visitor: Visitor, token: str) -> Response:
        url = self._settings.base_url
        return self._pages.render(
            request,
            "start.html",
            visitor,
            section="start",
            url=url,
            plain_http=url.startswith("http://"),
            key=token or PLACEHOLDER,
            key_is_new=bool(token),
            may_create=visitor.role.covers(Role.MEMBER),
            data_folder=str(self._settings.data),
            **self._arrivals(visitor),
        )

    def _arrivals(self, visitor: Visitor) -> dict[str, Any]:
        extent = self._reports.extent(visitor.project.id)
        if extent.latest is None:
            return {"arrived": 0, "newest": None}
        newest = self._newest(visitor.project.id, extent.latest)
        if newest is not None:
            note(hits=1)
        return {"arrived": extent.conversations, "newest": newest}

    def _newest(self, project: str, began: datetime) -> ConversationRow | None:
        # Only the instant is asked for, so that this stays cheap while a page asks every second.
        until = began + timedelta(microseconds=1)
        question = Question(project=project, since=began, until=until, tenant=None, per_page=1)
        return next(iter(self._reports.conversations(question).rows), None)
