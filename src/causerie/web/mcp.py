"""`/mcp`: a read-only server of the Model Context Protocol over HTTP, for assistants with a key.

Every request stands alone, in both ways of the protocol: that of 2026-07-28, where each carries
what used to be agreed on, and the older one that begins with `initialize`. So any process may
answer any request, and there is no session to keep. Nothing is sent to a client but answers.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie import __version__
from causerie.accounts import Access
from causerie.errors import CauserieError, Forbidden, Invalid, NotFound, Unauthenticated
from causerie.queries.outlines import outline
from causerie.web.audited import note
from causerie.web.edge import JSONResponse, Keys, read_body, status_of
from causerie.web.mcp_answers import UNTRUSTED, Caller
from causerie.web.mcp_tools import Tools

MODERN = ("2026-07-28",)
OLDER = ("2025-11-25", "2025-06-18", "2025-03-26")
PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
INTERNAL = -32603
HEADER_MISMATCH, UNKNOWN_VERSION = -32020, -32022
REFUSED = -32000
STATUS = {PARSE_ERROR: 400, INVALID_REQUEST: 400, NO_METHOD: 404, INVALID_PARAMS: 400}
STATUS |= {HEADER_MISMATCH: 400, UNKNOWN_VERSION: 400}
VERSION_HEADER = "mcp-protocol-version"
META = "io.modelcontextprotocol/"
LIST_MS = 300_000
"""How long a client may keep the list of tools."""
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
INSTRUCTIONS = (
    "Analytics of conversations that users have with the assistant of a product. Begin with "
    "overview or topics; search and transcript show what was said; sql answers the rest. Numbers "
    f"come with the address of the page that shows them: cite it. {UNTRUSTED}"
)
log = logging.getLogger(__name__)


@dataclass
class RpcError(Exception):
    """What a caller is told in the protocol's own way."""

    code: int
    message: str
    data: Any = None


class McpServer:
    """Answers with the rows of the key's project: a read or an admin key."""

    def __init__(self, keys: Keys, tools: Tools) -> None:
        self._keys = keys
        self._tools = tools

    def routes(self) -> list[Route]:
        """Its address. There is no stream to open and no session to end: GET and DELETE get 405."""
        return [Route("/mcp", self.post, methods=["POST"])]

    async def post(self, request: Request) -> Response:
        """One request or notification."""
        try:
            _check_origin(request)
            _, project = await run_in_threadpool(self._keys.find, request, Access.READ)
            body = _decoded(await read_body(request))
            if "id" not in body or "method" not in body:
                # Notifications, and answers to what was never asked.
                return Response(status_code=202)
            return await self._answer(request, Caller(project), body)
        except CauserieError as error:
            headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
            answer = _error(None, RpcError(REFUSED, error.message))
            return JSONResponse(answer, status_of(error), headers=headers)
        except RpcError as error:
            return JSONResponse(_error(None, error), STATUS.get(error.code, 200))

    async def _answer(self, request: Request, caller: Caller, body: Mapping[str, Any]) -> Response:
        id = body["id"]
        is_modern = request.headers.get(VERSION_HEADER) in MODERN
        try:
            method, params = _envelope(body)
            is_modern = _version(request, method, params)
            result = await self._result(method, params, caller, is_modern)
        except RpcError as error:
            # The older way knows statuses for what is no message of the protocol only.
            known = is_modern or error.code in (INVALID_REQUEST, HEADER_MISMATCH, UNKNOWN_VERSION)
            return JSONResponse(_error(id, error), STATUS.get(error.code, 200) if known else 200)
        if is_modern:
            about = {f"{META}serverInfo": _server()}
            result = {"resultType": "complete", "_meta": about, **result}
        return JSONResponse({"jsonrpc": "2.0", "id": id, "result": result})

    async def _result(
        self, method: str, params: Mapping[str, Any], caller: Caller, is_modern: bool
    ) -> dict[str, Any]:
        fresh = {"ttlMs": LIST_MS, "cacheScope": "public"} if is_modern else {}
        about = {"capabilities": {"tools": {}}, "instructions": INSTRUCTIONS}
        if method == "server/discover" and is_modern:
            return {"supportedVersions": [*MODERN, *OLDER], **about, **fresh}
        if method == "initialize" and not is_modern:
            wanted = params.get("protocolVersion")
            agreed = wanted if wanted in OLDER else OLDER[0]
            return {"protocolVersion": agreed, "serverInfo": _server(), **about}
        if method == "ping" and not is_modern:
            return {}
        if method == "tools/list":
            return {"tools": self._tools.told(), **fresh}
        if method == "tools/call":
            return await run_in_threadpool(self._call, params, caller)
        raise RpcError(NO_METHOD, f"no method {method[:100]!r}")

    def _call(self, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        name, given = params.get("name"), params.get("arguments")
        if not isinstance(name, str) or name not in self._tools:
            raise RpcError(INVALID_PARAMS, f"no tool {str(name)[:100]!r}")
        note(tool=name, **_about(given))
        try:
            text, is_error = self._tools.call(name, caller, {} if given is None else given), False
        except (Invalid, NotFound) as error:
            # A tool's own error is for the model to read, which then asks better.
            text, is_error = error.message, True
        except CauserieError as error:
            text, is_error = f"{error.code}: {error.message}", True
        except Exception:
            # The edge of a tool: an assistant is told no more than that it failed.
            log.exception("tool %s", name)
            raise RpcError(INTERNAL, "internal error") from None
        return {"content": [{"type": "text", "text": text}], "isError": is_error}


def _about(given: object) -> dict[str, Any]:
    """What of a tool's arguments is recorded: of whom, and a query without its values."""
    if not isinstance(given, dict):
        return {}
    texts = {name: text for name, text in given.items() if isinstance(text, str) and text}
    named = [(kind, texts[kind]) for kind in ("conversation", "user") if kind in texts]
    queried = {"sql": outline(texts["query"])} if "query" in texts else {}
    return {**({"object": named[0]} if named else {}), **queried}


def _server() -> dict[str, str]:
    return {"name": "causerie", "title": "Causerie", "version": __version__}


def _check_origin(request: Request) -> None:
    """A page of another site must not use a browser to ask a server that only it can reach."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("requests from pages of other sites are refused")


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise RpcError(PARSE_ERROR, "the body is not JSON") from error
    if not isinstance(decoded, dict):
        raise RpcError(INVALID_REQUEST, "one message at a time is expected: an object")
    return decoded


def _envelope(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    method, params = body["method"], body.get("params")
    if body.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "a message has jsonrpc 2.0 and a method")
    if not isinstance(body["id"], str | int):
        raise RpcError(INVALID_REQUEST, "the id is a text or a whole number")
    if params is not None and not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "params is an object")
    return method, params or {}


def _version(request: Request, method: str, params: Mapping[str, Any]) -> bool:
    """Whether the request is of the way of 2026-07-28 on. Raises RpcError for a version that is not
    spoken, and where headers say otherwise than the body.
    """
    header = request.headers.get(VERSION_HEADER)
    meta = params.get("_meta")
    stated = meta.get(f"{META}protocolVersion") if isinstance(meta, dict) else None
    if stated is None and header not in MODERN:
        if header is not None and header not in OLDER and method != "initialize":
            raise _unknown_version(header)
        return False
    if stated is None or f"{META}clientCapabilities" not in (meta or {}):
        needed = f"{META}protocolVersion and {META}clientCapabilities"
        raise RpcError(INVALID_PARAMS, f"params._meta has {needed}")
    if header != stated:
        raise RpcError(HEADER_MISMATCH, "MCP-Protocol-Version is not the version of the body")
    if request.headers.get("mcp-method") != method:
        raise RpcError(HEADER_MISMATCH, "Mcp-Method is not the method of the body")
    name = params.get(NAMED.get(method, ""))
    if name is not None and _header_text(request.headers.get("mcp-name")) != name:
        raise RpcError(HEADER_MISMATCH, f"Mcp-Name is not the {NAMED[method]} of the body")
    if stated not in MODERN:
        raise _unknown_version(stated)
    return True


def _unknown_version(wanted: object) -> RpcError:
    data = {"supported": [*MODERN, *OLDER], "requested": wanted}
    return RpcError(UNKNOWN_VERSION, "Unsupported protocol version", data)


def _header_text(value: str | None) -> str | None:
    """A header's value, which is in base64 where it would not pass as it is."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _error(id: Any, error: RpcError) -> dict[str, Any]:
    told = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    return {"jsonrpc": "2.0", "id": id, "error": told}
