"""Who calls the gateway, with what: the key, the body, the endpoint that it means."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

import msgspec
from msgspec import Raw
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from causerie.accounts import Access, Allowance, Key, KeyKind
from causerie.allowances import Allowances
from causerie.calls import Caller
from causerie.conversations import TENANT_CHARS_MAX
from causerie.endpoints import LOCAL_ENDPOINT, Endpoint
from causerie.errors import Forbidden, Invalid, NotFound
from causerie.store.accounts import Accounts
from causerie.store.endpoints import Endpoints
from causerie.web.edge import Keys, read_body

ENDPOINT_CACHE_SECONDS = 2.0
ENDPOINTS_CACHED_MAX = 10_000
USER_CHARS_MAX = 200
MESSAGES_MAX = 5_000
NULL = b"null"
ABSENT = (b"null", b'""')
"""Python clients send null for what is unset, Go clients an empty text."""
ANYONE = "anyone"
Body = dict[str, Raw]
decode_body = msgspec.json.Decoder(dict[str, Raw]).decode


class Speaker(msgspec.Struct):
    """A message, as far as its role."""

    role: str


decode_speakers = msgspec.json.Decoder(list[Speaker]).decode


@dataclass(frozen=True)
class Knock:
    """A request that was admitted: by whom, when, with what body."""

    caller: Caller
    body: Body
    raw: bytes
    id: str
    at: datetime
    began: float
    headers: dict[str, str]
    """How much is left of the key's allowance."""


class Callers:
    """Admits callers and finds endpoints. Both are remembered for `ENDPOINT_CACHE_SECONDS`.

    `local` gives the endpoint of the model that runs beside the server, if one does; `open_project`
    names the project that is answered without a key.
    """

    def __init__(
        self,
        keys: Keys,
        accounts: Accounts,
        endpoints: Endpoints,
        allowances: Allowances,
        clock: Callable[[], datetime],
        new_uid: Callable[[], str],
        local: Callable[[str], Endpoint | None],
        open_project: str,
    ) -> None:
        self._keys = keys
        self._accounts = accounts
        self._endpoints = endpoints
        self._allowances = allowances
        self._clock = clock
        self._new_uid = new_uid
        self._local = local
        self._open_project = open_project
        self._found: dict[tuple[str, str], tuple[float, Endpoint]] = {}

    async def admit(self, request: Request) -> Knock:
        """The request with its caller. Raises Unauthenticated, Forbidden, TooMany, Invalid."""
        began = perf_counter()
        caller = await self.caller(request)
        raw = await read_body(request)
        headers = self._allowances.admit(caller.key)
        return Knock(caller, _body(raw), raw, self._new_uid(), self._clock(), began, headers)

    async def caller(self, request: Request) -> Caller:
        """Whose key it is. Raises Unauthenticated, Forbidden."""
        if self._open_project and "authorization" not in request.headers:
            return await run_in_threadpool(self._anyone)
        known = self._keys.known(request, Access.GATEWAY)
        if known is None:
            known = await run_in_threadpool(self._keys.find, request, Access.GATEWAY)
        key, project = known
        if not self._allowances.known(key):
            await run_in_threadpool(self._allowances.load, key)
        return Caller(project, key)

    def _anyone(self) -> Caller:
        project = self._accounts.project(self._open_project)
        if project is None:
            raise NotFound(f"there is no project {self._open_project!r} to be open")
        key = Key(
            id=ANYONE,
            project=project.id,
            kind=KeyKind.GATEWAY,
            name=ANYONE,
            hint="",
            created_at=project.created_at,
            allowance=Allowance(),
        )
        return Caller(project, key)

    async def endpoint(self, caller: Caller, name: str) -> Endpoint:
        """The endpoint of that id, or that serves the model of that name. Raises NotFound,
        Forbidden when the key may not call it.
        """
        found = self._remembered(caller.project.id, name)
        if found is None:
            found = await run_in_threadpool(self._resolve, caller.project.id, name)
        if found is None or found.disabled:
            raise NotFound(f"no endpoint or model {name!r} in this project", field="model")
        if not caller.key.allowance.permits(found.id):
            raise Forbidden(f"this key may not call {found.id}")
        return found

    def _remembered(self, project: str, name: str) -> Endpoint | None:
        if name == LOCAL_ENDPOINT and (local := self._local(project)) is not None:
            return local
        known = self._found.get((project, name))
        return known[1] if known is not None and known[0] > time.monotonic() else None

    def _resolve(self, project: str, name: str) -> Endpoint | None:
        found = self._endpoints.resolve(project, name)
        if found is None:
            local = self._local(project)
            return local if local is not None and name in local.serves else None
        if len(self._found) >= ENDPOINTS_CACHED_MAX:
            self._found.clear()
        self._found[(project, name)] = (time.monotonic() + ENDPOINT_CACHE_SECONDS, found)
        return found

    async def endpoints(self, caller: Caller) -> list[Endpoint]:
        """Every endpoint that the caller may call."""
        listed = await run_in_threadpool(self._endpoints.list, caller.project.id)
        local = self._local(caller.project.id)
        every = [*([local] if local else []), *listed]
        return [
            endpoint
            for endpoint in every
            if caller.key.allowance.permits(endpoint.id) and not endpoint.disabled
        ]

    def forget(self) -> None:
        """Ask the store again for every endpoint; called when one was changed."""
        self._found.clear()


def _body(raw: bytes) -> Body:
    try:
        raw.decode()  # the decoder looks at no more than the top
        given = decode_body(raw)
    except msgspec.ValidationError:
        raise Invalid("a JSON object is expected", field="body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"the body is not JSON: {error}", field="body") from None
    return {name: value for name, value in given.items() if bytes(value) not in ABSENT}


def text_of(body: Body, name: str) -> str:
    """A field that is text; empty when absent. Raises Invalid."""
    return str(_of(body, name, str, "text", ""))


def flag_of(body: Body, name: str) -> bool:
    """A field that is true or false; false when absent. Raises Invalid."""
    return bool(_of(body, name, bool, "true or false", False))


def _of(body: Body, name: str, kind: Any, words: str, absent: Any) -> Any:
    if name not in body:
        return absent
    try:
        return msgspec.json.decode(body[name], type=kind)
    except msgspec.DecodeError:
        raise Invalid(f"{name}: {words} is expected", field=name) from None


def required(body: Body, name: str) -> Raw:
    """A field that has to be there. Raises Invalid."""
    if name not in body:
        missing = Invalid(f"{name} is missing", field=name)
        missing.code = "MissingParameter"
        raise missing
    return body[name]


def model_of(body: Body) -> str:
    """The endpoint or model that is asked for. Raises Invalid."""
    required(body, "model")
    return text_of(body, "model")


def messages_of(body: Body, *, prefill: bool = True) -> bytes:
    """The messages, byte for byte. Raises Invalid unless each has a role, and, without `prefill`,
    when the last is the assistant's.
    """
    raw = bytes(required(body, "messages"))
    try:
        speakers = decode_speakers(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"messages: {error}", field="messages") from None
    if not speakers:
        raise Invalid("messages: one or more are expected", field="messages")
    if len(speakers) > MESSAGES_MAX:
        raise Invalid(f"messages: over {MESSAGES_MAX} (MESSAGES_MAX)", field="messages")
    if not prefill and speakers[-1].role == "assistant":
        raise Invalid("messages: the last may not be the assistant's", field="messages")
    return raw


def user_of(request: Request, body: Body) -> str:
    """The person who talks, by header or body."""
    headers = request.headers
    given = headers.get("x-user-id") or headers.get("user_id") or ""
    return (given or text_of(body, "user")).replace("\0", "")[:USER_CHARS_MAX]


def tenant_of(request: Request) -> str:
    """The customer that the person belongs to, by header."""
    return request.headers.get("x-tenant-id", "")[:TENANT_CHARS_MAX]


def metadata_of(body: Body) -> dict[str, str]:
    """The metadata as text. Raises Invalid unless it is an object."""
    given: Mapping[str, Any] = _of(body, "metadata", dict[str, Any], "an object", {})
    return {
        key: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for key, value in given.items()
    }


def includes_usage(body: Body) -> bool:
    """Whether a stream is to end with the usage. Raises Invalid."""
    options: Mapping[str, Any] = _of(body, "stream_options", dict[str, Any], "an object", {})
    return bool(options.get("include_usage"))


def without(body: Body, *names: str) -> Body:
    """The body without these fields."""
    return {name: value for name, value in body.items() if name not in names}
