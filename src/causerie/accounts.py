"""Project, Key, Member: who may do what."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import chain, count

import msgspec

from causerie.endpoints import ENDPOINT_ID
from causerie.errors import Invalid
from causerie.masking import DEFAULT_MASKING, Masking
from causerie.wording import say
from causerie.zones import DEFAULT_ZONE

TOKEN_PREFIX = "csr"
NAME_CHARS_MAX = 100
PROJECT_ID_CHARS_MAX = 60
PROJECT_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
EMAIL_CHARS_MAX = 254
RETENTION_DAYS_MAX = 36_500
TOPIC_USERS_MIN = 3
TOPIC_USERS_MIN_MAX = 100
AUDIT_DAYS = 365
AUDIT_DAYS_MAX = 3_650
PER_MINUTE_MAX = 1_000_000_000
BUDGET_MAX = 1_000_000_000
ALLOWED_ENDPOINTS_MAX = 100
CURRENCY = re.compile(r"[A-Z]{3}")
EMAIL = re.compile(r"[^\s@<>\x00-\x1f]+@[^\s@<>\x00-\x1f]+")


class KeyKind(StrEnum):
    """What a key opens. An admin key opens all that its project has."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"
    GATEWAY = "gateway"


class Access(StrEnum):
    """What a request wants to do with a project."""

    INGEST = "ingest"
    READ = "read"
    GATEWAY = "gateway"
    ADMIN = "admin"
    """To change what others use."""


class Role(StrEnum):
    """What a member may do in a project: look, change settings, or also manage members."""

    VIEWER = "viewer"
    MEMBER = "member"
    OWNER = "owner"

    def covers(self, needed: Role) -> bool:
        """Whether this role is at least the needed one."""
        order = (Role.VIEWER, Role.MEMBER, Role.OWNER)
        return order.index(self) >= order.index(needed)


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One product whose conversations are kept apart from all others'."""

    id: str
    name: str
    created_at: datetime
    masks_personal_data: bool = True
    salt: bytes = b""
    """Keys the pseudonyms of users whose id was personal data, and the marks of what was masked."""
    masking: Masking = DEFAULT_MASKING
    """What counts as personal data, where it is masked."""
    zone: str = DEFAULT_ZONE
    """The name of the time zone whose days, weeks and months reports tell."""
    retention_days: int | None = None
    """How long transcripts are kept after their last message; None means for ever."""
    topic_users_min: int = TOPIC_USERS_MIN
    """A suggested topic of fewer users is not named."""
    audit_days: int = AUDIT_DAYS
    """How long it is known who has read what."""


class Logging(StrEnum):
    """What is kept of the calls that a key makes through the gateway."""

    EVERYTHING = "everything"
    USAGE = "usage"
    """What they took, not what was said."""
    NOTHING = "nothing"


class Allowance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a key may do at the gateway. None means no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    monthly_budget: Decimal | None = None
    currency: str = "USD"
    """Of the budget. Calls that cost another currency are not counted in it."""
    endpoints: tuple[str, ...] | None = None
    """Ids of the endpoints that it may call."""
    logging: Logging = Logging.EVERYTHING

    def permits(self, endpoint: str) -> bool:
        """Whether the key may call that endpoint."""
        return self.endpoints is None or endpoint in self.endpoints


NO_LIMITS = Allowance()


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a project. Its token is shown once and never kept; `hint` is its last 4 letters."""

    id: str
    project: str
    kind: KeyKind
    name: str
    hint: str
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    allowance: Allowance = NO_LIMITS
    tenant: str | None = None
    """A read key may be for one tenant, the empty string what has none; None is for all."""

    def allows(self, access: Access) -> bool:
        """Whether the kind of this key opens what is asked for."""
        return self.kind is KeyKind.ADMIN or self.kind.value == access.value


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person who can sign in."""

    id: str
    email: str
    created_at: datetime
    has_password: bool
    language: str = ""
    """What their pages are in; empty when it is what the browser asks for."""


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """A member's role in a project."""

    project: str
    member: str
    email: str
    role: Role


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time link. With a project it makes its user a member there; without one it sets a
    new password. An empty e-mail, on first start, leaves the choice to whoever opens it.
    """

    email: str
    project: str | None
    role: Role
    expires_at: datetime


def normal_name(text: str) -> str:
    """The name of a project or key, with single spaces. Raises Invalid."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise Invalid(
            say("a name has 1 to %(name_chars_max)s letters", name_chars_max=NAME_CHARS_MAX),
            field="name",
        )
    return name


def project_ids(name: str) -> Iterator[str]:
    """Ids for a project of that name, the plainest first, without end."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain)[: PROJECT_ID_CHARS_MAX - 8].strip("-") or "project"
    return chain([stem], (f"{stem}-{number}" for number in count(2)))


def check_project_id(text: str) -> None:
    """Raises Invalid unless it can be the id of a project."""
    if len(text) > PROJECT_ID_CHARS_MAX or not PROJECT_ID.fullmatch(text):
        raise Invalid(say("a project id has small letters, digits and single hyphens"), field="id")


def normal_email(text: str) -> str:
    """The e-mail address in the one form that is kept. Raises Invalid."""
    email = text.strip().lower()
    if len(email) > EMAIL_CHARS_MAX or not EMAIL.fullmatch(email):
        raise Invalid(say("that is not an e-mail address"), field="email")
    return email


def check_allowance(allowance: Allowance) -> Allowance:
    """The same allowance. Raises Invalid, naming the field."""
    for name in ("requests_per_minute", "tokens_per_minute"):
        limit = getattr(allowance, name)
        if limit is not None and not 1 <= limit <= PER_MINUTE_MAX:
            raise Invalid(
                say("%(name)s: 1 to %(per_minute_max)s", name=name, per_minute_max=PER_MINUTE_MAX),
                field=name,
            )
    budget = allowance.monthly_budget
    if budget is not None and not (budget.is_finite() and 0 <= budget <= BUDGET_MAX):
        raise Invalid(
            say("monthly_budget: 0 to %(budget_max)s", budget_max=BUDGET_MAX),
            field="monthly_budget",
        )
    if not CURRENCY.fullmatch(allowance.currency):
        raise Invalid(say("currency: three letters such as USD or CNY"), field="currency")
    if len(allowance.endpoints or ()) > ALLOWED_ENDPOINTS_MAX:
        raise Invalid(
            say("endpoints: at most %(max)s", max=ALLOWED_ENDPOINTS_MAX), field="endpoints"
        )
    for endpoint in allowance.endpoints or ():
        if not ENDPOINT_ID.fullmatch(endpoint):
            raise Invalid(f"endpoints: {endpoint!r} is no endpoint's id", field="endpoints")
    return allowance


def new_secret() -> str:
    """A secret nobody can guess (256 bits), for sessions, forms and links."""
    return secrets.token_urlsafe(32)


def new_token(kind: KeyKind) -> str:
    """A token nobody can guess (256 bits), telling its kind to the eye."""
    return f"{TOKEN_PREFIX}_{kind}_{new_secret()}"


def hash_token(token: str) -> bytes:
    """What is kept of a token. It has 256 random bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).digest()


def new_id(prefix: str) -> str:
    """A short random id such as `key_3f9a…`."""
    return f"{prefix}_{secrets.token_hex(8)}"
