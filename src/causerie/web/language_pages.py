"""The switch of languages that every page has."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.errors import Invalid, Unauthenticated
from causerie.store.accounts import Accounts
from causerie.web.forms import check_csrf, read_form
from causerie.web.pages import LANGUAGE_COOKIE
from causerie.web.signin import Doors, local_path
from causerie.web.speech import OFFERED
from causerie.wording import say

COOKIE_SECONDS = 365 * 24 * 3600


class LanguagePages:
    """Keeps what language somebody wants: of a member in the store, and always in this browser, for
    the pages before sign-in.
    """

    def __init__(self, accounts: Accounts, doors: Doors) -> None:
        self._accounts = accounts
        self._doors = doors

    def routes(self) -> list[BaseRoute]:
        """Where the switch sends its form."""
        return [Route("/language", self.choose, methods=["POST"])]

    async def choose(self, request: Request) -> Response:
        """Another language, and back to the page. Raises Invalid; Forbidden where a member's form
        is not from our page. For whoever is not signed in there is nothing to protect.
        """
        form = await read_form(request)
        code = form.get("language", "")
        if code and code not in OFFERED:
            raise Invalid(say("choose a language"), field="language")
        try:
            member, csrf = await run_in_threadpool(self._doors.session, request)
        except Unauthenticated:
            pass
        else:
            check_csrf(form, csrf)
            await run_in_threadpool(self._accounts.set_language, member.id, code)
        response = RedirectResponse(local_path(form.get("next", ""), before_entry=True), 303)
        remember_language(response, code, secure=self._doors.secure)
        return response


def remember_language(response: Response, code: str, *, secure: bool) -> None:
    """What this browser's pages are in, empty for what it asks for by itself."""
    if code:
        response.set_cookie(
            LANGUAGE_COOKIE,
            code,
            max_age=COOKIE_SECONDS,
            secure=secure,
            httponly=True,
            samesite="lax",
        )
    else:
        response.delete_cookie(LANGUAGE_COOKIE, secure=secure, httponly=True, samesite="lax")
