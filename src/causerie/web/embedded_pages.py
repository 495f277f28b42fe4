"""Pages with their filters as an embed shows them: of one tenant, within one view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from causerie.reports import FilterValues, Question, Reports
from causerie.topic_trees import TopicTree
from causerie.web.filtered_pages import FilteredPages, ask
from causerie.web.filters import WITHOUT_TENANT, Pairs
from causerie.web.pages import Pages
from causerie.web.questions import DAYS, DAYS_DEFAULT, Asked
from causerie.web.signin import Visitor

NO_VALUES = FilterValues([], [], [], [])
"""What a project can be filtered by tells of all its tenants."""


@dataclass(frozen=True)
class Onlooker(Visitor):
    """Who looks at one tenant through a frame on another site."""

    tenant: str
    address: str
    """Where the pages of this embed are, with its token."""
    transcripts: bool
    scheme: str
    """`light`, `dark`, or `auto` for what their system is."""
    held: Pairs
    """The filters of the view."""

    @property
    def home(self) -> str:
        """Where the pages of this embed are."""
        return self.address

    @property
    def embedded(self) -> bool:
        """That they see this view alone."""
        return True

    @property
    def reads(self) -> bool:
        """Whether they may read what was said."""
        return self.transcripts

    @property
    def theme(self) -> str:
        """What their page says, not what a browser kept for the dashboard."""
        return self.scheme


class EmbeddedPages(FilteredPages):
    """What the pages of one embed begin and end with. `reports` read that tenant alone."""

    def __init__(
        self,
        onlooker: Onlooker,
        tree: TopicTree,
        reports: Reports,
        pages: Pages,
        clock: Callable[[], datetime],
    ) -> None:
        # Not those of members: nothing of theirs, such as notes and views, is shown here.
        self._onlooker = onlooker
        self._tree = tree
        self._reports = reports
        self._pages = pages
        self._clock = clock

    def enter(
        self, request: Request, sorts: tuple[str, ...] = ()
    ) -> tuple[Visitor, Asked, TopicTree]:
        """Who looks, what they ask of their tenant, and the topics that they may see."""
        visitor = self._onlooker
        project = visitor.project
        extent = partial(self._reports.extent, project.id, visitor.tenant)
        asked = ask(request, project, self._tree, self._clock(), extent, sorts)
        return (
            visitor,
            replace(
                asked,
                question=replace(asked.question, tenant=visitor.tenant),
                # An address that chooses nothing is that of the view.
                span=asked.span or (("days", DAYS_DEFAULT),),
                held=visitor.held,
            ),
            self._tree,
        )

    def tree(self, project: str) -> TopicTree:
        """The topics that they may see."""
        return self._tree

    def first(self, question: Question) -> datetime | None:
        """When the first conversation of the tenant began."""
        return self._reports.first(question.project, self._onlooker.tenant)

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
        """A page with the time to choose. Of the project it knows what the tenant has."""
        project, tenant = visitor.project.id, self._onlooker.tenant
        return self._pages.render(
            request,
            template,
            visitor,
            status=status,
            asked=asked,
            carry=asked.carry,
            notices=asked.notices,
            values=NO_VALUES,
            topic_choices=[],
            tree=tree,
            spans=DAYS,
            without_tenant=WITHOUT_TENANT,
            extent=self._reports.extent(project, tenant) if is_empty else None,
            is_empty=is_empty,
            notes=[],
            kept_views=[],
            view_page="",
            view_query="",
            request_path=request.url.path,
            **context,
        )
