"""A project with two tenants who have the same ids and topics, and frames for both."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from httpx2 import Response

from causerie.notes import Note
from causerie.store.embeds import Embeds
from causerie.store.notes import Notes
from causerie.store.topics import Topics
from causerie.store.views import Views
from causerie.vault import open_vault
from causerie.views import View, new_view_id
from tests import understood
from tests.conftest import Cast

SITE = "https://app.example.com"


@dataclass(frozen=True)
class Tenant:
    """Somebody's customer, with a word that stands in all they have."""

    name: str
    marker: str


class House:
    """A project with tenants A and B, who have the same ids and topics, and a frame for each."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.a, self.b = (
            Tenant(name, f"mark{name}{uuid.uuid4().hex[:8]}") for name in ("acme", "bolt")
        )
        self.vault = open_vault(cast.folder, "")
        self.embeds = Embeds(cast.stores.engine, self.vault)
        self.views = Views(cast.stores.engine)
        self.secret = self.embeds.make(cast.project, cast.clock())
        self.embeds.allow(cast.project, (SITE,))
        self._find_topics()
        for tenant, people in ((self.a, 1), (self.b, 4)):
            self._move_in(tenant, people)
        self._note()

    def _move_in(self, tenant: Tenant, people: int) -> None:
        mark = tenant.marker
        for number in range(people):
            for id, user in ((f"talk-{number}", f"user-{number}"), (f"{mark}-{number}", mark)):
                self.cast.log(
                    {"role": "system", "message": f"the prompt of {mark}"},
                    {"role": "user", "message": f"A lamp for {mark}?"},
                    {"type": "tool", "name": f"tool-{mark}", "observation": mark},
                    {"role": "assistant", "message": f"Said to {mark}", "rating": -1},
                    {"type": "event", "name": "bought" if user != mark else f"event-{mark}"},
                    how="/thread",
                    id=id,
                    feedback=f"feedback of {mark}",
                    tenant_id=tenant.name,
                    metadata={"user_id": user, "model": f"model-{mark}", "plan": f"plan-{mark}"},
                )
        self.cast.settle()
        about = {"language": "en", "sentiment": -0.7, "signals": ("reasked",)}
        meaning = {**about, "suggested": "t-shared", "topics": (f"t-{tenant.name[0]}",)}
        told = {f"{name}-{n}": [{}, meaning] for name in ("talk", mark) for n in range(people)}
        events, project = self.cast.stores.events, self.cast.project
        understood.understand_all(events, project, told, tenant=tenant.name)

    def _find_topics(self) -> None:
        topics, project, b = Topics(self.cast.stores.engine), self.cast.project, self.b.marker
        shared = understood.found_topic(
            project, "t-shared", f"Lamps {b}", terms=(b,), typical=f"A lamp for {b}?", size=9
        )
        for topic in (
            shared,
            understood.kept_topic(project, "t-a", f"Kept {self.a.marker}", "lamp"),
            understood.kept_topic(project, "t-b", f"Kept {b}", b),
            understood.found_topic(project, "t-silent", f"Silent {b}", typical=b),
        ):
            topics.put(topic)

    def _note(self) -> None:
        now = self.cast.clock()
        note = Note(
            id="n",
            project=self.cast.project,
            day=now.date(),
            text=f"note of {self.b.marker}",
            by="",
            created_at=now,
        )
        Notes(self.cast.stores.engine).add(note)

    def view(self, page: str, query: str = "") -> str:
        """The id of a view that is kept, whose name nobody else may see."""
        view = View(
            id=new_view_id(random.Random()),
            project=self.cast.project,
            name=f"view {self.b.marker} {uuid.uuid4().hex}",
            page=page,
            query=query,
            by="ada@example.org",
            created_at=self.cast.clock(),
        )
        self.views.add(view)
        return view.id

    def home(self, view: str, tenant: str = "acme", **claims: Any) -> str:
        """Where an embed is, signed as an app signs it."""
        exp = claims.pop("exp", (self.cast.clock() + timedelta(minutes=10)).timestamp())
        secret = claims.pop("secret", self.secret)
        said = {"view": view, "tenant": tenant, "exp": exp, **claims}
        said = {name: value for name, value in said.items() if value is not None}
        return f"/embed/{self.cast.project}/{jwt.encode(said, secret, 'HS256')}"

    def look(self, address: str, query: str = "", **headers: str) -> Response:
        """Without any cookie."""
        self.cast.client.cookies.clear()
        mark = "&" if "?" in address else "?"
        return self.cast.client.get(f"{address}{mark if query else ''}{query}", headers=headers)
