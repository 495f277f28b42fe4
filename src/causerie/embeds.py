"""Embeds: what a project lets its customers' customers see, and the tokens that open it.

A token is a compact JWT, signed with HS256 by the secret of a project, so that any library can make
one. It names a saved view and the one tenant that it shows.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from causerie.accounts import new_secret
from causerie.errors import Forbidden, Gone, Invalid
from causerie.wording import say

TOKEN_CHARS_MAX = 4_096
TENANT_CHARS_MAX = 200
LIFE_MAX = timedelta(days=30)
"""How far ahead a token may expire."""
LEEWAY = timedelta(minutes=1)
"""How much the clock of whoever signs may be ahead."""
ORIGINS_MAX = 20
ALGORITHM = "HS256"
SECRET_PREFIX = "emb_"
THEMES = ("light", "dark", "auto")
BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
HOST = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.ASCII)
NOT_VALID = say("this link is not valid")


class Embed(msgspec.Struct, frozen=True, kw_only=True):
    """What a project has chosen for its embeds. It is off while there is no secret."""

    project: str
    hint: str = ""
    """The last letters of the secret."""
    made_at: datetime | None = None
    origins: tuple[str, ...] = ()
    """The sites that may frame it, such as `https://app.example.com`; none means that none may."""

    @property
    def is_on(self) -> bool:
        """Whether there is a secret."""
        return bool(self.hint)


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token says. Times are seconds since 1970."""

    view: str
    tenant: str
    exp: float
    nbf: float = 0
    lang: str = ""
    theme: str = ""
    transcripts: bool = False
    """Whether what was said may be read."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """How a token says it is signed."""

    alg: str
    crit: Any = None


def new_embed_secret() -> str:
    """A secret to sign with (256 bits)."""
    return SECRET_PREFIX + new_secret()


def sign(secret: str, claims: Claims) -> str:
    """A token."""
    parts = (msgspec.json.encode({"alg": ALGORITHM, "typ": "JWT"}), msgspec.json.encode(claims))
    signed = ".".join(map(_packed, parts))
    return f"{signed}.{_packed(_mac(secret, signed))}"


def read_token(token: str, secret: str, now: datetime) -> Claims:
    """What a token says. Raises Forbidden where it is none of this secret, Gone where it has
    expired, and Invalid for one that is signed well and says what it may not.
    """
    if len(token) > TOKEN_CHARS_MAX or token.count(".") != 2:
        raise Forbidden(NOT_VALID)
    header, body, given = map(_unpacked, token.split("."))
    # In constant time, and before anything that the token says is looked at.
    fits = hmac.compare_digest(given, _mac(secret, token.rpartition(".")[0]))
    if not fits or not _is_ours(header):
        raise Forbidden(NOT_VALID)
    try:
        claims = msgspec.json.decode(body, type=Claims)
    except msgspec.DecodeError as error:
        raise Invalid(say("the token: %(trouble)s", trouble=str(error))) from error
    return _checked(claims, now)


def _is_ours(header: bytes) -> bool:
    """Whether it is signed as we sign, and asks for nothing that we do not know."""
    try:
        said = msgspec.json.decode(header, type=Header)
    except msgspec.DecodeError:
        return False
    return said.alg == ALGORITHM and said.crit is None


def _checked(claims: Claims, now: datetime) -> Claims:
    moment, leeway = now.timestamp(), LEEWAY.total_seconds()
    if claims.exp <= moment:
        raise Gone(say("this link has expired"), field="exp")
    if claims.exp > moment + LIFE_MAX.total_seconds() + leeway:
        raise Invalid(say("the token: exp is over %(days)s days ahead", days=LIFE_MAX.days))
    if claims.nbf > moment + leeway:
        raise Invalid(say("the token: nbf is still to come"))
    tenant = claims.tenant
    if not tenant.strip() or len(tenant) > TENANT_CHARS_MAX or "\0" in tenant:
        raise Invalid(
            say("the token: tenant takes 1 to %(most)s characters", most=TENANT_CHARS_MAX)
        )
    return claims


def _mac(secret: str, signed: str) -> bytes:
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()


def _packed(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    if not BASE64URL.fullmatch(text):
        raise Forbidden(NOT_VALID)
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except NotBase64 as error:
        raise Forbidden(NOT_VALID) from error


def checked_origins(text: str) -> tuple[str, ...]:
    """The sites of a text, one a line, as browsers name them. Raises Invalid."""
    found = dict.fromkeys(_origin(line) for line in text.split())
    if len(found) > ORIGINS_MAX:
        raise Invalid(say("at most %(most)s sites", most=ORIGINS_MAX), field="origins")
    return tuple(found)


def _origin(text: str) -> str:
    wrong = say("“%(given)s” is not a site such as https://app.example.com", given=text[:80])
    try:
        parts = urlsplit(text.lower())
        port = parts.port
    except ValueError as error:
        raise Invalid(wrong, field="origins") from error
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc
    bare = not parts.path.strip("/") and not parts.query and not parts.fragment
    if parts.scheme not in ("http", "https") or not HOST.fullmatch(host) or not bare:
        raise Invalid(wrong, field="origins")
    return f"{parts.scheme}://{parts.netloc}"
