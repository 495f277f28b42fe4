"""The settings of notifications: where they go, by which mail server, and what became of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role, new_id
from causerie.errors import CauserieError, Invalid
from causerie.notices import SEAL, Destination, Kind, Notice, Status, checked_destination
from causerie.store.notices import Notices
from causerie.web.pages import Pages
from causerie.web.posts import Change, Form, post, refusal
from causerie.web.signin import Doors, Visitor
from causerie.web.speech import OFFERED
from causerie.wording import say

ROOT = "/p/{project}/settings/notices"
KIND_WORDS = {
    Kind.EMAIL: say("E-mail"),
    Kind.SLACK: say("Slack, by an incoming webhook"),
    Kind.WEBHOOK: say("Webhook"),
}
EVERY_WORDS = {"": say("Never"), "day": say("Every day"), "week": say("Every week")}
WEEKDAY_WORDS = (
    say("Monday"),
    say("Tuesday"),
    say("Wednesday"),
    say("Thursday"),
    say("Friday"),
    say("Saturday"),
    say("Sunday"),
)
STATUS_WORDS = {
    Status.WAITING: say("waits"),
    Status.SENT: say("sent"),
    Status.FAILED: say("failed"),
}
SUBJECT_WORDS = {
    "digest": say("What changed"),
    "alert": say("An alert"),
    "test": say("A test"),
}
DONE = {
    "saved": say("Saved. Send a test to see whether it arrives."),
    "removed": say("It is removed; nothing more is sent there."),
    "mail": say("Mails of this project go by that server."),
    "no-mail": say("Mails of this project go by the operator's server, if there is one."),
}


class NoticePages:
    """The page under `/p/{project}/settings/notices`. `try_out` sends a test to a destination
    of a project, under a key of its own; `wake` has what waits sent at once.
    """

    def __init__(
        self,
        notices: Notices,
        try_out: Callable[[str, str, str], Notice],
        wake: Callable[[], None],
        doors: Doors,
        pages: Pages,
        clock: Callable[[], datetime],
        *,
        has_mail_server: bool,
    ) -> None:
        self._notices = notices
        self._try_out = try_out
        self._wake = wake
        self._doors = doors
        self._pages = pages
        self._clock = clock
        self._has_mail_server = has_mail_server

    def routes(self) -> list[BaseRoute]:
        """The addresses of the page and of its forms."""
        return [
            Route(ROOT, self.show),
            self._post("", Role.MEMBER, self._add),
            self._post("/mail", Role.OWNER, self._put_mail_server),
            self._post("/{place}", Role.MEMBER, self._change),
            self._post("/{place}/test", Role.MEMBER, self._test),
            self._post("/{place}/remove", Role.MEMBER, self._remove),
        ]

    def show(self, request: Request) -> Response:
        """Where notices go, and what became of the latest."""
        return self._show(request, self._doors.enter(request))

    def _post(self, path: str, needed: Role, change: Change) -> BaseRoute:
        return post(self._doors, ROOT + path, needed, change, self._refuse)

    def _refuse(
        self, request: Request, visitor: Visitor, form: Form, error: CauserieError
    ) -> Response:
        """The form as it was filled in, with the reason. Secrets are not sent back."""
        given = {
            name: value for name, value in form.items() if name not in ("secret", "url", "server")
        }
        given["at"] = request.path_params.get("place", "new")
        return self._show(request, visitor, given=given, **refusal(error))

    def _show(
        self, request: Request, visitor: Visitor, status: int = 200, **context: Any
    ) -> Response:
        project, query = visitor.project.id, request.query_params
        tried = self._notices.one(project, query["tried"]) if "tried" in query else None
        done = DONE.get(query.get("done", ""), "")
        found = self._notices.destinations(project)
        values = {
            "tab": "notifications",
            "done": done if request.method == "GET" else "",
            "fault": "",
            "field": None,
            "given": {},
            "tried": tried if tried and tried.subject == "test" else None,
            "destinations": found,
            "names": {one.id: one.name for one in found},
            "log": self._notices.log(project),
            "sender": self._notices.mail_sender(project),
            "has_mail_server": self._has_mail_server,
            "may_manage": visitor.role.covers(Role.MEMBER),
            "owns": visitor.role.covers(Role.OWNER),
            "kinds": KIND_WORDS,
            "everies": EVERY_WORDS,
            "weekdays": WEEKDAY_WORDS,
            "statuses": STATUS_WORDS,
            "subjects": SUBJECT_WORDS,
            "spoken": OFFERED,
            **context,
        }
        return self._pages.render(
            request,
            "settings_notifications.html",
            visitor,
            status=status,
            section="settings",
            **values,
        )

    # ---- what the forms do -------------------------------------------------------------------

    def _add(self, request: Request, visitor: Visitor, form: Form) -> Response:
        made = destination_of(form, visitor.project.id, new_id("to"), None)
        self._notices.put(made, self._clock())
        return self._back(visitor, "done=saved")

    def _change(self, request: Request, visitor: Visitor, form: Form) -> Response:
        project = visitor.project.id
        before = self._notices.destination(project, request.path_params["place"])
        self._notices.put(destination_of(form, project, before.id, before), self._clock())
        return self._back(visitor, "done=saved")

    def _test(self, request: Request, visitor: Visitor, form: Form) -> Response:
        key = f"test-{secrets.token_hex(8)}"
        self._try_out(visitor.project.id, request.path_params["place"], key)
        return self._back(visitor, f"tried={key}")

    def _remove(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._notices.remove(visitor.project.id, request.path_params["place"])
        return self._back(visitor, "done=removed")

    def _put_mail_server(self, request: Request, visitor: Visitor, form: Form) -> Response:
        address, sender = form.get("server", "").strip(), form.get("sender", "").strip()
        self._notices.put_mail_server(visitor.project.id, address, sender)
        self._wake()
        return self._back(visitor, "done=mail" if address else "done=no-mail")

    def _back(self, visitor: Visitor, query: str) -> Response:
        address = ROOT.replace("{project}", visitor.project.id)
        return RedirectResponse(f"{address}?{query}", 303)


def destination_of(form: Form, project: str, id: str, before: Destination | None) -> Destination:
    """What was filled in. The address and the secret of a webhook stay while their fields are
    empty. Raises Invalid, naming the field.
    """
    kind = before.kind if before else _kind(form.get("kind", ""))
    address = form.get("address" if kind is Kind.EMAIL else "url", "").strip()
    secret = form.get("secret", "").strip() if kind is Kind.WEBHOOK else ""
    if before is not None and kind is not Kind.EMAIL:
        address = address or before.address
        secret = secret or before.secret
        if before.address != address and not form.get("secret", "").strip():
            # Another server must not be shown what the last one was signed with.
            secret = ""
    made = Destination(
        id=id,
        project=project,
        name=" ".join(form.get("name", "").split()),
        kind=kind,
        address=address,
        secret=secret,
        host=before.host if before and before.address == address else "",
        language=form.get("language", "en"),
        every=form.get("every", ""),
        weekday=_number(form.get("weekday", "0"), 6, "weekday"),
        hour=_number(form.get("hour", "8"), 23, "hour"),
    )
    kept = () if before is None else (before.address, before.secret)
    if any(text.startswith(SEAL) and text not in kept for text in (address, secret)):
        raise Invalid(say("an address begins with https:// or http://"), field="url")
    return checked_destination(made)


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError as error:
        raise Invalid(say("choose how it is sent"), field="kind") from error


def _number(text: str, most: int, field: str) -> int:
    if text.isascii() and text.isdigit() and int(text[:3]) <= most:
        return int(text[:3])
    raise Invalid(say("choose a day and an hour"), field=field)
