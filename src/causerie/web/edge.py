"""What every request passes: the size of its body, its key, and how errors are said."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import UNSET
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from causerie.accounts import Access, Key, Project, hash_token
from causerie.audit import By
from causerie.errors import (
    CauserieError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
    UpstreamSlow,
)
from causerie.store.accounts import Accounts
from causerie.web.audited import note
from causerie.web.pages import Pages
from causerie.web.voices import Voices
from causerie.wire import contextai as wire
from causerie.wording import encodable, say

HTTP_WORDS: dict[int, str] = {
    404: say("There is nothing here."),
    405: say("This address takes no such request."),
}
API_PATHS = ("/api/", "/health")
BODY_BYTES_MAX = 10 * 1024 * 1024
DRAIN_BYTES_MAX = 64 * 1024 * 1024
KEY_CACHE_SECONDS = 2.0
KEYS_CACHED_MAX = 10_000
TOUCH_INTERVAL_SECONDS = 5.0
log = logging.getLogger(__name__)

STATUS: dict[type[CauserieError], int] = {
    Invalid: 400,
    TooLarge: 413,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Gone: 410,
    Conflict: 409,
    TooMany: 429,
    UpstreamFailed: 502,
    UpstreamSlow: 504,
    Unavailable: 503,
}


def status_of(error: CauserieError) -> int:
    """The HTTP status of an error, by its nearest class in the table."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


class JSONResponse(Response):
    """A JSON body from any value msgspec can encode."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The value as JSON bytes."""
        return msgspec.json.encode(content, enc_hook=encodable)


def answer_error(
    pages: Pages, voices: Voices
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Says an error in the shape of what was asked for: JSON of the API, or a page."""

    # Not in a thread: an answer must not wait until those who read have finished.
    async def answer(request: Request, error: Exception) -> Response:
        voice = voices.of(request.url.path)
        if voice is not None:
            return voice.answer(request, error)
        code, status, field = "internal_error", 500, None
        message: str = "internal error"
        shown: str = say("An internal error. It is in the server’s log.")
        if isinstance(error, CauserieError):
            code, status, message = error.code, status_of(error), error.message
            field, shown = error.field, error.wording
        elif isinstance(error, HTTPException):
            code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
            status, message = error.status_code, error.detail
            shown = HTTP_WORDS.get(status, message)
        else:
            log.error("unexpected", exc_info=error)
        if request.url.path.startswith(API_PATHS):
            body = wire.ErrorBody(code, message, UNSET if field is None else field)
            return JSONResponse(wire.ErrorResponse(body), status)
        if status == 401:
            query = f"?{request.url.query}" if request.url.query else ""
            # A form that was sent too late has no page to come back to.
            wanted = request.url.path + query if request.method == "GET" else "/"
            return RedirectResponse(f"/signin?next={quote(wanted)}", 303)
        return pages.error(request, status, shown)

    return answer


async def read_body(request: Request) -> bytes:
    """The whole body. Raises TooLarge over `BODY_BYTES_MAX`, Invalid when it is cut short.

    What is too large is read to its end and thrown away: a client that is still sending when
    the answer comes sees a broken connection instead of the answer.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size <= BODY_BYTES_MAX:
                chunks.append(chunk)
            elif size > DRAIN_BYTES_MAX:
                break
    except ClientDisconnect as error:
        raise Invalid("the body was cut short", field="body") from error
    if size > BODY_BYTES_MAX:
        raise TooLarge(f"the body is over {BODY_BYTES_MAX} bytes (BODY_BYTES_MAX)", field="body")
    return b"".join(chunks)


@dataclass(frozen=True)
class Reader:
    """Who reads by a key."""

    project: Project
    only: str | None
    """The one tenant that the key is for; None for all."""

    def tenant(self, asked: str | None) -> str | None:
        """The tenant to read: that of the key, or else the one that is asked for. Raises Forbidden
        for another than the key's.
        """
        if self.only is not None and asked is not None and asked != self.only:
            raise Forbidden("this key is for another tenant")
        return asked if self.only is None else self.only


class Keys:
    """Turns the bearer token of a request into its project.

    Keys are remembered for `KEY_CACHE_SECONDS`, so that ingest does not ask the state store
    each time; a key that is revoked here is forgotten at once, one revoked by another process
    when its seconds are over.
    """

    def __init__(self, accounts: Accounts, clock: Callable[[], datetime]) -> None:
        self._accounts = accounts
        self._clock = clock
        self._known: dict[bytes, tuple[float, Key, Project]] = {}
        self._used: set[str] = set()
        self._touched = 0.0
        self._lock = threading.Lock()

    def remembered(self, request: Request, access: Access) -> Project | None:
        """The project without asking the store, or None when `project` has to."""
        known = self.known(request, access)
        return None if known is None else known[1]

    def project(self, request: Request, access: Access) -> Project:
        """The project that the key opens. Raises Unauthenticated, Forbidden."""
        return self.find(request, access)[1]

    def reader(self, request: Request) -> Reader:
        """Who reads, and of which tenant alone. Every other way in refuses a key of one tenant, so
        that what does not know of tenants is not read with it. Raises Unauthenticated, Forbidden.
        """
        known = self._recent(request)
        key, project = known or self._asked(request)
        _admit(key, project, Access.READ)
        return Reader(project, key.tenant)

    def remembers(self, request: Request) -> bool:
        """Whether `reader` answers without asking the store."""
        return self._recent(request) is not None

    def known(self, request: Request, access: Access) -> tuple[Key, Project] | None:
        """Key and project without asking the store, or None when `find` has to."""
        known = self._recent(request)
        return None if known is None else _admit_all(*known, access)

    def _recent(self, request: Request) -> tuple[Key, Project] | None:
        known = self._known.get(hash_token(_bearer(request)))
        if known is None or known[0] < time.monotonic():
            return None
        self._used.add(known[1].id)
        return known[1], known[2]

    def find(self, request: Request, access: Access) -> tuple[Key, Project]:
        """The key of the request and its project. Raises Unauthenticated, Forbidden."""
        return _admit_all(*self._asked(request), access)

    def _asked(self, request: Request) -> tuple[Key, Project]:
        hashed = hash_token(_bearer(request))
        key = self._accounts.key_by_hash(hashed)
        if key is None or key.revoked_at is not None:
            self._known.pop(hashed, None)
            raise Unauthenticated("the key is unknown or revoked")
        project = self._accounts.project(key.project)
        if project is None:
            raise Unauthenticated("the key's project is gone")
        if len(self._known) >= KEYS_CACHED_MAX:
            self._known.clear()
        self._known[hashed] = (time.monotonic() + KEY_CACHE_SECONDS, key, project)
        self._used.add(key.id)
        self._touch()
        return key, project

    def forget(self) -> None:
        """Ask the store again for every key; called when one is revoked or a project changed."""
        self._known.clear()

    def _touch(self) -> None:
        """Write down which keys were used, not more often than the interval."""
        now = time.monotonic()
        with self._lock:
            if now - self._touched < TOUCH_INTERVAL_SECONDS:
                return
            self._touched = now
            used, self._used = self._used, set()
        self._accounts.touch_keys(sorted(used), self._clock())


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("no key: send the header 'Authorization: Bearer <key>'")
    return token.strip()


def _admit_all(key: Key, project: Project, access: Access) -> tuple[Key, Project]:
    """For what is about the whole project."""
    _admit(key, project, access)
    if key.tenant is not None:
        raise Forbidden("this key is for one tenant alone; it does not open this")
    return key, project


def _admit(key: Key, project: Project, access: Access) -> tuple[Key, Project]:
    if not key.allows(access):
        raise Forbidden(f"this is a key of kind {key.kind}; it does not open {access}")
    note(by=By("key", key.id, key.name), project=project)
    return key, project
