"""Saved views in frames on other sites: a token opens one, for one tenant.

The pages are those of the dashboard, over reports that cannot be asked for another tenant. Nothing
here knows of sessions or cookies, and no session opens anything here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import TOPIC_USERS_MIN, Member, Project, Role
from causerie.audit import By
from causerie.embeds import NOT_VALID, THEMES, Claims, read_token
from causerie.errors import CauserieError, Conflict, Forbidden, Gone, Invalid, NotFound
from causerie.reports import Reports
from causerie.store.accounts import Accounts
from causerie.store.embeds import Embeds
from causerie.store.events import EventStore
from causerie.store.tenant_events import TenantEvents
from causerie.store.views import Views
from causerie.tenant_topics import TenantTopics
from causerie.views import PAGES, View
from causerie.web.audited import note
from causerie.web.edge import status_of
from causerie.web.embed_links import place_in, placed
from causerie.web.embedded_pages import EmbeddedPages, Onlooker
from causerie.web.filtered_pages import FilteredPages
from causerie.web.forms import sentence
from causerie.web.held_filters import held_filters, narrowed
from causerie.web.pages import HEADERS, Pages
from causerie.web.speech import OFFERED
from causerie.wording import say

PATH = "/embed/{project}/{token}"
LIST = "/conversations"
NOT_EMBEDDED = {
    "today": say("Today is about a member of the project, and cannot be embedded."),
    "sql": say("A query is not limited to one tenant, and cannot be embedded."),
}
NEEDS_WORDS = frozenset({"search"})
"""Pages that show nothing but what was said."""
TITLES = {
    403: say("This cannot be shown"),
    404: say("Not found"),
    410: say("This has expired"),
    503: say("Not available at this moment"),
}
REFUSED = say("This link is not valid. Load the page around it again.")
EXPIRED = say("The time of this link is over. Load the page around it again.")
ANYWHERE = "*"
Handler = Callable[[Request], Response]
Rooms = Callable[[EventStore, FilteredPages], Mapping[str, Mapping[str, Handler]]]
"""The pages that can be embedded, over what they read and how they begin: of each kind of view its
handlers, by the end of their address.
"""


class EmbedPages:
    """Sync: the server runs it in its thread pool."""

    def __init__(
        self,
        embeds: Embeds,
        accounts: Accounts,
        views: Views,
        topics: TenantTopics,
        events: EventStore,
        rooms: Rooms,
        pages: Pages,
        clock: Callable[[], datetime],
    ) -> None:
        self._embeds = embeds
        self._accounts = accounts
        self._views = views
        self._topics = topics
        self._events = events
        self._rooms = rooms
        self._pages = pages
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """The address of a view, and of what its numbers lead to."""
        return [Route(PATH, self.open), Route(f"{PATH}/{{rest:path}}", self.open)]

    def open(self, request: Request) -> Response:
        """A page of an embed, or one that says why there is none."""
        id, token = request.path_params["project"], request.path_params["token"]
        try:
            project, claims = self._admit(id, token)
            return self._show(request, project, claims, f"/embed/{id}/{token}")
        except CauserieError as error:
            return self._refuse(request, error)

    def _admit(self, id: str, token: str) -> tuple[Project, Claims]:
        """What the token says, if it is of that project. Unknown projects, those that embed nothing
        and other secrets look alike. Raises Forbidden, Gone, Invalid.
        """
        try:
            secret = self._embeds.secret(id)
        except Conflict as error:
            raise Forbidden(NOT_VALID) from error
        claims = read_token(token, secret or secrets.token_hex(), self._clock())
        project = self._accounts.project(id)
        if project is None:
            raise Forbidden(NOT_VALID)
        # What all tenants say may be named for members and be too much for one of them.
        least = max(project.topic_users_min, TOPIC_USERS_MIN)
        return replace(project, topic_users_min=least), claims

    def _show(self, request: Request, project: Project, claims: Claims, home: str) -> Response:
        view = self._view(project.id, claims)
        note(by=By("embed", view.id, view.name), project=project)
        reads = claims.transcripts
        events = TenantEvents(self._events, project.id, claims.tenant, words=reads)
        tree = self._topics.tree(events, project, claims.tenant)
        rest = request.path_params.get("rest", "")
        # What the view shows is at its own address, as the links of its page have it.
        end = f"/{rest}" if rest else PAGES[view.page]
        query = narrowed(
            request.query_params,
            view.query,
            tree,
            is_view=end == PAGES[view.page],
            reads=reads,
        )
        onlooker = _onlooker(project, claims, home, held_filters(view.query, tree), self._clock())
        filtered = EmbeddedPages(onlooker, tree, Reports(events), self._pages, self._clock)
        rooms = self._rooms(events, filtered)
        handlers = {**rooms["conversations"], **rooms[view.page]}
        if rest.startswith("conversations/"):
            note(object=("conversation", rest.partition("/")[2]))
        inner = _inner(request, home + end, urlencode(query.multi_items()), project.id)
        answer = _handler(end, handlers, reads=reads)(inner)
        place = place_in(home, frozenset({"", *handlers}), reads=reads)
        origins = self._embeds.get(project.id).origins
        return _framed(placed(bytes(answer.body).decode(), place), answer.status_code, origins)

    def _view(self, project: str, claims: Claims) -> View:
        try:
            view = self._views.get(project, claims.view)
        except NotFound as error:
            raise NotFound(say("This view is no longer there.")) from error
        if view.page in NOT_EMBEDDED:
            raise NotFound(NOT_EMBEDDED[view.page])
        if view.page in NEEDS_WORDS and not claims.transcripts:
            raise NotFound(say("What was said is not shown here."))
        return view

    def _refuse(self, request: Request, error: CauserieError) -> Response:
        status = 403 if isinstance(error, Invalid) else status_of(error)
        answer = self._pages.render(
            request,
            "embed_error.html",
            None,
            status=status,
            title=TITLES.get(status, TITLES[503]),
            message=_why(error),
        )
        # It tells nothing, so that any frame may say why it is empty.
        return _framed(bytes(answer.body).decode(), status, (ANYWHERE,))


def _why(error: CauserieError) -> str:
    if isinstance(error, Gone):
        return EXPIRED
    return REFUSED if error.wording is NOT_VALID else sentence(error.wording)


def _onlooker(
    project: Project, claims: Claims, home: str, held: tuple[tuple[str, str], ...], now: datetime
) -> Onlooker:
    language = claims.lang if claims.lang in OFFERED else ""
    return Onlooker(
        member=Member(id="", email="", created_at=now, has_password=False, language=language),
        project=project,
        role=Role.VIEWER,
        projects=[],
        csrf="",
        tenant=claims.tenant,
        address=home,
        transcripts=claims.transcripts,
        scheme=claims.theme if claims.theme in THEMES else "auto",
        held=held,
    )


def _inner(request: Request, path: str, query: str, project: str) -> Request:
    """The request as the page of the dashboard knows it."""
    scope = {
        **request.scope,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "path_params": {"project": project, "id": path.partition(f"{LIST}/")[2]},
    }
    return Request(scope)


def _handler(end: str, handlers: Mapping[str, Handler], *, reads: bool) -> Handler:
    if end in handlers:
        return handlers[end]
    if reads and end.startswith(f"{LIST}/"):
        return handlers[f"{LIST}/{{id:path}}"]
    raise NotFound(say("That is not part of this view."))


def _framed(html: str, status: int, origins: tuple[str, ...]) -> HTMLResponse:
    """A page that these sites may frame, and no other."""
    ancestors = " ".join(origins) or "'none'"
    policy = HEADERS["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", f"frame-ancestors {ancestors}"
    )
    headers = {name: value for name, value in HEADERS.items() if name != "X-Frame-Options"}
    headers |= {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return HTMLResponse(html, status, headers=headers)
