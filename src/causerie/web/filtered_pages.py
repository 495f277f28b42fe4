"""Pages with the filter bar: who looks, what is asked, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from causerie.accounts import Project
from causerie.discretion import Discretion
from causerie.inventory import Inventory
from causerie.reports import Extent, Question, Reports
from causerie.store.notes import Notes
from causerie.store.views import Views
from causerie.topic_trees import DEPTH_MAX, TopicTree
from causerie.views import PAGES_BY_END
from causerie.web.filters import WITHOUT_TENANT
from causerie.web.pages import Pages
from causerie.web.questions import DAYS, Asked, Reach, parse
from causerie.web.signin import Doors, Visitor

Clock = Callable[[], datetime]
Choices = list[tuple[str, str]]


def ask(
    request: Request,
    project: Project,
    tree: TopicTree,
    now: datetime,
    extent: Callable[[], Extent],
    sorts: tuple[str, ...],
) -> Asked:
    """What the address of a page asks for; `extent` tells how far all time goes."""

    def reach() -> Reach | None:
        found = extent()
        return (found.first, found.latest) if found.first and found.latest else None

    given = request.query_params
    return parse(project.id, given, now, reach, sorts=sorts, tree=tree, zone=project.zone)


class FilteredPages:
    """What every page about conversations begins and ends with."""

    def __init__(
        self,
        reports: Reports,
        inventory: Inventory,
        discretion: Discretion,
        views: Views,
        notes: Notes,
        doors: Doors,
        pages: Pages,
        clock: Clock,
    ) -> None:
        self._reports = reports
        self._inventory = inventory
        self._views = views
        self._notes = notes
        self._discretion = discretion
        self._doors = doors
        self._pages = pages
        self._clock = clock

    def enter(
        self, request: Request, sorts: tuple[str, ...] = ()
    ) -> tuple[Visitor, Asked, TopicTree]:
        """Who looks, what they ask, and the topics of the project. Raises NotFound, Redirect."""
        visitor = self._doors.enter(request)
        project = visitor.project
        tree = self.tree(project.id)
        extent = partial(self._reports.extent, project.id)
        return visitor, ask(request, project, tree, self._clock(), extent, sorts), tree

    def tree(self, project: str) -> TopicTree:
        """The topics of a project."""
        return self._discretion.tree(project)

    def first(self, question: Question) -> datetime | None:
        """When the first conversation of those who are asked about began, whenever that was."""
        return self._inventory.first(question.project, question.tenant)

    def reaches(self, before: Question) -> bool:
        """Whether there was anything yet when that span began: else growth would be invented."""
        first = self.first(before)
        return first is not None and first < before.since + timedelta(days=1)

    def choices(self, project: str) -> dict[str, Any]:
        """What there is to choose from, for a form with filters of its own."""
        return {
            "values": self._inventory.values(project),
            "topic_choices": topic_choices(self.tree(project)),
            "without_tenant": WITHOUT_TENANT,
        }

    def render(
        self,
        request: Request,
        template: str,
        visitor: Visitor,
        asked: Asked,
        tree: TopicTree,
        *,
        is_empty: bool,
        status: int = 200,
        **context: Any,
    ) -> Response:
        """A page with the filter bar. Where nothing is found, it also knows what there is."""
        project = visitor.project.id
        response = self._pages.render(
            request,
            template,
            visitor,
            status=status,
            asked=asked,
            carry=asked.carry,
            notices=asked.notices,
            tree=tree,
            spans=DAYS,
            extent=self._reports.extent(project) if is_empty else None,
            is_empty=is_empty,
            notes=self._notes.between(project, asked.first_day, asked.last_day),
            kept_views=self._views.all(project),
            # What the form for a new view holds; nothing where this page is not one to keep.
            view_page=PAGES_BY_END.get(request.url.path.removeprefix(f"/p/{project}"), ""),
            view_query=request.url.query,
            request_path=request.url.path,
            **self.choices(project),
            **context,
        )
        response.set_cookie(
            "project", project, secure=self._doors.secure, httponly=True, samesite="lax"
        )
        return response


def topic_choices(tree: TopicTree) -> Choices:
    """The topics that can be chosen, with their names; what is in a theme stands under it. One
    without a name cannot be told from others.
    """
    found: Choices = []

    def add(parent: str, depth: int) -> None:
        topics = sorted(tree.children(parent), key=lambda topic: (not topic.kept, topic.title))
        for topic in topics:
            if not topic.hidden and topic.is_named and depth < DEPTH_MAX:
                found.append((topic.id, "\u2003" * depth + topic.title))
                add(topic.id, depth + 1)

    add("", 0)
    return found
