"""Saved views: pages with their filters under names of their own, shared in a project."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.errors import CauserieError, Conflict, Forbidden
from causerie.store.views import Views
from causerie.views import (
    VIEW_NAME_CHARS_MAX,
    View,
    checked_view_name,
    checked_view_page,
    checked_view_query,
    new_view_id,
)
from causerie.web.forms import sentence
from causerie.web.pages import Pages
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

PATH = "/p/{project}/views"
NOT_YOURS = say("Who kept a view, or an owner, may rename or remove it.")
PASSING = ("page", "format", "part", "message")
"""What of an address is of a moment, and no part of a view."""


class ViewPages:
    """Sync but for the forms: the server runs it in its thread pool."""

    def __init__(
        self,
        views: Views,
        doors: Doors,
        pages: Pages,
        clock: Callable[[], datetime],
        source: random.Random,
    ) -> None:
        self._views = views
        self._doors = doors
        self._pages = pages
        self._clock = clock
        self._source = source

    def routes(self) -> list[BaseRoute]:
        """Its addresses."""
        return [
            Route(PATH, self.show),
            Route(PATH, self.keep, methods=["POST"]),
            Route(f"{PATH}/{{view}}", self.open),
            Route(f"{PATH}/{{view}}/rename", self.rename, methods=["POST"]),
            Route(f"{PATH}/{{view}}/remove", self.remove, methods=["POST"]),
        ]

    def show(self, request: Request) -> Response:
        """Every view of the project."""
        return self._show(request, self._doors.enter(request))

    def _show(
        self, request: Request, visitor: Visitor, fault: CauserieError | None = None
    ) -> Response:
        return self._pages.render(
            request,
            "views.html",
            visitor,
            status=409 if isinstance(fault, Conflict) else 400 if fault else 200,
            section="views",
            kept=self._views.all(visitor.project.id),
            may_keep=visitor.role.covers(Role.MEMBER),
            may_change=lambda view: _may_change(view, visitor),
            fault=sentence(fault.wording) if fault else "",
            NAME_CHARS_MAX=VIEW_NAME_CHARS_MAX,
        )

    def open(self, request: Request) -> Response:
        """To where a view leads."""
        visitor = self._doors.enter(request)
        view = self._views.get(visitor.project.id, request.path_params["view"])
        return RedirectResponse(view.path, 303)

    async def keep(self, request: Request) -> Response:
        """A new view of the page that the form stood on."""
        visitor = await run_in_threadpool(self._doors.enter, request, Role.MEMBER)
        form = await self._doors.check_form(request, visitor)
        return await run_in_threadpool(self._keep, request, visitor, form)

    def _keep(self, request: Request, visitor: Visitor, form: dict[str, str]) -> Response:
        try:
            view = View(
                id=new_view_id(self._source),
                project=visitor.project.id,
                name=checked_view_name(form.get("name", "")),
                page=checked_view_page(form.get("page", "")),
                query=checked_view_query(lasting(form.get("query", ""))),
                by=visitor.member.email,
                created_at=self._clock(),
            )
            self._views.add(view)
        except CauserieError as fault:
            return self._show(request, visitor, fault)
        return RedirectResponse(view.path, 303)

    async def rename(self, request: Request) -> Response:
        """Another name."""
        visitor = await run_in_threadpool(self._doors.enter, request, Role.MEMBER)
        form = await self._doors.check_form(request, visitor)
        return await run_in_threadpool(self._rename, request, visitor, form)

    def _rename(self, request: Request, visitor: Visitor, form: dict[str, str]) -> Response:
        view = self._own(request, visitor)
        try:
            name = checked_view_name(form.get("name", ""))
            self._views.rename(visitor.project.id, view.id, name)
        except CauserieError as fault:
            return self._show(request, visitor, fault)
        return RedirectResponse(f"/p/{visitor.project.id}/views", 303)

    async def remove(self, request: Request) -> Response:
        """Forget a view."""
        visitor = await run_in_threadpool(self._doors.enter, request, Role.MEMBER)
        await self._doors.check_form(request, visitor)
        return await run_in_threadpool(self._remove, request, visitor)

    def _remove(self, request: Request, visitor: Visitor) -> Response:
        self._views.delete(visitor.project.id, self._own(request, visitor).id)
        return RedirectResponse(f"/p/{visitor.project.id}/views", 303)

    def _own(self, request: Request, visitor: Visitor) -> View:
        """The view of the address, if the visitor may change it."""
        view = self._views.get(visitor.project.id, request.path_params["view"])
        if not _may_change(view, visitor):
            raise Forbidden(NOT_YOURS)
        return view


def _may_change(view: View, visitor: Visitor) -> bool:
    return visitor.role.covers(Role.OWNER) or (
        visitor.role.covers(Role.MEMBER) and view.by == visitor.member.email
    )


def lasting(query: str) -> str:
    """A query without what is of a moment."""
    pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True)
    return urlencode([pair for pair in pairs if pair[0] not in PASSING], safe=":/")
