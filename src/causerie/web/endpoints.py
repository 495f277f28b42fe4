"""The API of endpoints, for programs that set a server up. Only an admin key opens it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.accounts import Access, Project
from causerie.endpoints import Endpoint, Upstream, new_endpoint_id
from causerie.errors import Invalid
from causerie.store.endpoints import SEAL, Endpoints
from causerie.web.edge import JSONResponse, Keys, read_body

FIXED = frozenset({"project", "created_at"})
"""What a caller cannot say of an endpoint."""
GIVEN = frozenset(Endpoint.__struct_fields__) - FIXED
OF_AN_UPSTREAM = frozenset(Upstream.__struct_fields__)
_PATH = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")
Document = dict[str, Any]
decode = msgspec.json.Decoder(Document).decode


class EndpointsAPI:
    """Lists, makes, changes and removes the endpoints of a project. An upstream's key can be put
    in and is never given back. `forget` is called when one changed.
    """

    def __init__(
        self,
        keys: Keys,
        endpoints: Endpoints,
        clock: Callable[[], datetime],
        forget: Callable[[], None],
    ) -> None:
        self._keys = keys
        self._endpoints = endpoints
        self._clock = clock
        self._forget = forget

    def routes(self) -> list[Route]:
        """The table of docs/gateway.md."""
        one = "/api/v1/endpoints/{endpoint}"
        return [
            Route("/api/v1/endpoints", self.list),
            Route("/api/v1/endpoints", self.create, methods=["POST"]),
            Route(one, self.get),
            Route(one, self.change, methods=["PATCH"]),
            Route(one, self.remove, methods=["DELETE"]),
        ]

    def list(self, request: Request) -> Response:
        """Every endpoint of the project, by name."""
        listed = self._endpoints.list(self._project(request).id)
        return JSONResponse({"endpoints": [shown(endpoint) for endpoint in listed]})

    def get(self, request: Request) -> Response:
        """One of them."""
        found = self._endpoints.shown(self._project(request).id, request.path_params["endpoint"])
        return JSONResponse(shown(found))

    async def create(self, request: Request) -> Response:
        """A new one. Its id is made up unless given."""
        project = await run_in_threadpool(self._project, request)
        given, now = _given(await read_body(request)), self._clock()
        document = {"id": new_endpoint_id(now), **given}
        document |= {"project": project.id, "created_at": now}
        made = await run_in_threadpool(self._endpoints.add, _endpoint(document))
        self._forget()
        return JSONResponse(shown(made), 201)

    async def change(self, request: Request) -> Response:
        """Put in what is given, leave what is not. Given upstreams take the place of all."""
        project = await run_in_threadpool(self._project, request)
        given = _given(await read_body(request))
        id = request.path_params["endpoint"]
        changed = await run_in_threadpool(self._change, project.id, id, given)
        return JSONResponse(shown(changed))

    def _change(self, project: str, id: str, given: Document) -> Endpoint:
        before = self._endpoints.shown(project, id)
        if given.get("id", id) != id:
            raise Invalid("id: an endpoint keeps its id", field="id")
        if "upstreams" in given:
            given["upstreams"] = _with_keys(given["upstreams"], before)
        changed = self._endpoints.change(_endpoint(msgspec.structs.asdict(before) | given))
        self._forget()
        return changed

    def remove(self, request: Request) -> Response:
        """Forget one, with its upstream keys."""
        self._endpoints.remove(self._project(request).id, request.path_params["endpoint"])
        self._forget()
        return Response(status_code=204)

    def _project(self, request: Request) -> Project:
        """Raises Unauthenticated, Forbidden."""
        return self._keys.project(request, Access.ADMIN)


def shown(endpoint: Endpoint) -> Document:
    """All that is configured; of the upstream keys only whether there is one."""
    document = msgspec.structs.asdict(endpoint)
    del document["project"]
    document["upstreams"] = [_shown(upstream) for upstream in endpoint.upstreams]
    if endpoint.price is not None:
        # Encoded as it is, it would leave out what is usual.
        document["price"] = msgspec.structs.asdict(endpoint.price)
    return document


def _shown(upstream: Upstream) -> Document:
    document = msgspec.structs.asdict(upstream)
    document["has_key"] = bool(document.pop("key"))
    return document


def _given(body: bytes) -> Document:
    """What the caller says. Raises Invalid, naming the field."""
    try:
        document = decode(body)
    except msgspec.ValidationError as error:
        raise Invalid("a JSON object is expected", field="body") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"the body is not JSON: {error}", field="body") from error
    _refuse_unknown(document, GIVEN, "")
    upstreams = document.get("upstreams")
    for index, upstream in enumerate(upstreams if isinstance(upstreams, list) else []):
        _check_upstream(upstream, f"upstreams[{index}]")
    return document


def _refuse_unknown(document: Document, known: frozenset[str], within: str) -> None:
    # A misspelt name would otherwise change nothing, without a word.
    for name in document.keys() - known:
        field = f"{within}{name}"
        raise Invalid(f"{field[:100]}: there is no such field", field=field[:100])


def _check_upstream(upstream: object, within: str) -> None:
    if not isinstance(upstream, dict):
        return
    _refuse_unknown(upstream, OF_AN_UPSTREAM, f"{within}.")
    if "key" in upstream and upstream["key"] is None:
        upstream["key"] = ""
    if str(upstream.get("key", "")).startswith(SEAL):
        raise Invalid(f"{within}.key: that is no provider's key", field=f"{within}.key")


def _with_keys(upstreams: object, before: Endpoint) -> object:
    """An upstream that is given without a key keeps the one it had. At another address it has
    none: a key goes to nobody but to whom it was given.
    """
    kept = {upstream.base_url: upstream.key for upstream in before.upstreams}
    for upstream in upstreams if isinstance(upstreams, list) else []:
        if isinstance(upstream, dict) and "key" not in upstream:
            upstream["key"] = kept.get(str(upstream.get("base_url", "")).rstrip("/"), "")
    return upstreams


def _endpoint(document: Document) -> Endpoint:
    try:
        return msgspec.convert(document, Endpoint)
    except msgspec.ValidationError as error:
        what, at, missing = str(error), _PATH.search(str(error)), _MISSING.search(str(error))
        path = ".".join(found[1] for found in (at, missing) if found and found[1])
        raise Invalid(f"{path or 'body'}: {_PATH.sub('', what)}", field=path or "body") from error
