"""Settings, Audit log: who has read what, for owners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import AUDIT_DAYS_MAX, Project, Role
from causerie.audit import DIGESTED, Action, Entry
from causerie.auditing import Auditing
from causerie.errors import Invalid
from causerie.store.accounts import Accounts
from causerie.store.audit import PAGE_ENTRIES, AuditLog, Sought
from causerie.web.audit_questions import COLUMNS, row_of, sought_of
from causerie.web.audit_words import (
    ACTION_WORDS,
    HOW_WORDS,
    OBJECT_WORDS,
    deed_of,
    place_of,
    where_of,
)
from causerie.web.audited import note
from causerie.web.downloads import FORMATS, ROWS_MAX, download
from causerie.web.forms import sentence, whole_of
from causerie.web.pages import Pages
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

ROOT = "/p/{project}/settings/audit"
ASKED = ("by", "action", "object", "since", "until")
DONE = {"days": say("Older entries go once a day.")}


class AuditPages:
    """The page under `/p/{project}/settings/audit`, for owners. `forget` is called when the project
    changed.
    """

    def __init__(
        self,
        log: AuditLog,
        auditing: Auditing,
        accounts: Accounts,
        doors: Doors,
        pages: Pages,
        forget: Callable[[], None],
    ) -> None:
        self._log = log
        self._auditing = auditing
        self._accounts = accounts
        self._doors = doors
        self._pages = pages
        self._forget = forget

    def routes(self) -> list[BaseRoute]:
        """Its addresses."""
        return [Route(ROOT, self.show), Route(f"{ROOT}/days", self.set_days, methods=["POST"])]

    def show(self, request: Request) -> Response:
        """Entries, the newest first, or the latest of them to take away."""
        visitor, given = self._doors.enter(request, Role.OWNER), request.query_params
        self._auditing.flush()
        try:
            sought, fault = sought_of(visitor.project, given), None
        except Invalid as error:
            sought, fault = Sought(visitor.project.id), error
        kind = given.get("format", "")
        if kind in FORMATS and kind != "sql":
            rows = [row_of(entry) for entry in self._log.page(sought, ROWS_MAX)]
            return download(kind, f"{visitor.project.id}-audit", COLUMNS, rows)
        return self._show(request, visitor, sought, fault)

    def _show(
        self,
        request: Request,
        visitor: Visitor,
        sought: Sought,
        fault: Invalid | None = None,
        given: Mapping[str, str] | None = None,
    ) -> Response:
        found = self._log.page(sought, PAGE_ENTRIES + 1)
        entries, asked = found[:PAGE_ENTRIES], request.query_params
        filters = {name: asked[name] for name in ASKED if asked.get(name)}
        note(rows=len(entries))
        done = DONE.get(asked.get("done", ""), "") if request.method == "GET" else ""
        return self._pages.render(
            request,
            "settings_audit.html",
            visitor,
            status=200 if fault is None else 400,
            section="settings",
            tab="audit",
            done=done,
            fault=sentence(fault.wording) if fault else "",
            field=fault.field if fault else None,
            given=given or {},
            owns=True,
            entries=entries,
            filters=filters,
            carry_filters=urlencode(filters),
            older=entries[-1].seq if len(found) > PAGE_ENTRIES else 0,
            everybody=self._everybody(visitor.project),
            AUDIT_DAYS_MAX=AUDIT_DAYS_MAX,
            **_words(),
        )

    def _everybody(self, project: Project) -> list[tuple[str, str]]:
        """Members and keys, by id and what they are called."""
        members = [(one.member, one.email) for one in self._accounts.memberships(project.id)]
        return members + [(key.id, key.name) for key in self._accounts.keys(project.id)]

    async def set_days(self, request: Request) -> Response:
        """How long entries are kept."""
        visitor = await run_in_threadpool(self._doors.enter, request, Role.OWNER)
        form = await self._doors.check_form(request, visitor)
        return await run_in_threadpool(self._set_days, request, visitor, form)

    def _set_days(self, request: Request, visitor: Visitor, form: Mapping[str, str]) -> Response:
        project = visitor.project.id
        try:
            days = whole_of(form, "audit_days", AUDIT_DAYS_MAX)
        except Invalid as error:
            return self._show(request, visitor, Sought(project), error, form)
        self._accounts.set_audit_days(project, days)
        note(changed=f"audit_days={days}")
        self._forget()
        return RedirectResponse(f"/p/{project}/settings/audit?done=days", 303)


def _words() -> dict[str, Any]:
    return {
        "ACTION_WORDS": ACTION_WORDS,
        "HOW_WORDS": HOW_WORDS,
        "OBJECT_WORDS": OBJECT_WORDS,
        "ACTIONS": list(Action),
        "place_of": place_of,
        "deed_of": deed_of,
        "where_of": where_of,
        "is_digest": _is_digest,
    }


def _is_digest(entry: Entry) -> bool:
    return entry.object_kind in DIGESTED
