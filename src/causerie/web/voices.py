"""How each API of the gateway says what went wrong, so that its clients raise what they should."""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from causerie.errors import (
    Busy,
    CauserieError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
    UpstreamSlow,
)

ARK_PATHS = ("/api/v3/", "/context", "/v1/context")
OPENAI_PATHS = ("/v1/",)
REQUEST_ID = "x-client-request-id"
log = logging.getLogger(__name__)
encode = msgspec.json.Encoder().encode
Words = dict[str, Any]

ARK_STATUS: dict[type[Exception], tuple[int, str, str]] = {
    # Status, type, code. The first that fits.
    Busy: (403, "Forbidden", "OperationDenied.InvalidState"),
    Conflict: (409, "Conflict", "OperationDenied.Conflict"),
    TooLarge: (413, "BadRequest", "InvalidParameter"),
    Invalid: (400, "BadRequest", "InvalidParameter"),
    Unauthenticated: (401, "Unauthorized", "AuthenticationError"),
    Forbidden: (403, "Forbidden", "AccessDenied"),
    NotFound: (404, "NotFound", "NotFound"),
    TooMany: (429, "TooManyRequests", "RateLimitExceeded"),
    UpstreamSlow: (504, "InternalServerError", "InternalServiceError"),
    UpstreamFailed: (502, "InternalServerError", "InternalServiceError"),
    Unavailable: (503, "InternalServerError", "ServiceUnavailable"),
}
ARK_LIMITS = {
    "requests": "RateLimitExceeded.EndpointRPMExceeded",
    "tokens": "RateLimitExceeded.EndpointTPMExceeded",
    "budget": "QuotaExceeded",
    "upstream": "ServerOverloaded",
}
ARK_FIELDS = {"context_id": "NotFound.ContextId", "model": "InvalidEndpointOrModel.NotFound"}

OPENAI_STATUS: dict[type[Exception], tuple[int, str, str | None]] = {
    Conflict: (409, "invalid_request_error", "conflict"),
    TooLarge: (413, "invalid_request_error", "request_too_large"),
    Invalid: (400, "invalid_request_error", None),
    Unauthenticated: (401, "invalid_request_error", "invalid_api_key"),
    Forbidden: (403, "invalid_request_error", "permission_denied"),
    NotFound: (404, "invalid_request_error", "not_found"),
    TooMany: (429, "requests", "rate_limit_exceeded"),
    UpstreamSlow: (504, "server_error", "upstream_slow"),
    UpstreamFailed: (502, "server_error", "upstream_failed"),
    Unavailable: (503, "server_error", "unavailable"),
}


class Voice:
    """One API's shape of an error: status and the object under `error`."""

    def __init__(
        self, words: Callable[[Exception], tuple[int, Words]], *, should_retry: bool
    ) -> None:
        self._words = words
        self._should_retry = should_retry

    def answer(self, request: Request, error: Exception) -> Response:
        """The error as a whole answer."""
        status, words = self.said(request, error)
        headers = request_headers(request)
        if isinstance(error, TooMany):
            headers |= _when(error)
        if isinstance(error, Busy) and self._should_retry:
            headers["x-should-retry"] = "true"
        return Response(encode({"error": words}), status, headers, "application/json")

    def frame(self, request: Request, error: Exception) -> bytes:
        """The error as the last event of a stream."""
        return b"data: " + encode({"error": self.said(request, error)[1]}) + b"\n\n"

    def said(self, request: Request, error: Exception) -> tuple[int, Words]:
        """Status and words; what is not for callers is logged."""
        if not isinstance(error, (CauserieError, HTTPException)):
            log.error("unexpected", exc_info=error)
        status, words = self._words(error)
        words["message"] += f" Request id: {request_id(request)}"
        return status, words


def request_id(request: Request) -> str:
    """The caller's name for the request, else ours."""
    given = request.headers.get(REQUEST_ID, "")
    return given[:100] if given.isascii() and given.isprintable() and given else made_id(request)


def made_id(request: Request) -> str:
    """Our own name for the request, the same however often it is asked for."""
    found: str = request.scope.setdefault("causerie.request_id", "")
    if not found:
        found = request.scope["causerie.request_id"] = f"req-{secrets.token_hex(8)}"
    return found


def request_headers(request: Request) -> dict[str, str]:
    """What every answer of the gateway carries."""
    headers = {"x-request-id": made_id(request)}
    if REQUEST_ID in request.headers:
        headers[REQUEST_ID] = request_id(request)
    return headers


def _when(error: TooMany) -> dict[str, str]:
    if error.limit == "budget":
        # Waiting is no help before the month is over.
        return {"x-should-retry": "false"}
    if error.retry_after_s is None:
        return {}
    return {
        "retry-after": f"{max(1, math.ceil(error.retry_after_s))}",
        "retry-after-ms": f"{round(error.retry_after_s * 1000)}",
    }


def _row(table: Mapping[type[Exception], Any], error: Exception) -> Any:
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def _plain(error: Exception) -> tuple[int, str]:
    if isinstance(error, HTTPException):
        return error.status_code, error.detail
    return 500, "internal error"


def ark_words(error: Exception) -> tuple[int, Words]:
    """As Ark says it; code and type are always text."""
    row = _row(ARK_STATUS, error)
    if row is None or not isinstance(error, CauserieError):
        status, message = _plain(error)
        kind = "NotFound" if status == 404 else "InternalServerError"
        code = "NotFound" if status == 404 else "InternalServiceError"
        return status, {"code": code, "message": f"{message}.", "param": "", "type": kind}
    status, kind, code = row
    if isinstance(error, TooMany):
        code = ARK_LIMITS.get(error.limit, code)
    elif isinstance(error, NotFound):
        code = ARK_FIELDS.get(error.field or "", code)
    elif isinstance(error, Invalid) and error.code != Invalid.code:
        code = error.code
    words = {"code": code, "message": f"{error.message}.", "param": error.field or "", "type": kind}
    return status, words


def openai_words(error: Exception) -> tuple[int, Words]:
    """As OpenAI says it."""
    row = _row(OPENAI_STATUS, error)
    if row is None or not isinstance(error, CauserieError):
        status, message = _plain(error)
        phrase = HTTPStatus(status).phrase.lower().replace(" ", "_")
        kind = "invalid_request_error" if status < 500 else "server_error"
        return status, {"message": f"{message}.", "type": kind, "param": None, "code": phrase}
    status, kind, code = row
    if isinstance(error, TooMany):
        kind = {"tokens": "tokens", "budget": "insufficient_quota"}.get(error.limit, kind)
        code = "insufficient_quota" if error.limit == "budget" else code
    elif isinstance(error, NotFound) and error.field == "model":
        code = "model_not_found"
    elif isinstance(error, Invalid) and error.code not in (Invalid.code, TooLarge.code):
        code = error.code
    return status, {
        "message": f"{error.message}.",
        "type": kind,
        "param": error.field,
        "code": code,
    }


class Voices:
    """Which API speaks at which address. `should_retry`: a busy session may be asked again."""

    def __init__(self, *, should_retry: bool) -> None:
        self.ark = Voice(ark_words, should_retry=should_retry)
        self.openai = Voice(openai_words, should_retry=False)

    def of(self, path: str) -> Voice | None:
        """The voice of that address; None where the gateway does not speak."""
        if path.startswith(ARK_PATHS):
            return self.ark
        return self.openai if path.startswith(OPENAI_PATHS) else None
