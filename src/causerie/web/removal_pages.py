"""Keeping and deleting: how long transcripts are kept, who is to be removed, and the proofs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import RETENTION_DAYS_MAX, Project, Role
from causerie.errors import CauserieError, Invalid
from causerie.removals import STAGES, Removal, Scope, Stage, subject_of
from causerie.removing import Removing
from causerie.store.accounts import Accounts
from causerie.store.event_removals import EventRemovals
from causerie.store.removals import Removals
from causerie.web.audited import note
from causerie.web.filters import WITHOUT_TENANT
from causerie.web.pages import Pages
from causerie.web.posts import Change, Form, post, refusal
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

ROOT = "/p/{project}/settings/privacy/data"
SCOPE_WORDS = {
    Scope.USER: say("A user"),
    Scope.CONVERSATION: say("A conversation"),
    Scope.AGE: say("What was too old"),
}
STAGE_WORDS = {
    Stage.HIDE: say("Hiding it, and clearing the state store"),
    Stage.ROWS: say("Writing the analytics files anew without it"),
    Stage.MARKS: say("Writing them anew without the marks"),
    Stage.PARTS: say("Waiting for the old files to go"),
    Stage.PAGES: say("Writing the state store's file anew"),
    Stage.PROOF: say("Looking through every place"),
    Stage.DONE: say("Done"),
}
DONE = {
    "kept": say("Older transcripts go once a day, the first time within a day."),
    "forever": say("Transcripts are kept for ever."),
}
EVERY_TENANT = "(every)"


class RemovalPages:
    """The page under `/p/{project}/settings/privacy/data`, for owners."""

    def __init__(
        self,
        removals: Removals,
        removing: Removing,
        events: EventRemovals,
        accounts: Accounts,
        doors: Doors,
        pages: Pages,
        clock: Callable[[], datetime],
        forget: Callable[[], None],
    ) -> None:
        self._removals = removals
        self._removing = removing
        self._events = events
        self._accounts = accounts
        self._doors = doors
        self._pages = pages
        self._clock = clock
        self._forget = forget

    def routes(self) -> list[BaseRoute]:
        """The addresses of the pages and of their forms."""
        return [
            Route(ROOT, self.show),
            Route(f"{ROOT}/{{removal}}", self.removal),
            self._post("/retention", self._set_retention),
            self._post("/count", self._count),
            self._post("/user", self._remove_user),
            self._post("/talk", self._remove_conversation),
            self._post("/find", self._find),
        ]

    def show(self, request: Request) -> Response:
        """How long things are kept, and what was removed."""
        return self._show(request, self._doors.enter(request, Role.OWNER))

    def removal(self, request: Request) -> Response:
        """One removal: how far it is, and its proof, which can be taken away. Raises NotFound."""
        visitor = self._doors.enter(request, Role.OWNER)
        found = self._removals.get(visitor.project.id, request.path_params["removal"])
        if request.query_params.get("format") == "json" and found.proof is not None:
            proof = msgspec.json.format(msgspec.json.encode(found.proof), indent=2)
            name = f"attachment; filename=removal-{found.id}.json"
            headers = {"Content-Disposition": name}
            return Response(proof, media_type="application/json", headers=headers)
        return self._pages.render(
            request,
            "removal.html",
            visitor,
            section="settings",
            removal=found,
            by=self._by(visitor.project.id, found),
            **_words(),
        )

    def _by(self, project: str, removal: Removal) -> str:
        """Who asked, as far as they are still there."""
        members = {one.member: one.email for one in self._accounts.memberships(project)}
        keys = {key.id: key.name for key in self._accounts.keys(project)}
        return members.get(removal.asked_by, keys.get(removal.asked_by, removal.asked_by))

    def _post(self, path: str, change: Change) -> BaseRoute:
        return post(self._doors, ROOT + path, Role.OWNER, change, self._refuse)

    def _refuse(
        self, request: Request, visitor: Visitor, form: Form, error: CauserieError
    ) -> Response:
        return self._show(request, visitor, **refusal(error), given=form)

    def _show(
        self, request: Request, visitor: Visitor, status: int = 200, **context: Any
    ) -> Response:
        done = DONE.get(request.query_params.get("done", ""), "")
        values: dict[str, Any] = {
            "tab": "privacy",
            "done": done if request.method == "GET" else "",
            "fault": "",
            "field": None,
            "given": {},
            "counted": None,
            "found": None,
            "owns": True,
            "removals": self._removals.list(visitor.project.id),
            "RETENTION_DAYS_MAX": RETENTION_DAYS_MAX,
            "every_tenant": EVERY_TENANT,
            **_words(),
            **context,
        }
        return self._pages.render(
            request, "settings_data.html", visitor, status=status, section="settings", **values
        )

    # ---- what forms do -------------------------------------------------------------------------

    def _set_retention(self, request: Request, visitor: Visitor, form: Form) -> Response:
        days = _days(form)
        note(changed=f"retention_days={'' if days is None else days}")
        self._accounts.set_retention(visitor.project.id, days)
        self._forget()
        return self._back(visitor, "forever" if days is None else "kept")

    def _count(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """How many conversations would go now; nothing is saved."""
        days = _days(form)
        count = 0
        if days is not None:
            before = self._clock() - timedelta(days=days)
            count = self._events.older(visitor.project.id, before)
        return self._show(request, visitor, counted=count, given=form)

    def _remove_user(self, request: Request, visitor: Visitor, form: Form) -> Response:
        user, tenant = form.get("user_id", ""), _tenant(form)
        note(object=("user", user))
        asked = self._removing.remove_user(visitor.project, user, tenant, visitor.member.id)
        return self._see(visitor, asked)

    def _remove_conversation(self, request: Request, visitor: Visitor, form: Form) -> Response:
        id, tenant = form.get("conversation", ""), _tenant(form) or ""
        note(object=("conversation", id))
        if not id:
            raise Invalid(say("which conversation?"), field="conversation")
        asked = self._removing.remove_conversation(visitor.project, id, tenant, visitor.member.id)
        return self._see(visitor, asked)

    def _find(self, request: Request, visitor: Visitor, form: Form) -> Response:
        """The removals of a user, by their id: what is kept of them does not name anybody."""
        note(object=("user", form.get("user_id", "")))
        found = _of(self._removals, visitor.project, form.get("user_id", ""), _tenant(form))
        return self._show(request, visitor, found=found, given=form)

    def _back(self, visitor: Visitor, done: str) -> Response:
        address = ROOT.replace("{project}", visitor.project.id)
        return RedirectResponse(f"{address}?done={done}", 303)

    def _see(self, visitor: Visitor, removal: Removal) -> Response:
        address = ROOT.replace("{project}", visitor.project.id)
        return RedirectResponse(f"{address}/{removal.id}", 303)


def _words() -> dict[str, Any]:
    return {"SCOPE_WORDS": SCOPE_WORDS, "STAGE_WORDS": STAGE_WORDS, "STAGES": STAGES}


def _of(removals: Removals, project: Project, user: str, tenant: str | None) -> list[Removal]:
    return removals.list(project.id, subject_of(Scope.USER, user, tenant, project.salt))


def _days(form: Form) -> int | None:
    """The days in a form; an empty field means for ever. Raises Invalid."""
    text = form.get("retention_days", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= RETENTION_DAYS_MAX):
        most = RETENTION_DAYS_MAX
        raise Invalid(say("days: a number from 1 to %(most)s", most=most), field="retention_days")
    return int(text)


def _tenant(form: Form) -> str | None:
    tenant = form.get("tenant", "").strip()
    if tenant == EVERY_TENANT:
        return None
    return "" if tenant == WITHOUT_TENANT else tenant
