"""Who is there: sessions, the doors of every page, and the pages before them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Link, Member, Project, Role, hash_token, new_secret, normal_email
from causerie.audit import By
from causerie.config import Settings
from causerie.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from causerie.store.accounts import Accounts
from causerie.store.sign_ins import SESSION_LIFETIME, SignIns
from causerie.web.audited import note
from causerie.web.forms import FORM_BYTES_MAX, check_csrf, read_form, sentence
from causerie.web.pages import ROLE_WORDS, Pages
from causerie.web.passwords import PASSWORD_CHARS_MIN, Attempts, Passwords, limits_of
from causerie.wording import say

WRONG = say("The e-mail or the password is wrong.")
TOO_OFTEN = say("Too many attempts to sign in. Wait a minute, then try again.")
GONE = say("It has been used, has expired, or was replaced by a newer one.")
RETRY_AFTER_SECONDS = 60
ONWARD_CHARS_MAX = 2_000
FORM_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page of a project, and what they may do there."""

    member: Member
    project: Project
    role: Role
    projects: list[tuple[Project, Role]]
    csrf: str
    """The secret that their forms carry."""

    @property
    def home(self) -> str:
        """Where the pages of the project are."""
        return f"/p/{self.project.id}"

    @property
    def embedded(self) -> bool:
        """Whether they look through a frame on another site, and see its view alone."""
        return False

    @property
    def reads(self) -> bool:
        """Whether they may read what was said."""
        return True

    @property
    def theme(self) -> str:
        """`light` or `dark` where that is given; empty where their browser knows."""
        return ""


class Doors:
    """Lets members in and keeps the others out. Knows the session's cookie."""

    def __init__(
        self, accounts: Accounts, sign_ins: SignIns, settings: Settings, clock: Clock
    ) -> None:
        self._accounts = accounts
        self._sign_ins = sign_ins
        self._clock = clock
        self.secure = settings.base_url.startswith("https://")
        # The prefix keeps other hosts of the domain, and plain http, from setting the cookie.
        self._cookie = "__Host-causerie-session" if self.secure else "causerie-session"

    def enter(self, request: Request, needed: Role = Role.VIEWER) -> Visitor:
        """The visitor of a project's page. Raises Unauthenticated, NotFound for a project that
        does not exist or is none of theirs, Forbidden when their role there is too small.
        """
        member, csrf = self.session(request)
        projects = self._accounts.memberships_of(member.id)
        for project, role in projects:
            if project.id == request.path_params["project"]:
                if not role.covers(needed):
                    raise Forbidden(_too_small(role, needed))
                note(by=By("member", member.id, member.email), project=project)
                return Visitor(member, project, role, projects, csrf)
        raise NotFound(say("There is nothing here."))

    def projects(self, request: Request) -> list[tuple[Project, Role]]:
        """The projects of whoever is signed in, by name. Raises Unauthenticated."""
        return self._accounts.memberships_of(self.session(request)[0].id)

    def session(self, request: Request) -> tuple[Member, str]:
        """Who is signed in, and the secret of their forms. Raises Unauthenticated."""
        token = request.cookies.get(self._cookie)
        found = self._sign_ins.session(hash_token(token), self._clock()) if token else None
        if found is None:
            raise Unauthenticated("not signed in")
        return found

    def known(self, request: Request) -> Member | None:
        """Who is signed in, if anybody is."""
        try:
            return self.session(request)[0]
        except Unauthenticated:
            return None

    async def check_form(
        self, request: Request, visitor: Visitor, most: int = FORM_BYTES_MAX
    ) -> dict[str, str]:
        """The fields of a visitor's form of at most so many bytes. Raises Forbidden when it is not
        from our page.
        """
        form = await read_form(request, most)
        check_csrf(form, visitor.csrf)
        return form

    def let_in(self, request: Request, response: Response, member: Member) -> None:
        """Begin a session, and end the one that was."""
        self._end(request)
        token, _ = self._sign_ins.create_session(member.id, self._clock())
        response.set_cookie(
            self._cookie,
            token,
            max_age=int(SESSION_LIFETIME.total_seconds()),
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def let_out(self, request: Request, response: Response) -> None:
        """End the session."""
        self._end(request)
        response.delete_cookie(self._cookie, secure=self.secure, httponly=True, samesite="lax")

    def _end(self, request: Request) -> None:
        token = request.cookies.get(self._cookie)
        if token:
            self._sign_ins.end_session(hash_token(token))


def _too_small(role: Role, needed: Role) -> str:
    return say(
        "In this project your role is: %(role)s. This takes: %(needed)s.",
        role=ROLE_WORDS[role],
        needed=ROLE_WORDS[needed],
    )


class SignIn:
    """The pages for whoever is not signed in. Their forms carry a secret that a cookie has too,
    so that no other site can sign somebody in as somebody else.
    """

    def __init__(
        self,
        accounts: Accounts,
        sign_ins: SignIns,
        doors: Doors,
        pages: Pages,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._sign_ins = sign_ins
        self._doors = doors
        self._pages = pages
        self._clock = clock
        self._passwords = Passwords()
        self._attempts = Attempts(clock)
        self._cookie = "__Host-causerie-form" if doors.secure else "causerie-form"

    def routes(self) -> list[BaseRoute]:
        """The addresses of the pages."""
        return [
            Route("/signin", self.ask),
            Route("/signin", self.sign_in, methods=["POST"]),
            Route("/signin/link/{token}", self.ask_link),
            Route("/signin/link/{token}", self.use_link, methods=["POST"]),
            Route("/signout", self.sign_out, methods=["POST"]),
        ]

    # ---- e-mail and password -----------------------------------------------------------------

    def ask(self, request: Request) -> Response:
        """The form; whoever is signed in goes on."""
        onward = local_path(request.query_params.get("next", ""))
        if self._doors.known(request) is not None:
            return RedirectResponse(onward, 303)
        return self._ask(request, onward)

    def _ask(
        self, request: Request, onward: str, email: str = "", fault: str = "", status: int = 200
    ) -> Response:
        first = not self._accounts.has_members()
        context = {"onward": onward, "email": email, "fault": fault, "first": first}
        return self._page(request, "signin.html", status, **context)

    async def sign_in(self, request: Request) -> Response:
        """Begin a session. An unknown e-mail and a wrong password look alike."""
        form = await self._form(request)
        email, onward = form.get("email", ""), local_path(form.get("next", ""))
        if not self._attempts.begin(limits := self._limits(request, email)):
            return self._too_often(request)
        member = await self._proved(email, form.get("password", ""))
        if member is None:
            return await run_in_threadpool(self._ask, request, onward, email, WRONG, 401)
        self._attempts.forgive(limits)
        return await self._welcome(request, member, onward)

    async def _proved(self, email: str, password: str) -> Member | None:
        """The member of that e-mail, if it is their password."""
        found = await run_in_threadpool(self._sign_ins.credentials, email)
        if found is not None:
            note(by=By("member", found[0].id, found[0].email))
        fits = await self._passwords.fits(password, found[1] if found else None)
        return found[0] if found and fits else None

    async def _welcome(self, request: Request, member: Member, onward: str) -> Response:
        response = RedirectResponse(onward, 303)
        note(by=By("member", member.id, member.email))
        await run_in_threadpool(self._doors.let_in, request, response, member)
        return response

    # ---- one-time links ----------------------------------------------------------------------

    def ask_link(self, request: Request) -> Response:
        """What the link is for, and a button. Only the button uses it up: programs that look
        into mails follow links.
        """
        link = self._link(request)
        return self._gone(request) if link is None else self._ask_link(request, link)

    def _ask_link(
        self, request: Request, link: Link, email: str = "", fault: str = "", status: int = 200
    ) -> Response:
        project = self._accounts.project(link.project) if link.project else None
        found = self._sign_ins.credentials(link.email)
        return self._page(
            request,
            "link.html",
            status,
            link=link,
            project=project,
            has_password=found is not None and found[0].has_password and project is not None,
            signed_in=self._is_for(request, link),
            email=email,
            fault=fault,
            PASSWORD_CHARS_MIN=PASSWORD_CHARS_MIN,
        )

    async def use_link(self, request: Request) -> Response:
        """Use the link up, and begin a session."""
        form = await self._form(request)
        link = await run_in_threadpool(self._link, request)
        if link is None:
            return self._gone(request)
        email = link.email or form.get("email", "")
        if not self._attempts.begin(limits := self._limits(request, email)):
            return self._too_often(request)
        try:
            member = await self._use(request, link, email, form)
        except (Invalid, Conflict) as error:
            return await self._refuse(request, link, email, sentence(error.wording), 400)
        except Unauthenticated:
            return await self._refuse(request, link, email, WRONG, 401)
        if member is None:
            return self._gone(request)
        self._attempts.forgive(limits)
        return await self._welcome(request, member, f"/p/{link.project}" if link.project else "/")

    async def _use(
        self, request: Request, link: Link, email: str, form: Mapping[str, str]
    ) -> Member | None:
        """Whom the link let in. An invitation asks a member for the password they have, or for
        their session; only a link without a project sets another.
        """
        hashed, now = hash_token(request.path_params["token"]), self._clock()
        email, password = normal_email(email), form.get("password", "")
        found = await run_in_threadpool(self._sign_ins.credentials, email)
        new: str | None = None
        if found is None or found[1] is None or link.project is None:
            new = await self._passwords.hash(password)
        elif not (
            await run_in_threadpool(self._is_for, request, link)
            or await self._proved(email, password)
        ):
            raise Unauthenticated("wrong password")
        return await run_in_threadpool(
            lambda: self._sign_ins.use_link(hashed, now, email=email, password_hash=new)
        )

    def _link(self, request: Request) -> Link | None:
        return self._sign_ins.link(hash_token(request.path_params["token"]), self._clock())

    def _is_for(self, request: Request, link: Link) -> bool:
        """Whether the one whom an invitation names is signed in already."""
        member = self._doors.known(request)
        return member is not None and member.email == link.email and link.project is not None

    async def _refuse(
        self, request: Request, link: Link, email: str, fault: str, status: int
    ) -> Response:
        return await run_in_threadpool(self._ask_link, request, link, email, fault, status)

    def _gone(self, request: Request) -> Response:
        words = {"code": 410, "title": say("This link no longer works"), "message": GONE}
        return self._pages.render(request, "error.html", None, status=410, **words)

    # ---- sign out ----------------------------------------------------------------------------

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        response = RedirectResponse("/signin", 303)
        form = await read_form(request)
        try:
            _, csrf = await run_in_threadpool(self._doors.session, request)
        except Unauthenticated:
            return response
        check_csrf(form, csrf)
        await run_in_threadpool(self._doors.let_out, request, response)
        return response

    # ---- their forms -------------------------------------------------------------------------

    def _page(self, request: Request, template: str, status: int, **context: object) -> Response:
        token = request.cookies.get(self._cookie, "")
        if not FORM_TOKEN.fullmatch(token):
            token = new_secret()
        context = {"form_token": token, **context}
        response = self._pages.render(request, template, None, status=status, **context)
        response.set_cookie(
            self._cookie, token, secure=self._doors.secure, httponly=True, samesite="strict"
        )
        return response

    async def _form(self, request: Request) -> dict[str, str]:
        form = await read_form(request)
        check_csrf(form, request.cookies.get(self._cookie, ""))
        return form

    def _limits(self, request: Request, email: str) -> dict[str, int]:
        return limits_of(request.client.host if request.client else "", email)

    def _too_often(self, request: Request) -> Response:
        response = self._pages.error(request, 429, TOO_OFTEN)
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response


def local_path(onward: str, *, before_entry: bool = False) -> str:
    """Where to go after signing in: a path of this server, else the start page. `before_entry`
    lets the pages of signing in be one.
    """
    # Browsers read a backslash as a slash, leave out tabs, and take two slashes for a host.
    local = onward.startswith("/") and not onward.startswith("//")
    local = local and (before_entry or not onward.startswith("/sign"))
    plain = onward.isprintable() and "\\" not in onward and len(onward) <= ONWARD_CHARS_MAX
    return onward if local and plain else "/"
