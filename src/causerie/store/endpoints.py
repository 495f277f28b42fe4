"""Endpoints in the state store: one JSON document each, with the upstreams' keys encrypted.

Whoever only shows or changes endpoints gets the keys as they are kept ("sealed"), so that pages
and commands never hold one, and work with a wrong secret too: it can be mended by a new key.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, Row, delete, func, select, update

from causerie.accounts import normal_name
from causerie.endpoints import ENDPOINT_ID, LOCAL_ENDPOINT, Endpoint, check_endpoint
from causerie.errors import Conflict, Invalid, NotFound
from causerie.store.accounts import hold
from causerie.store.state import insert_new, transaction
from causerie.store.state_schema import endpoints
from causerie.vault import Vault
from causerie.wording import say

DEFAULTS_BYTES_MAX = 64 * 1024
ENDPOINTS_MAX = 500
UPSTREAM_KEY_CHARS_MAX = 10_000
SEAL = "sealed:"
FIXED = frozenset({"model", "messages", "input", "stream", "context_id"})
"""What a call says itself, and no default may."""
decode = msgspec.json.Decoder(Endpoint).decode
encode = msgspec.json.Encoder().encode


class Endpoints:
    """Their SQL, on either engine. Safe in threads; every method is one transaction, and raises
    Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def add(self, endpoint: Endpoint) -> Endpoint:
        """Keep a new one; returned as `shown`. Raises Invalid, NotFound for the project, Conflict
        when its id or a model name that it serves is taken.
        """
        if endpoint.id == LOCAL_ENDPOINT:
            raise Conflict(
                say(
                    "%(local_endpoint)s is the name of the local model",
                    local_endpoint=LOCAL_ENDPOINT,
                ),
                field="id",
            )
        kept = self._sealed(_checked(endpoint))
        with transaction(self._engine) as connection:
            hold(connection, kept.project)
            _refuse_taken_names(connection, kept)
            _refuse_too_many(connection, kept.project)
            if not insert_new(connection, endpoints, _row(kept)):
                raise Conflict(
                    say("there is an endpoint %(kept_id)s already", kept_id=kept.id), field="id"
                )
        return kept

    def change(self, endpoint: Endpoint) -> Endpoint:
        """Replace the one of that id; its keys may be open or sealed. Returned as `shown`. Raises
        Invalid, NotFound, Conflict.
        """
        kept = self._sealed(_checked(endpoint))
        change = update(endpoints).where(*_of(kept.project, kept.id))
        with transaction(self._engine) as connection:
            hold(connection, kept.project)
            _refuse_taken_names(connection, kept)
            values = {"document": _row(kept)["document"]}
            if connection.execute(change.values(**values)).rowcount == 0:
                raise _missing(kept.id)
        return kept

    def remove(self, project: str, id: str) -> None:
        """Forget it, its keys too. Raises NotFound."""
        with transaction(self._engine) as connection:
            if connection.execute(delete(endpoints).where(*_of(project, id))).rowcount == 0:
                raise _missing(id)

    def get(self, project: str, id: str) -> Endpoint | None:
        """The endpoint with its keys in the clear. Raises Conflict when the secret is another."""
        with transaction(self._engine) as connection:
            found = _find(connection, project, id)
        return None if found is None else self._opened(found)

    def resolve(self, project: str, name: str) -> Endpoint | None:
        """The endpoint of that id, else the one that serves the model of that name, if it is not
        disabled; its keys in the clear. Raises Conflict when the secret is another.
        """
        with transaction(self._engine) as connection:
            if ENDPOINT_ID.fullmatch(name):
                found = _find(connection, project, name)
            else:
                kept = _all(connection, project)
                found = next((endpoint for endpoint in kept if name in endpoint.serves), None)
        return None if found is None or found.disabled else self._opened(found)

    def list(self, project: str) -> list[Endpoint]:
        """Every endpoint of the project, by name, as `shown`."""
        with transaction(self._engine) as connection:
            return sorted(_all(connection, project), key=lambda one: (one.name.casefold(), one.id))

    def shown(self, project: str, id: str) -> Endpoint:
        """The endpoint with its keys sealed: they tell only whether there is one. Raises
        NotFound.
        """
        with transaction(self._engine) as connection:
            found = _find(connection, project, id)
        if found is None:
            raise _missing(id)
        return found

    def _sealed(self, endpoint: Endpoint) -> Endpoint:
        return _with_keys(
            endpoint,
            lambda key: key if key.startswith(SEAL) else SEAL + self._vault.encrypt(key),
        )

    def _opened(self, endpoint: Endpoint) -> Endpoint:
        return _with_keys(endpoint, lambda key: self._vault.decrypt(key.removeprefix(SEAL)))


def _with_keys(endpoint: Endpoint, made: Callable[[str], str]) -> Endpoint:
    upstreams = (
        replace(upstream, key=made(upstream.key)) if upstream.key else upstream
        for upstream in endpoint.upstreams
    )
    return replace(endpoint, upstreams=tuple(upstreams))


def _checked(endpoint: Endpoint) -> Endpoint:
    upstreams = tuple(
        replace(upstream, base_url=upstream.base_url.rstrip("/")) for upstream in endpoint.upstreams
    )
    name = normal_name(endpoint.name)
    endpoint = check_endpoint(replace(endpoint, name=name, upstreams=upstreams))
    for index, upstream in enumerate(endpoint.upstreams):
        check_key(upstream.key, f"upstreams[{index}].key")
    fixed = sorted(FIXED & endpoint.defaults.keys())
    if fixed:
        raise Invalid(
            say("defaults: %(fixed_0)s is for the caller to say", fixed_0=fixed[0]),
            field="defaults",
        )
    if len(encode(endpoint.defaults)) > DEFAULTS_BYTES_MAX:
        raise Invalid(
            say(
                "defaults: over %(defaults_bytes_max)s bytes", defaults_bytes_max=DEFAULTS_BYTES_MAX
            ),
            field="defaults",
        )
    return endpoint


def check_key(key: str, field: str) -> None:
    """Raises Invalid unless it can be sent as a provider's key."""
    # It becomes a header: what cannot stand in one would break every call.
    if len(key) > UPSTREAM_KEY_CHARS_MAX or not (key.isascii() and key.isprintable()):
        raise Invalid(
            say("%(field)s: visible ASCII letters are expected", field=field), field=field
        )


def _refuse_taken_names(connection: Connection, endpoint: Endpoint) -> None:
    for other in _all(connection, endpoint.project):
        for name in endpoint.serves:
            if name in other.serves and other.id != endpoint.id:
                raise Conflict(
                    say("%(name)s is served by %(other_id)s already", name=name, other_id=other.id),
                    field="serves",
                )


def _refuse_too_many(connection: Connection, project: str) -> None:
    count = select(func.count()).where(endpoints.c.project == project)
    if connection.execute(count).scalar_one() >= ENDPOINTS_MAX:
        raise Conflict(
            say("a project has at most %(endpoints_max)s endpoints", endpoints_max=ENDPOINTS_MAX)
        )


def _all(connection: Connection, project: str) -> builtins.list[Endpoint]:
    query = select(endpoints.c.document).where(endpoints.c.project == project)
    return [decode(row.document) for row in connection.execute(query.order_by(endpoints.c.id))]


def _find(connection: Connection, project: str, id: str) -> Endpoint | None:
    row: Row[Any] | None = connection.execute(select(endpoints).where(*_of(project, id))).first()
    return None if row is None else decode(row.document)


def _of(project: str, id: str) -> tuple[Any, Any]:
    # No id holds a NUL, and PostgreSQL takes none.
    return endpoints.c.project == project, endpoints.c.id == id.replace("\0", "?")


def _row(endpoint: Endpoint) -> dict[str, object]:
    document = encode(endpoint).decode()
    plain = {"project": endpoint.project, "id": endpoint.id, "created_at": endpoint.created_at}
    return {**plain, "document": document}


def _missing(id: str) -> NotFound:
    return NotFound(f"there is no endpoint {id[:100]} in this project", field="id")
