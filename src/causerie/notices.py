"""Notice: something to be told to somebody who is not looking; Destination: where, and when.

A destination is one mailbox, a Slack channel by its incoming webhook, or any webhook. It may be
sent what changed, every day or every week at an hour of the project's time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from causerie.accounts import normal_email
from causerie.errors import Invalid
from causerie.wording import say

DESTINATIONS_MAX = 50
"""Of one project."""
ADDRESS_CHARS_MAX = 2_000
SECRET_CHARS_MIN = 16
SECRET_CHARS_MAX = 200
SEAL = "sealed:"
"""Begins what is kept encrypted."""
LANGUAGES = ("en", "fr", "es", "zh")
EVERY = ("", "day", "week")
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))
"""Before each further attempt; after the last one a notice has failed."""


class Kind(StrEnum):
    """How a destination is reached."""

    EMAIL = "email"
    SLACK = "slack"
    WEBHOOK = "webhook"


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where notices go."""

    id: str
    project: str
    name: str
    kind: Kind
    address: str
    """A mailbox, or the address of a webhook; that is a secret, and sealed where it is kept."""
    secret: str = ""
    """Signs what a webhook is sent; sealed where it is kept."""
    host: str = ""
    """What may be shown of the address of a webhook."""
    language: str = "en"
    every: str = ""
    """How often what changed is sent: one of `EVERY`."""
    weekday: int = 0
    """From Monday, where it is every week."""
    hour: int = 8

    @property
    def shown(self) -> str:
        """The address as far as anybody may see it."""
        return self.address if self.kind is Kind.EMAIL else f"{self.host}/…"


class Status(StrEnum):
    """How far a notice is."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be told to one destination. `key` is what makes it that and no other."""

    id: int
    project: str
    destination: str
    key: str
    subject: str
    """`digest`, `alert` or `test`."""
    document: Mapping[str, Any]
    """What it is about, without words."""
    status: Status = Status.WAITING
    attempts: int = 0
    due_at: datetime
    error: str = ""
    created_at: datetime
    sent_at: datetime | None = None


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A notice in words, for any kind of destination."""

    title: str
    text: str
    html: str
    slack: str
    document: Mapping[str, Any]
    """What a webhook is sent."""


def checked_destination(destination: Destination) -> Destination:
    """The same, its address as it is kept. Raises Invalid, naming the field."""
    if not destination.name or len(destination.name) > 100 or not destination.name.isprintable():
        raise Invalid(say("give it a name"), field="name")
    if destination.language not in LANGUAGES:
        raise Invalid(say("choose a language"), field="language")
    if destination.every not in EVERY:
        raise Invalid(say("choose how often"), field="every")
    if not (0 <= destination.hour < 24 and 0 <= destination.weekday < 7):
        raise Invalid(say("choose a day and an hour"), field="hour")
    if destination.kind is Kind.EMAIL:
        return msgspec.structs.replace(destination, address=_mailbox(destination.address), host="")
    sealed = destination.address.startswith(SEAL)
    host = destination.host if sealed else host_of(destination.address)
    open_secret = destination.secret and not destination.secret.startswith(SEAL)
    if open_secret and not SECRET_CHARS_MIN <= len(destination.secret) <= SECRET_CHARS_MAX:
        raise Invalid(
            say("a secret has %(least)s characters or more", least=SECRET_CHARS_MIN),
            field="secret",
        )
    return msgspec.structs.replace(destination, host=host)


def _mailbox(text: str) -> str:
    address = normal_email(text)
    # What a mail's head is made of.
    if not address.isascii() or any(letter in address for letter in '",;:()[]\\'):
        raise Invalid(say("that is not an e-mail address"), field="address")
    return address


def host_of(address: str) -> str:
    """Scheme and host of a webhook's address. Raises Invalid unless it is one."""
    wrong = Invalid(say("an address begins with https:// or http://"), field="address")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise wrong from error
    plain = address.isascii() and address.isprintable() and " " not in address
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or port == 0:
        raise wrong
    if parts.username is not None or len(address) > ADDRESS_CHARS_MAX:
        raise Invalid(say("an address has no user and password in it"), field="address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}"


def next_due(destination: Destination, after: datetime, zone: str) -> datetime | None:
    """When what changed is sent next; None where it never is. An hour that clocks leave out is the
    one after it, one that they show twice is the first.
    """
    if not destination.every:
        return None
    place = ZoneInfo(zone)
    day = after.astimezone(place).date()
    while True:
        due = datetime.combine(day, time(destination.hour), place).astimezone(UTC)
        if due > after and (destination.every == "day" or day.weekday() == destination.weekday):
            return due
        day += timedelta(days=1)


def wait_after(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts that failed; None where it was the last."""
    return WAITS[attempts - 1] if attempts <= len(WAITS) else None
