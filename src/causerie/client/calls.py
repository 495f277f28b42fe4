"""Questions to the server: one answer each, asked again where that does no harm."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Generator, Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from causerie.client.backoff import pause_s
from causerie.client.connection import Answer, Connections, Request, headers_of
from causerie.client.errors import (
    ClientError,
    Invalid,
    ServerFailed,
    TooMany,
    Unreachable,
    Unreadable,
    error_of,
)

TRIES_MAX = 4
PAUSE_SECONDS_MAX = 2.0
Result = TypeVar("Result")
Document = dict[str, Any]
_encode = msgspec.json.Encoder().encode
_document = msgspec.json.Decoder(Document)
PASSING = (429, 502, 503, 504)
"""Statuses that say nothing was done."""


class Calls:
    """Asks over connections that are kept. Safe in threads."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def ask(
        self, kind: type[Result], method: str, path: str, body: Any = None, *, key: str = ""
    ) -> Result:
        """The answer as a value of that kind. Raises ClientError."""
        answer = self._answer(_request(method, path, body, key))
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unreadable(f"not what was asked for: {error}", status=answer.status) from error

    def _answer(self, request: Request) -> Answer:
        failures = 0
        while True:
            try:
                return self._once(request)
            except ClientError as error:
                failures += 1
                wait_s = error.retry_after_s or 0.0
                if failures >= TRIES_MAX or wait_s > PAUSE_SECONDS_MAX:
                    raise
                if not _passing(error, request):
                    raise
            time.sleep(max(pause_s(failures, random.random, PAUSE_SECONDS_MAX), wait_s))

    def _once(self, request: Request) -> Answer:
        connection = self._connections.lend()
        answer = connection.ask(request)
        self._connections.give_back(connection)
        if answer.status >= 300:
            raise error_of(answer.status, answer.headers, answer.body)
        return answer

    def stream(
        self, method: str, path: str, body: Any, *, key: str
    ) -> Generator[Document, None, None]:
        """The events of an answer, as they come. Raises ClientError, also in the middle."""
        connection = self._connections.lend()
        response = connection.begin(_request(method, path, body, key))
        try:
            if response.status >= 300:
                raise error_of(response.status, headers_of(response), response.read())
            yield from _events(response)
        except (OSError, HTTPException) as error:
            raise Unreachable(f"the answer broke off: {error}") from error
        finally:
            # What is left of it must not be the next answer.
            connection.close()
            self._connections.give_back(connection)


def _request(method: str, path: str, body: Any, key: str) -> Request:
    try:
        return Request(method, path, None if body is None else _encode(body), key)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Invalid(f"no JSON: {error}", code="invalid_request") from error


def _passing(error: ClientError, request: Request) -> bool:
    """Whether it may be asked again, and it may help."""
    if isinstance(error, ServerFailed | TooMany):
        return error.status in PASSING and request.repeatable
    return isinstance(error, Unreachable) and request.repeatable


def _events(response: HTTPResponse) -> Iterator[Document]:
    for line in response:
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        try:
            said = _document.decode(data)
        except msgspec.MsgspecError as error:
            raise Unreadable(f"an event that is no JSON object: {error}") from error
        if said.get("error"):
            raise error_of(response.status, {}, data)
        yield said
    raise Unreachable("the answer broke off before its end")


def path_of(*parts: str, **query: Any) -> str:
    """A path of parts, with those parameters that have a value."""
    path = "/".join(["", *(quote(part, safe="") for part in parts)])
    given = {name: _text(value) for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat() if callable(isoformat) else value)


def fields(**given: Any) -> Mapping[str, Any]:
    """Those that have a value."""
    return {name: value for name, value in given.items() if value is not None}


def new_key() -> str:
    """A key for one question."""
    return uuid.uuid4().hex
