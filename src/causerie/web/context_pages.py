"""The pages about contexts: which are live, and what a model will see next in one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.contexts import TAG_PREFIX, Context, Mode
from causerie.endpoints import Endpoint
from causerie.errors import Busy, Conflict
from causerie.ingest import Ingest
from causerie.privacy import PersonalDataFilter
from causerie.reports import Page
from causerie.store.contexts import Contexts
from causerie.web.context_reading import ContextReading, rule_of
from causerie.web.forms import sentence
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

ROOT = "/p/{project}/contexts"
PER_PAGE = 50
PAGES_MAX = 100_000
FILTER_CHARS_MAX = 200
DONE = {
    "deleted": say("The context is deleted. What was said in it stays in its transcript."),
    "undone": say("The last turn is dropped. The next call goes on from the one before."),
}
GOING_ON = "A turn is going on in this context. Try again when it has ended."
Change = Callable[[Visitor, str], str]
"""Does something to the context of that id; where it leads."""


@dataclass(frozen=True)
class AskedContexts:
    """Which contexts an address asks for."""

    user: str
    tag: str
    page: int

    @property
    def filters(self) -> bool:
        """Whether it asks for some only."""
        return bool(self.user or self.tag)

    def query(self, **changes: str) -> str:
        """The same page with some parameters changed, or left out where empty."""
        given = {"user": self.user, "tag": self.tag, **changes}
        pairs = {name: value for name, value in given.items() if value}
        return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""


@dataclass(frozen=True)
class ContextRow:
    """A context as the list shows it."""

    context: Context
    user: str
    """As transcripts name them."""
    tags: list[str]
    endpoint: str


class ContextPages:
    """The pages under `/p/{project}/contexts`."""

    def __init__(
        self,
        contexts: Contexts,
        offers: Offers,
        doors: Doors,
        pages: Pages,
        base_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._contexts = contexts
        self._offers = offers
        self._doors = doors
        self._pages = pages
        self._base_url = base_url
        self._clock = clock
        self._reading = ContextReading(Ingest(PersonalDataFilter()))

    def routes(self) -> list[BaseRoute]:
        """The addresses of the pages and of their forms."""
        one = ROOT + "/{context}"
        return [
            Route(ROOT, self.index),
            Route(one, self.show),
            Route(f"{one}/delete", self._post(self._delete), methods=["POST"]),
            Route(f"{one}/undo", self._post(self._undo), methods=["POST"]),
        ]

    # ---- the list ----------------------------------------------------------------------------

    def index(self, request: Request) -> Response:
        """Live contexts, the last used first."""
        visitor = self._doors.enter(request)
        asked = ask(request.query_params)
        project, now = visitor.project.id, self._clock()
        found, total = self._found(project, asked, now)
        if not found and asked.page > 1:
            asked = AskedContexts(asked.user, asked.tag, 1)
            found, total = self._found(project, asked, now)
        tally = self._contexts.totals(project, now)
        return self._render(
            request,
            visitor,
            "contexts.html",
            asked=asked,
            page=Page(self._rows(visitor, found), total, asked.page, PER_PAGE),
            tally=tally,
            offers=self._offers.list(project) if not tally.live else [],
        )

    def _found(
        self, project: str, asked: AskedContexts, now: datetime
    ) -> tuple[list[Context], int]:
        return self._contexts.list(
            project,
            now,
            user=asked.user or None,
            tag=asked.tag or None,
            limit=PER_PAGE,
            offset=(asked.page - 1) * PER_PAGE,
        )

    def _rows(self, visitor: Visitor, found: list[Context]) -> list[ContextRow]:
        tags = self._tags(visitor.project.id)
        names = self._offers.names(visitor.project.id)
        return [self._row(visitor, context, tags.get(context.id, []), names) for context in found]

    def _row(
        self, visitor: Visitor, context: Context, tags: list[str], names: Mapping[str, str]
    ) -> ContextRow:
        about = self._reading.about(context, visitor.project, tags)
        endpoint = names.get(context.endpoint, context.endpoint)
        shown = [about[f"{TAG_PREFIX}{tag}"] for tag in tags]
        return ContextRow(context, about.get("user_id", ""), shown, endpoint)

    def _tags(self, project: str) -> dict[str, list[str]]:
        """The tags of each context."""
        found: dict[str, list[str]] = {}
        for tag, context in self._contexts.tags(project).items():
            found.setdefault(context, []).append(tag)
        return found

    # ---- one of them -------------------------------------------------------------------------

    def show(self, request: Request) -> Response:
        """What the model will see next."""
        visitor = self._doors.enter(request)
        return self._show(request, visitor, request.path_params["context"])

    def _show(
        self, request: Request, visitor: Visitor, id: str, status: int = 200, fault: str = ""
    ) -> Response:
        project, now = visitor.project, self._clock()
        context = self._contexts.get(project.id, id, now)
        turns = self._contexts.history(project.id, context.id, now)
        endpoints = {endpoint.id: endpoint for endpoint in self._offers.list(project.id)}
        endpoint: Endpoint | None = endpoints.get(context.endpoint)
        tags = self._tags(project.id).get(context.id, [])
        names = {id: endpoint.name for id, endpoint in endpoints.items()}
        about = self._reading.about(context, project, [])
        return self._render(
            request,
            visitor,
            "context.html",
            status,
            row=self._row(visitor, context, tags, names),
            context=context,
            metadata={key: value for key, value in about.items() if key != "user_id"},
            endpoint=endpoint,
            view=self._reading.view(context, turns, project),
            rule=rule_of(context, endpoint),
            is_session=context.mode is Mode.SESSION,
            busy=context.busy_until is not None and context.busy_until > now,
            fault=fault,
        )

    def _render(
        self,
        request: Request,
        visitor: Visitor,
        template: str,
        status: int = 200,
        **context: Any,
    ) -> Response:
        done = DONE.get(request.query_params.get("done", ""), "")
        return self._pages.render(
            request,
            template,
            visitor,
            status=status,
            section="contexts",
            done=done if request.method == "GET" else "",
            may_manage=visitor.role.covers(Role.MEMBER),
            url=self._base_url,
            **{"fault": "", "field": None, **context},
        )

    # ---- what their forms do -----------------------------------------------------------------

    def _post(self, change: Change) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            visitor = await run_in_threadpool(self._doors.enter, request, Role.MEMBER)
            await self._doors.check_form(request, visitor)
            return await run_in_threadpool(self._attempt, request, visitor, change)

        return answer

    def _attempt(self, request: Request, visitor: Visitor, change: Change) -> Response:
        id = request.path_params["context"]
        try:
            path = change(visitor, id)
        except Busy:
            return self._show(request, visitor, id, 409, GOING_ON)
        except Conflict as error:
            return self._show(request, visitor, id, 409, sentence(error.wording))
        return RedirectResponse(f"/p/{visitor.project.id}/contexts{path}", 303)

    def _delete(self, visitor: Visitor, id: str) -> str:
        self._contexts.delete(visitor.project.id, id)
        return "?done=deleted"

    def _undo(self, visitor: Visitor, id: str) -> str:
        context = self._contexts.undo(visitor.project.id, id, self._clock())
        return f"/{context.id}?done=undone"


def ask(given: QueryParams) -> AskedContexts:
    """What an address asks for; what cannot be understood is left out."""
    number = given.get("page", "")
    page = int(number[:6]) if number.isascii() and number.isdigit() else 1
    return AskedContexts(
        given.get("user", "").strip()[:FILTER_CHARS_MAX],
        given.get("tag", "").strip()[:FILTER_CHARS_MAX],
        min(max(page, 1), PAGES_MAX),
    )
