"""A house with doors: the pages for members over a real state store, and people to try them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

from httpx2 import Response
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.responses import Response as Answer
from starlette.routing import Route
from starlette.testclient import TestClient

from causerie.accounts import Member, Project, Role
from causerie.config import Settings
from causerie.costs import Costs
from causerie.errors import CauserieError
from causerie.reports import Reports
from causerie.store.accounts import Accounts
from causerie.store.endpoints import Endpoints
from causerie.store.events import EventStore
from causerie.store.sign_ins import SignIns
from causerie.store.spending import Spending
from causerie.testing import Ticking
from causerie.vault import Vault
from causerie.web.edge import answer_error
from causerie.web.key_limits import Ledger
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.settings_pages import SettingsPages
from causerie.web.signin import Doors, SignIn
from causerie.web.voices import Voices

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PASSWORD = "correct horse battery"
NOBODY = "clickhouse://127.0.0.1:1/causerie"
"""Where nothing listens."""


class House:
    """The app, its accounts and its clock. `Mine` is the project, `forgotten` counts how often
    the keys were to be asked for again. Unless one is given, no analytics store answers.
    """

    def __init__(
        self, engine: Engine, settings: Settings | None = None, events: EventStore | None = None
    ) -> None:
        self._engine = engine
        self._events = events or EventStore(NOBODY)
        self.settings = settings or Settings(data=Path("nowhere"))
        self.clock = Ticking(NOW)
        self.accounts = Accounts(engine)
        self.sign_ins = SignIns(engine)
        self.forgotten = 0
        self.mine: Project = self.accounts.create_project("Mine", NOW)
        self.doors = Doors(self.accounts, self.sign_ins, self.settings, self.clock)
        self.app = self._build()

    def _build(self) -> Starlette:
        pages, voices = Pages(self.clock), Voices(should_retry=False)
        stores = (self.accounts, self.sign_ins)
        given = (*stores, self.doors, pages, self.settings, self.clock)
        offers = Offers(Endpoints(self._engine, Vault(b"a secret")), lambda project: None)
        ledger = Ledger(Costs(self._events), Spending(self._engine))
        reports = Reports(self._events)
        return Starlette(
            routes=[
                *SignIn(*given).routes(),
                *SettingsPages(*given, self._forget, offers, ledger, reports).routes(),
                Route("/", self._home),
                Route("/p/{project}", self._inside),
                Route("/p/{project}/start", self._inside),
                *pages.routes(),
            ],
            exception_handlers={
                kind: answer_error(pages, voices)
                for kind in (CauserieError, HTTPException, Exception)
            },
        )

    def _home(self, request: Request) -> Answer:
        names = [project.name for project, _ in self.doors.projects(request)]
        return PlainTextResponse(", ".join(names))

    def _inside(self, request: Request) -> Answer:
        visitor = self.doors.enter(request)
        return PlainTextResponse(f"{visitor.member.email} {visitor.role} {visitor.project.id}")

    def _forget(self) -> None:
        self.forgotten += 1

    def nobody(self) -> Visit:
        """Somebody who is not signed in."""
        client = TestClient(self.app, base_url=self.settings.base_url, follow_redirects=False)
        return Visit(client)

    def enrol(self, email: str, role: Role | None, project: str = "mine") -> Member:
        """A member without a password; no role leaves them out of the project."""
        member = self.accounts.create_member(email, self.clock())
        if role is not None:
            self.accounts.join(project, member.id, role)
        return member

    def visitor(self, email: str, role: Role | None, project: str = "mine") -> Visit:
        """A new member who is signed in."""
        return self.let_in(self.enrol(email, role, project))

    def let_in(self, member: Member) -> Visit:
        """The member, signed in."""
        visit = self.nobody()
        token, csrf = self.sign_ins.create_session(member.id, self.clock())
        name = "__Host-causerie-session" if self.doors.secure else "causerie-session"
        visit.keep(name, token)
        visit.csrf = csrf
        return visit


@dataclass
class Visit:
    """A browser: it keeps cookies, and sends the hidden fields that a page's form has."""

    client: TestClient
    csrf: str = ""
    page: Page = field(default_factory=lambda: Page())

    def keep(self, cookie: str, value: str) -> None:
        """Have a cookie as if this server had set it."""
        self.client.cookies.set(cookie, value, domain=self.client.base_url.host)

    def get(self, path: str) -> Response:
        """A page, remembered for its forms."""
        return self._remember(self.client.get(path))

    def post(self, path: str, **fields: str) -> Response:
        """A form, with the secret of the session."""
        return self._remember(self.client.post(path, data={"csrf": self.csrf, **fields}))

    def fill(self, path: str, fields: Mapping[str, str] | None = None, **more: str) -> Response:
        """Open the page at that address and send its form to the same address."""
        self.get(path)
        values = {**self.page.hidden, **(fields or {}), **more}
        return self._remember(self.client.post(path, data=values))

    def _remember(self, response: Response) -> Response:
        self.page = Page()
        self.page.feed(response.text)
        return response


class Page(HTMLParser):
    """What tests ask of a page: its words, the hidden fields of its first form, its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self.forms: list[str] = []
        self._texts: list[str] = []

    @property
    def text(self) -> str:
        """All words, with single spaces."""
        return re.sub(r"\s+", " ", " ".join(self._texts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and fields."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(given.get("action", ""))
        if tag == "input" and given.get("type") == "hidden" and len(self.forms) == 1:
            self.hidden[given["name"]] = given.get("value", "")
        elif tag in ("input", "select") and "name" in given:
            self.fields[given["name"]] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        """Note words."""
        self._texts.append(data)
