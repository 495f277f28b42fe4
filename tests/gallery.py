"""The pages about the gateway over real stores, and people to look at them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from httpx2 import Response
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from causerie.accounts import Role
from causerie.config import Settings
from causerie.costs import Costs
from causerie.discretion import Discretion
from causerie.endpoints import LOCAL_ENDPOINT, Endpoint, Upstream
from causerie.errors import CauserieError
from causerie.exchanges import Exchange
from causerie.store.accounts import Accounts
from causerie.store.contexts import Contexts
from causerie.store.endpoints import Endpoints
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.store.sign_ins import SignIns
from causerie.store.topics import Topics
from causerie.testing import Ticking
from causerie.vault import Vault
from causerie.web.context_pages import ContextPages
from causerie.web.cost_pages import CostPages
from causerie.web.edge import answer_error
from causerie.web.endpoint_pages import EndpointPages
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.signin import Doors
from causerie.web.voices import Voices
from tests.made_calls import NOON, keep_calls
from tests.web_page import Page

SECRET_KEY = "sk-very-secret"
URL = "http://127.0.0.1:8123"


class Gallery:
    """The pages of two projects, `project` and another one that nobody here is in.

    `has_local` says whether a model runs beside the server; `forgotten` counts how often endpoints
    were to be read again.
    """

    def __init__(self, engine: Engine, events: EventStore, project: str) -> None:
        self.engine = engine
        self.project = project
        self.other = f"{project}-other"
        self.clock = Ticking(NOON)
        self.accounts = Accounts(engine)
        self.sign_ins = SignIns(engine)
        self.contexts = Contexts(engine)
        self.endpoints = Endpoints(engine, Vault(b"a secret"))
        self.events = events
        self.has_local = False
        self.forgotten = 0
        for id in (project, self.other):
            self.accounts.create_project(id, NOON, id)
        self.app = self._build()

    def _build(self) -> Starlette:
        settings = Settings(data=Path("nowhere"))
        pages, voices = Pages(self.clock), Voices(should_retry=False)
        doors = Doors(self.accounts, self.sign_ins, settings, self.clock)
        costs, offers = Costs(self.events), Offers(self.endpoints, self._local)
        url, clock = settings.base_url, self.clock
        discretion = Discretion(Topics(self.engine), self.accounts, self.events, clock)
        answer = answer_error(pages, voices)
        return Starlette(
            routes=[
                *CostPages(
                    costs, self.accounts, discretion, offers, doors, pages, url, clock
                ).routes(),
                *ContextPages(self.contexts, offers, doors, pages, url, clock).routes(),
                *EndpointPages(
                    self.endpoints, offers, costs, doors, pages, url, clock, self._forget
                ).routes(),
                *pages.routes(),
            ],
            exception_handlers=dict.fromkeys((CauserieError, HTTPException, Exception), answer),
        )

    def _forget(self) -> None:
        self.forgotten += 1

    def _local(self, project: str) -> Endpoint | None:
        if not self.has_local:
            return None
        upstream = Upstream(base_url="http://127.0.0.1:9/v1", model="tiny", key=SECRET_KEY)
        return Endpoint(
            project=project,
            id=LOCAL_ENDPOINT,
            name="A small model, English only",
            upstreams=(upstream,),
            created_at=NOON,
        )

    def add_endpoint(self, id: str = "ep-a", **given: Any) -> Endpoint:
        """An endpoint of the project."""
        base = "https://models.example/v1"
        own = (Upstream(base_url=base, model="small", key=SECRET_KEY),)
        facts: dict[str, Any] = {"project": self.project, "name": f"Name of {id}"}
        facts |= {"upstreams": own, "created_at": NOON, **given}
        return self.endpoints.add(Endpoint(id=id, **facts))

    def keep(self, *calls: Exchange, project: str = "", **about: str) -> None:
        """Calls that were made."""
        keep_calls(Inbox(self.engine), self.events, project or self.project, calls, **about)

    def visitor(self, role: Role | None = Role.MEMBER, project: str = "") -> Guest:
        """Somebody who is signed in, in the project unless said otherwise."""
        client = TestClient(self.app, base_url=URL, follow_redirects=False)
        if role is None:
            return Guest(client, self.project, "")
        member = self.accounts.create_member(f"{role}{project}@example.org", self.clock())
        self.accounts.join(project or self.project, member.id, role)
        token, csrf = self.sign_ins.create_session(member.id, self.clock())
        client.cookies.set("causerie-session", token, domain="127.0.0.1")
        return Guest(client, self.project, csrf)


@dataclass
class Guest:
    """A browser at the pages of the project."""

    client: TestClient
    project: str
    csrf: str

    def get(self, path: str) -> Response:
        """A page as it comes. A path is the project's, unless it begins at the root."""
        return self.client.get(self._address(path))

    def see(self, path: str, status: int = 200) -> Page:
        """A page, which is well made."""
        answer = self.get(path)
        assert answer.status_code == status, answer.text
        return well_made(answer)

    def post(self, path: str, **fields: str) -> Response:
        """A form, with the secret of the session."""
        return self.client.post(self._address(path), data={"csrf": self.csrf, **fields})

    def change(self, path: str, **fields: str) -> Page:
        """Send a form that is accepted; the page that it leads to."""
        answer = self.post(path, **fields)
        assert answer.status_code == 303, answer.text
        return self.see(answer.headers["location"])

    def _address(self, path: str) -> str:
        return path if path.startswith("/p/") else f"/p/{self.project}{path}"


def well_made(answer: Response) -> Page:
    """The page of an answer, once it was checked."""
    page = Page(answer.text)
    page.check()
    return page
