"""Settings, Embedding: the secret that signs embeds, the sites that may frame them, a trial."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.config import Settings
from causerie.embeds import (
    LIFE_MAX,
    TENANT_CHARS_MAX,
    THEMES,
    Claims,
    checked_origins,
    sign,
)
from causerie.errors import CauserieError, Conflict, Invalid, NotFound
from causerie.reports import Reports
from causerie.store.embeds import Embeds
from causerie.store.views import Views
from causerie.views import View
from causerie.web.audited import note
from causerie.web.embed_pages import NEEDS_WORDS, NOT_EMBEDDED
from causerie.web.pages import Pages
from causerie.web.posts import Change, Form, post, refusal
from causerie.web.signin import Doors, Visitor
from causerie.web.speech import OFFERED
from causerie.wording import say

ROOT = "/p/{project}/settings/embedding"
LIVES = {
    "1": say("1 hour"),
    "24": say("1 day"),
    "168": say("7 days"),
    "720": say("30 days"),
}
"""How long a trial link works, by its hours."""
THEME_WORDS = {
    "auto": say("as the system has it"),
    "light": say("light"),
    "dark": say("dark"),
}
DONE = {
    "off": say("Embedding is off. No link works any more."),
    "sites": say("The sites that may frame embeds are saved."),
}
OFF = say("there is no secret yet: make one first")


class EmbedSettings:
    """The page under `/p/{project}/settings/embedding`, for owners."""

    def __init__(
        self,
        embeds: Embeds,
        views: Views,
        reports: Reports,
        doors: Doors,
        pages: Pages,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._embeds = embeds
        self._views = views
        self._reports = reports
        self._doors = doors
        self._pages = pages
        self._settings = settings
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """The addresses of the page and of its forms."""
        return [
            Route(ROOT, self.show),
            self._post("/secret", self._make),
            self._post("/off", self._end),
            self._post("/sites", self._allow),
            self._post("/link", self._try_out),
        ]

    def show(self, request: Request) -> Response:
        """What is chosen, and how to sign."""
        return self._show(request, self._doors.enter(request, Role.OWNER))

    def _post(self, path: str, change: Change) -> BaseRoute:
        return post(self._doors, ROOT + path, Role.OWNER, change, self._refuse)

    def _refuse(
        self, request: Request, visitor: Visitor, form: Form, error: CauserieError
    ) -> Response:
        return self._show(request, visitor, **refusal(error), given=form)

    def _show(
        self, request: Request, visitor: Visitor, status: int = 200, **context: Any
    ) -> Response:
        done, project = DONE.get(request.query_params.get("done", ""), ""), visitor.project.id
        views = [view for view in self._views.all(project) if view.page not in NOT_EMBEDDED]
        values: dict[str, Any] = {
            "tab": "embedding",
            "done": done if request.method == "GET" else "",
            "fault": "",
            "field": None,
            "given": {},
            "secret": "",
            "link": "",
            "owns": True,
            "embed": self._embeds.get(project),
            "views": views,
            "tenants": self._reports.values(project).tenants,
            "server": self._settings.base_url,
            "LIVES": LIVES,
            "THEME_WORDS": THEME_WORDS,
            "DAYS_MAX": LIFE_MAX.days,
            "TENANT_CHARS_MAX": TENANT_CHARS_MAX,
            **context,
        }
        return self._pages.render(
            request, "settings_embedding.html", visitor, status=status, section="settings", **values
        )

    # ---- what forms do -------------------------------------------------------------------------

    def _make(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """A new secret, which is the answer to the form: it is shown this once."""
        secret = self._embeds.make(visitor.project.id, self._clock())
        note(changed="embed_secret=new")
        return self._show(request, visitor, secret=secret)

    def _end(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._embeds.end(visitor.project.id)
        note(changed="embed_secret=none")
        return self._back(visitor, "off")

    def _allow(self, request: Request, visitor: Visitor, form: Form) -> Response:
        origins = checked_origins(form.get("origins", ""))
        self._embeds.allow(visitor.project.id, origins)
        note(changed=f"embed_sites={' '.join(origins)}")
        return self._back(visitor, "sites")

    def _try_out(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """A link to look at, as an app would sign it."""
        project = visitor.project.id
        secret = self._embeds.secret(project)
        if secret is None:
            raise Conflict(OFF)
        token = sign(secret, self._claims(project, form))
        link = f"{self._settings.base_url}/embed/{project}/{token}"
        note(changed=f"embed_link={form.get('view', '')}")
        return self._show(request, visitor, link=link, given=form)

    def _claims(self, project: str, form: Form) -> Claims:
        view = self._view(project, form.get("view", ""))
        tenant, hours = form.get("tenant", "").strip(), form.get("hours", "")
        transcripts = form.get("transcripts") == "on"
        if not tenant or len(tenant) > TENANT_CHARS_MAX:
            most = TENANT_CHARS_MAX
            raise Invalid(say("tenant: 1 to %(most)s characters", most=most), field="tenant")
        if view.page in NEEDS_WORDS and not transcripts:
            raise Invalid(say("a search shows what was said: tick that"), field="transcripts")
        life = timedelta(hours=int(hours) if hours in LIVES else 1)
        return Claims(
            view=view.id,
            tenant=tenant,
            exp=int((self._clock() + life).timestamp()),
            lang=form.get("lang", "") if form.get("lang") in OFFERED else "",
            theme=form.get("theme", "") if form.get("theme") in THEMES else "",
            transcripts=transcripts,
        )

    def _view(self, project: str, id: str) -> View:
        try:
            view = self._views.get(project, id)
        except NotFound as error:
            raise Invalid(say("choose a view"), field="view") from error
        if view.page in NOT_EMBEDDED:
            raise Invalid(say("that view cannot be embedded"), field="view")
        return view

    def _back(self, visitor: Visitor, done: str) -> Response:
        return RedirectResponse(f"{visitor.home}/settings/embedding?done={done}", 303)
