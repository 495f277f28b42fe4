"""One parcel to the server: what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import msgspec

from causerie.client.complaints import Complaints
from causerie.client.connection import Answer, Connection, Request
from causerie.client.errors import ClientError, Refused, TooMany, error_of

TRIES_MAX = 6
"""Of what the server fails at while it is well; what does not reach it is tried without end."""
SUCCESS = {"POST": 201, "PATCH": 200}
WARNING_HEADER = "x-causerie-warning"
_NUMBERS = re.compile(r"\d+")
_TRY_AGAIN = (408, 425)


class _Said(msgspec.Struct):
    status: str


_decode = msgspec.json.Decoder(_Said).decode


class Fate(Enum):
    """What became of a parcel."""

    SENT = "sent"
    REFUSED = "refused"
    """Sending it again would not help."""
    AWAY = "away"
    """Nobody took it; the server is away, or busy."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fate, and how long to wait if the server said so."""

    fate: Fate
    why: str = ""
    wait_s: float | None = None
    fails: bool = False
    """The server was there, and failed at it."""


def deliver(
    connection: Connection, request: Request, tries: int, complaints: Complaints
) -> Verdict:
    """Send a request at which the server failed so often before."""
    try:
        answer = connection.ask(request)
    except ClientError as error:
        return Verdict(Fate.AWAY, error.message)
    if answer.status == SUCCESS[request.method] and _kept(answer.body):
        _pass_on(answer, complaints)
        return Verdict(Fate.SENT)
    refusal = error_of(answer.status, answer.headers, answer.body)
    if answer.status < 300:
        # A page of some proxy: a success that says nothing of the kind.
        return Verdict(Fate.AWAY, refusal.message)
    if _final(refusal, tries):
        _complain(refusal, complaints)
        return Verdict(Fate.REFUSED, refusal.message)
    return Verdict(Fate.AWAY, refusal.message, refusal.retry_after_s, _failed(refusal))


def _kept(body: bytes) -> bool:
    """Whether it is our server that says so."""
    try:
        return _decode(body).status == "ok"
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def _pass_on(answer: Answer, complaints: Complaints) -> None:
    """What the server kept and yet has to say."""
    warning = answer.headers.get(WARNING_HEADER)
    if warning:
        complaints.once("warning " + _NUMBERS.sub("#", warning), "the server says: %s", warning)


def _final(error: ClientError, tries: int) -> bool:
    if isinstance(error, Refused):
        return not isinstance(error, TooMany) and error.status not in _TRY_AGAIN
    return _failed(error) and tries + 1 >= TRIES_MAX


def _failed(error: ClientError) -> bool:
    return error.status == 500 and bool(error.code)


def _complain(error: ClientError, complaints: Complaints) -> None:
    kind = f"{error.status} {error.code} {_NUMBERS.sub('#', error.field)}"
    complaints.once(
        kind, "the server refused what was sent, with %d %s", error.status, _said(error)
    )


def _said(error: ClientError) -> str:
    return f"{error.code}: {error.message}" if error.code else error.message
