"""What goes wrong when a server is asked; what is only written never raises.

ClientError
├── Unreachable          no connection, or none that lasted until the answer
├── Unreadable           something answered, but not a Causerie server
├── ServerFailed         the server, or the provider behind it, failed         (5xx)
└── Refused              the server says no, and why; `field` names the part   (4xx)
    ├── Invalid          what was sent cannot be understood                    (400, 422)
    │   └── TooLarge                                                           (413)
    ├── Unauthenticated  no key, or an unknown one                             (401)
    ├── Forbidden        a key of another kind                                 (403)
    ├── NotFound                                                               (404)
    ├── Conflict                                                               (409)
    │   └── Busy         another turn of that context is going on              (403, 409)
    └── TooMany          over a limit; `retry_after_s` says how long           (429)
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class ClientError(Exception):
    """Base. `status` is 0 where nothing was answered; `code` and `field` are the server's."""

    def __init__(self, message: str, *, status: int = 0, code: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.field = field
        self.retry_after_s: float | None = None


class Unreachable(ClientError):
    """No connection, or none that lasted until the answer."""


class Unreadable(ClientError):
    """Something answered, but not a Causerie server."""


class ServerFailed(ClientError):
    """The server, or the provider behind it, failed."""


class Refused(ClientError):
    """The server says no, and why."""


class Invalid(Refused):
    """What was sent cannot be understood; `field` names the part."""


class TooLarge(Invalid):
    """Over a named limit of the server."""


class Unauthenticated(Refused):
    """No key, an unknown or a revoked one."""


class Forbidden(Refused):
    """The key is of another kind."""


class NotFound(Refused):
    """Nothing under that name for this key."""


class Conflict(Refused):
    """The state of things forbids it."""


class Busy(Conflict):
    """Another turn of that context is going on."""


class TooMany(Refused):
    """Over a limit per minute or a budget."""


KINDS: dict[int, type[Refused]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
    429: TooMany,
}
BUSY_CODES = ("OperationDenied.InvalidState", "busy")


class _Said(msgspec.Struct):
    message: str
    code: str | int | None = None
    field: str | None = None
    param: str | None = None


class _Body(msgspec.Struct):
    error: _Said


_decode = msgspec.json.Decoder(_Body).decode


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ClientError:
    """The error that an answer is. One without our error's shape is Unreadable, or, where the
    status says so, ServerFailed or TooLarge: proxies limit bodies in words of their own.
    """
    try:
        said = _decode(body).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = None
    error = _wordless(status, headers) if said is None else _said(status, said)
    error.retry_after_s = _seconds(headers.get("retry-after"))
    return error


def _wordless(status: int, headers: Mapping[str, str]) -> ClientError:
    sort = headers.get("content-type", "no type")
    text = f"an answer that is none of Causerie's: {status}, {sort}"
    if status == 413:
        return TooLarge(text, status=status, code="too_large")
    return (ServerFailed if status >= 500 else Unreadable)(text, status=status)


def _said(status: int, said: _Said) -> ClientError:
    code = str(said.code or "")
    kind: type[ClientError] = KINDS.get(status, Refused if status < 500 else ServerFailed)
    if code in BUSY_CODES:
        kind = Busy
    field = said.field or said.param or ""
    return kind(said.message, status=status, code=code, field=field)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.strip().isdecimal() else None
