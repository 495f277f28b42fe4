"""The settings of a project: its name, keys, personal-data filter, members; and one's password.

Every change is a form that works without scripts. A change that is refused shows its page again
with the reason; one that is made leads back to the page, so that a reload does not repeat it.
Only what is shown once, a key or an invitation, is the answer to its form.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import (
    NAME_CHARS_MAX,
    NO_LIMITS,
    TOPIC_USERS_MIN_MAX,
    KeyKind,
    Project,
    Role,
    normal_email,
)
from causerie.config import Settings
from causerie.errors import CauserieError, Conflict, Invalid
from causerie.privacy import filter_of
from causerie.reports import Reports
from causerie.store.accounts import Accounts
from causerie.store.sign_ins import SignIns
from causerie.web.audited import note
from causerie.web.filters import WITHOUT_TENANT
from causerie.web.forms import whole_of
from causerie.web.key_limits import LOGGINGS, Ledger, allowance_of, month_start, shown_of
from causerie.web.language_pages import remember_language
from causerie.web.masking_forms import KINDS_SHOWN, fields_of, masking_of, tried
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.passwords import PASSWORD_CHARS_MIN, Attempts, Passwords, limits_of
from causerie.web.posts import Change, Form, post, refusal
from causerie.web.signin import Doors, Visitor
from causerie.web.speech import OFFERED
from causerie.wording import say
from causerie.zones import zone_names

ROOT = "/p/{project}/settings"
INVITATION_LIFETIME = timedelta(days=7)
KINDS = (KeyKind.INGEST, KeyKind.READ, KeyKind.GATEWAY, KeyKind.ADMIN)
SAMPLE = "Please write to eva.lind@mail.se or call +44 20 7946 0958."
DONE = {
    "renamed": say("The project has a new name."),
    "zone": say("Reports tell days, weeks and months of that time zone."),
    "limited": say("The key has other limits. Calls keep to them within two seconds."),
    "revoked": say("The key is revoked. Whoever still sends it is refused."),
    "on": say("The personal-data filter is on."),
    "off": say("The personal-data filter is off."),
    "rules": say("What is masked has changed, for what arrives from now on."),
    "topics": say("Topics of fewer users have no name from now on."),
    "role": say("The role is changed."),
    "removed": say("The member is out of this project."),
    "withdrawn": say("The invitation no longer works."),
    "password": say("You have a new password. Everywhere else you are signed out."),
    "sessions": say("Everywhere else you are signed out."),
    "language": say("Your pages are in another language."),
}


class SettingsPages:
    """The pages under `/p/{project}/settings`. `forget` is called when a key or a project
    changed, so that nothing goes on with what it remembers of it.
    """

    def __init__(
        self,
        accounts: Accounts,
        sign_ins: SignIns,
        doors: Doors,
        pages: Pages,
        settings: Settings,
        clock: Callable[[], datetime],
        forget: Callable[[], None],
        offers: Offers,
        ledger: Ledger,
        reports: Reports,
    ) -> None:
        self._accounts = accounts
        self._sign_ins = sign_ins
        self._doors = doors
        self._pages = pages
        self._settings = settings
        self._clock = clock
        self._forget = forget
        self._offers = offers
        self._ledger = ledger
        self._reports = reports
        self._passwords = Passwords()
        self._attempts = Attempts(clock)

    def routes(self) -> list[BaseRoute]:
        """The addresses of the pages and of their forms."""
        show, send = self._page, self._post
        return [
            show("", "project"),
            show("/keys", "keys"),
            show("/privacy", "privacy"),
            show("/members", "members"),
            show("/you", "you"),
            send("/name", "project", Role.OWNER, self._rename),
            send("/zone", "project", Role.OWNER, self._set_zone),
            send("/projects", "project", Role.OWNER, self._create_project),
            send("/keys", "keys", Role.MEMBER, self._create_key),
            send("/keys/{key}/limits", "keys", Role.MEMBER, self._set_limits),
            send("/keys/{key}/revoke", "keys", Role.MEMBER, self._revoke_key),
            send("/privacy", "privacy", Role.OWNER, self._set_masking),
            send("/privacy/rules", "privacy", Role.OWNER, self._set_rules),
            send("/privacy/topics", "privacy", Role.OWNER, self._set_topic_users),
            send("/privacy/try", "privacy", Role.OWNER, self._try_rules),
            send("/members", "members", Role.OWNER, self._invite),
            send("/members/withdraw", "members", Role.OWNER, self._withdraw),
            send("/members/{member}/role", "members", Role.OWNER, self._set_role),
            send("/members/{member}/remove", "members", Role.OWNER, self._remove_member),
            send("/you/language", "you", Role.VIEWER, self._set_language),
            send("/you/sessions", "you", Role.VIEWER, self._end_sessions),
            Route(f"{ROOT}/you/password", self._change_password, methods=["POST"]),
        ]

    def _page(self, path: str, tab: str) -> BaseRoute:
        def show(request: Request) -> Response:
            return self._show(request, self._doors.enter(request), tab)

        return Route(ROOT + path, show)

    def _post(self, path: str, tab: str, needed: Role, change: Change) -> BaseRoute:
        return post(self._doors, ROOT + path, needed, change, partial(self._refuse, tab))

    # ---- what the pages show -----------------------------------------------------------------

    def _show(
        self, request: Request, visitor: Visitor, tab: str, status: int = 200, **context: Any
    ) -> Response:
        done = DONE.get(request.query_params.get("done", ""), "")
        values = {
            "tab": tab,
            "done": done if request.method == "GET" else "",
            "fault": "",
            "field": None,
            "given": {},
            "may_manage": visitor.role.covers(Role.MEMBER),
            "owns": visitor.role.covers(Role.OWNER),
            "NAME_CHARS_MAX": NAME_CHARS_MAX,
            **self._context(visitor.project, tab),
            **context,
        }
        template = f"settings_{tab}.html"
        return self._pages.render(
            request, template, visitor, status=status, section="settings", **values
        )

    def _context(self, shown: Project, tab: str) -> dict[str, Any]:
        project = shown.id
        if tab == "keys":
            return self._keys(project)
        if tab == "members":
            return {
                "members": self._accounts.memberships(project),
                "invitations": self._sign_ins.invitations(project, self._clock()),
                "roles": list(Role),
                "lifetime": INVITATION_LIFETIME,
                "link": "",
                "invited": "",
            }
        if tab == "privacy":
            return {
                "sent": SAMPLE,
                "kept": filter_of(shown.masking).mask(SAMPLE).text,
                "kinds": KINDS_SHOWN,
                "rules": fields_of(shown.masking),
                "scan": None,
                "TOPIC_USERS_MIN_MAX": TOPIC_USERS_MIN_MAX,
            }
        if tab == "project":
            return {"zones": zone_names()}
        return {"PASSWORD_CHARS_MIN": PASSWORD_CHARS_MIN} if tab == "you" else {}

    def _keys(self, project: str) -> dict[str, Any]:
        keys, now = self._accounts.keys(project), self._clock()
        live = [key for key in keys if key.revoked_at is None]
        return {
            "keys": live,
            "revoked": [key for key in keys if key.revoked_at is not None],
            "kinds": KINDS,
            "without_tenant": WITHOUT_TENANT,
            "token": "",
            "endpoints": self._offers.names(project),
            "loggings": {logging.value: words for logging, words in LOGGINGS.items()},
            "no_limits": shown_of(NO_LIMITS),
            "limits": {key.id: shown_of(key.allowance) for key in live},
            "spent": self._ledger.spent(project, live, now),
            "month": month_start(now),
        }

    def _refuse(
        self, tab: str, request: Request, visitor: Visitor, form: Form, error: CauserieError
    ) -> Response:
        given = {name: value for name, value in form.items() if "password" not in name}
        return self._show(request, visitor, tab, **refusal(error), given=given)

    def _back(self, visitor: Visitor, path: str, done: str) -> Response:
        return RedirectResponse(f"/p/{visitor.project.id}/settings{path}?done={done}", 303)

    # ---- project and privacy -----------------------------------------------------------------

    def _rename(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._accounts.rename_project(visitor.project.id, form.get("name", ""))
        self._forget()
        return self._back(visitor, "", "renamed")

    def _set_zone(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._accounts.set_zone(visitor.project.id, form.get("zone", ""))
        self._forget()
        return self._back(visitor, "", "zone")

    def _create_project(self, request: Request, visitor: Visitor, form: Form) -> Response:
        try:
            made = self._accounts.create_project(
                form.get("new_name", ""), self._clock(), owner=visitor.member.id
            )
        except Invalid as error:
            raise Invalid(error.wording, field="new_name") from error
        return RedirectResponse(f"/p/{made.id}/start", 303)

    def _set_masking(self, request: Request, visitor: Visitor, form: Form) -> Response:
        if form.get("masks") not in ("on", "off"):
            raise Invalid(say("say on or off"), field="masks")
        on = form["masks"] == "on"
        note(changed=f"masks={form['masks']}")
        self._accounts.set_masking(visitor.project.id, on)
        self._forget()
        return self._back(visitor, "/privacy", "on" if on else "off")

    def _set_rules(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._accounts.set_rules(visitor.project.id, masking_of(form))
        self._forget()
        return self._back(visitor, "/privacy", "rules")

    def _set_topic_users(self, request: Request, visitor: Visitor, form: Form) -> Response:
        least = whole_of(form, "topic_users_min", TOPIC_USERS_MIN_MAX)
        note(changed=f"topic_users_min={least}")
        self._accounts.set_topic_users_min(visitor.project.id, least)
        self._forget()
        return self._back(visitor, "/privacy", "topics")

    def _try_rules(self, request: Request, visitor: Visitor, form: Form) -> Response:
        scan = tried(self._reports, visitor.project.id, masking_of(form))
        return self._show(request, visitor, "privacy", scan=scan, given=form)

    # ---- keys --------------------------------------------------------------------------------

    def _create_key(self, request: Request, visitor: Visitor, form: Form) -> Response:
        kind = next((kind for kind in KINDS if kind.value == form.get("kind")), None)
        if kind is None:
            raise Invalid(say("choose what the key is for"), field="kind")
        # Limits are for the gateway: those of another form's fields mean nothing.
        allowance = allowance_of(form) if kind is KeyKind.GATEWAY else NO_LIMITS
        project, name, now = visitor.project.id, form.get("name", ""), self._clock()
        given = form.get("only_tenant", "").strip()
        tenant = ("" if given == WITHOUT_TENANT else given) if given else None
        key, token = self._accounts.create_key(project, kind, name, now, allowance, tenant)
        note(object=("key", key.id))
        return self._show(request, visitor, "keys", token=token, created=key)

    def _set_limits(self, request: Request, visitor: Visitor, form: Form) -> Response:
        key = request.path_params["key"]
        self._accounts.set_allowance(visitor.project.id, key, allowance_of(form))
        self._forget()
        return self._back(visitor, "/keys", "limited")

    def _revoke_key(self, request: Request, visitor: Visitor, form: Form) -> Response:
        key = request.path_params["key"]
        self._accounts.revoke_key(visitor.project.id, key, self._clock())
        self._forget()
        return self._back(visitor, "/keys", "revoked")

    # ---- members -----------------------------------------------------------------------------

    def _invite(self, request: Request, visitor: Visitor, form: Form) -> Response:
        email, role, now = normal_email(form.get("email", "")), _role(form), self._clock()
        project = visitor.project.id
        if any(member.email == email for member in self._accounts.memberships(project)):
            raise Conflict(say("%(email)s is a member already", email=email), field="email")
        note(object=("invitation", email), changed=f"role={role.value}")
        token = self._sign_ins.create_link(email, project, role, now, INVITATION_LIFETIME)
        link = f"{self._settings.base_url}/signin/link/{token}"
        return self._show(request, visitor, "members", link=link, invited=email)

    def _withdraw(self, request: Request, visitor: Visitor, form: Form) -> Response:
        email = normal_email(form.get("email", ""))
        note(object=("invitation", email), changed="withdrawn")
        self._sign_ins.withdraw(visitor.project.id, email, self._clock())
        return self._back(visitor, "/members", "withdrawn")

    def _set_role(self, request: Request, visitor: Visitor, form: Form) -> Response:
        member = request.path_params["member"]
        role = _role(form)
        note(changed=f"role={role.value}")
        self._accounts.set_role(visitor.project.id, member, role)
        return self._back(visitor, "/members", "role")

    def _remove_member(self, request: Request, visitor: Visitor, form: Form) -> Response:
        member = request.path_params["member"]
        self._accounts.remove_member(visitor.project.id, member, self._clock())
        if member == visitor.member.id:
            return RedirectResponse("/", 303)
        return self._back(visitor, "/members", "removed")

    # ---- you ---------------------------------------------------------------------------------

    async def _change_password(self, request: Request) -> Response:
        """Another password, for whoever knows the present one."""
        visitor = await run_in_threadpool(self._doors.enter, request)
        form = await self._doors.check_form(request, visitor)
        try:
            hashed = await self._new_hash(request, visitor, form)
        except (Invalid, Conflict) as error:
            return await run_in_threadpool(self._refuse, "you", request, visitor, form, error)
        return await run_in_threadpool(self._renew, request, visitor, hashed)

    async def _new_hash(self, request: Request, visitor: Visitor, form: Form) -> str:
        email = visitor.member.email
        limits = limits_of(request.client.host if request.client else "", email)
        if not self._attempts.begin(limits):
            raise Conflict(say("too many attempts: wait a minute"), field="password")
        found = await run_in_threadpool(self._sign_ins.credentials, email)
        if not await self._passwords.fits(form.get("password", ""), found[1] if found else None):
            raise Invalid(say("that is not your present password"), field="password")
        self._attempts.forgive(limits)
        try:
            return await self._passwords.hash(form.get("new_password", ""))
        except Invalid as error:
            raise Invalid(error.wording, field="new_password") from error

    def _renew(self, request: Request, visitor: Visitor, hashed: str) -> Response:
        self._sign_ins.set_password(visitor.member.id, hashed)
        response = self._back(visitor, "/you", "password")
        self._doors.let_in(request, response, visitor.member)
        return response

    def _set_language(self, request: Request, visitor: Visitor, form: Form) -> Response:
        code = form.get("language", "")
        if code and code not in OFFERED:
            raise Invalid(say("choose a language"), field="language")
        self._accounts.set_language(visitor.member.id, code)
        response = self._back(visitor, "/you", "language")
        remember_language(response, code, secure=self._doors.secure)
        return response

    def _end_sessions(self, request: Request, visitor: Visitor, form: Form) -> Response:
        self._sign_ins.end_sessions_of(visitor.member.id)
        response = self._back(visitor, "/you", "sessions")
        self._doors.let_in(request, response, visitor.member)
        return response


def _role(form: Form) -> Role:
    try:
        return Role(form.get("role", ""))
    except ValueError as error:
        raise Invalid(say("choose a role"), field="role") from error
