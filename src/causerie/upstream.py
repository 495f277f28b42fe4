"""The providers of models: requests out, answers and server-sent events in.

What a provider does wrong becomes one of our errors here; what it says is passed on as it came.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from causerie.endpoints import Upstream
from causerie.errors import CauserieError, Invalid, TooMany, UpstreamFailed, UpstreamSlow

ANSWER_BYTES_MAX = 64 * 1024 * 1024
FRAME_BYTES_MAX = 8 * 1024 * 1024
ERROR_CHARS_MAX = 500
KEEP_ALIVE_S = 30
RETRY_AFTER_S_MAX = 86_400.0
DONE = b"[DONE]"
NAME = re.compile(r"[\w.\[\]-]{1,100}")
"""What a code or the name of a field looks like."""
REFUSALS = frozenset({400, 405, 409, 413, 415, 422, 451})
"""What the caller sent is at fault, not the provider or our account there."""


@dataclass
class Answering:
    """A provider's answer that is still coming. To be closed, whatever happens."""

    upstream: Upstream
    response: aiohttp.ClientResponse

    def close(self) -> None:
        """Break it off, if it is not at its end: the provider sees that nobody listens."""
        self.response.close()

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """The data of each server-sent event, without `[DONE]`, which ends it.

        Raises UpstreamFailed when it breaks off, UpstreamSlow when nothing comes any more.
        """
        splitter = Frames()
        loop = asyncio.get_running_loop()
        patience = self.upstream.first_token_timeout_s
        until = loop.time() + patience
        while piece := await self._piece(until, patience):
            for data in splitter.feed(piece):
                # Comments that keep the line open are no answer.
                patience = self.upstream.idle_timeout_s
                until = loop.time() + patience
                if data.startswith(DONE):
                    self.response.release()
                    return
                yield data
        raise UpstreamFailed("the model's provider broke off in the middle of its answer")

    async def _piece(self, until: float, seconds: float) -> bytes:
        try:
            async with asyncio.timeout_at(until):
                return await self.response.content.readany()
        except TimeoutError as error:
            raise UpstreamSlow(f"the model's provider said nothing for {seconds:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamFailed(
                "the model's provider broke off in the middle of its answer"
            ) from error


class Frames:
    """Cuts a stream of bytes into the data of server-sent events, wherever the network cut it."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The events that are complete with this piece. Raises UpstreamFailed over the limit."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) + sum(map(len, self._data)) > FRAME_BYTES_MAX:
            raise UpstreamFailed("the model's provider sends a line without end")
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                yield b"\n".join(self._data)
                self._data.clear()


class Upstreams:
    """One pool of connections to all providers, opened and closed inside the event loop."""

    _session: aiohttp.ClientSession

    def open(self) -> None:
        """Make the pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=ssl.create_default_context()
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent",),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def get(self, upstream: Upstream, path: str) -> tuple[int, bytes]:
        """Status and body of a GET. Raises UpstreamFailed, UpstreamSlow."""
        answering = await self._open("GET", upstream, path, None, {})
        try:
            return answering.response.status, await self._body(answering)
        finally:
            answering.close()

    async def ask(
        self, upstream: Upstream, path: str, body: bytes, headers: Mapping[str, str]
    ) -> bytes:
        """The body of a whole answer. Raises as `refusal` says, UpstreamFailed, UpstreamSlow."""
        try:
            async with asyncio.timeout(upstream.first_token_timeout_s):
                answering = await self.stream(upstream, path, body, headers)
                try:
                    return await self._body(answering)
                except BaseException:  # a caller that hangs up too: nobody reads the rest
                    answering.close()
                    raise
        except TimeoutError as error:
            raise _slow(upstream) from error

    async def stream(
        self, upstream: Upstream, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Answering:
        """An answer that has begun well. Raises as `ask`."""
        answering = await self._open("POST", upstream, path, body, headers)
        if answering.response.status == 200:
            return answering
        try:
            said = await self._body(answering)
        finally:
            answering.close()
        status, headers = answering.response.status, answering.response.headers
        raise refusal(status, headers, said, secrets_of(upstream))

    async def _open(
        self,
        method: str,
        upstream: Upstream,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Answering:
        try:
            return await self._request(method, upstream, path, body, headers)
        except aiohttp.ServerDisconnectedError:
            # A connection of the pool may have been closed at this very moment.
            return await self._request(method, upstream, path, body, headers, last=True)

    async def _request(
        self,
        method: str,
        upstream: Upstream,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        last: bool = False,
    ) -> Answering:
        own = {"Content-Type": "application/json"}
        if upstream.key:
            own["Authorization"] = f"Bearer {upstream.key}"
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=upstream.connect_timeout_s,
            sock_read=upstream.first_token_timeout_s,
        )
        try:
            response = await self._session.request(
                method,
                upstream.base_url.rstrip("/") + path,
                data=body,
                headers={**own, **headers},
                timeout=timeout,
                allow_redirects=False,
            )
        except aiohttp.ServerDisconnectedError as error:
            if not last:
                raise
            raise UpstreamFailed("the model's provider hung up") from error
        except aiohttp.ServerTimeoutError as error:
            raise _slow(upstream) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Said without the address: the caller need not know where the model is.
            away = "the model's provider cannot be reached"
            raise UpstreamFailed(away, reached=False) from error
        return Answering(upstream, response)

    async def _body(self, answering: Answering) -> bytes:
        chunks: list[bytes] = []
        size = 0
        try:
            while piece := await answering.response.content.readany():
                chunks.append(piece)
                size += len(piece)
                if size > ANSWER_BYTES_MAX:
                    raise UpstreamFailed("the model's provider sends an answer without end")
        except aiohttp.ServerTimeoutError as error:
            raise _slow(answering.upstream) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamFailed(
                "the model's provider broke off in the middle of its answer"
            ) from error
        return b"".join(chunks)


def _slow(upstream: Upstream) -> UpstreamSlow:
    return UpstreamSlow(
        f"the model's provider did not answer within {upstream.first_token_timeout_s:g} s"
    )


def secrets_of(upstream: Upstream) -> tuple[str, ...]:
    """What of a provider no caller is told, though the provider itself says it."""
    return tuple(filter(None, (upstream.key, upstream.base_url, upstream.host)))


def refusal(
    status: int, headers: Mapping[str, str], said: bytes, secrets: tuple[str, ...] = ()
) -> CauserieError:
    """The error for an answer that is none: Invalid when the caller is at fault, TooMany,
    UpstreamSlow, else UpstreamFailed. It quotes what the provider said, without its secrets.
    """
    for secret in secrets:
        said = said.replace(secret.encode(), b"***")
    told = _told(said)
    if status == 429:
        message = f"the model's provider is over its limit{told.quoted}"
        return TooMany(message, limit="upstream", retry_after_s=_seconds(headers))
    if status in REFUSALS:
        refused = Invalid(
            f"the model's provider refused the request{told.quoted}", field=told.param
        )
        if told.code:
            refused.code = told.code
        return refused
    if status in (401, 402, 403):
        unaccepted = "the model's provider does not accept this endpoint's key"
        return UpstreamFailed(unaccepted, lasting=True)
    if status == 404:
        unknown = f"the model's provider does not know the model{told.quoted}"
        return UpstreamFailed(unknown, lasting=True)
    if status in (408, 504):
        return UpstreamSlow("the model's provider did not answer in time")
    return UpstreamFailed(f"the model's provider answered {status}{told.quoted}")


@dataclass(frozen=True)
class Told:
    """What an error's body says, in OpenAI's words or near them."""

    message: str = ""
    code: str = ""
    param: str | None = None

    @property
    def quoted(self) -> str:
        """The message, to be put behind a sentence."""
        return f": {self.message}" if self.message else ""


def _told(said: bytes) -> Told:
    try:
        body: Any = msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Told()
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, str):
        return Told(error[:ERROR_CHARS_MAX])
    if not isinstance(error, dict):
        return Told()
    found = {name: error.get(name) for name in ("message", "code", "param")}
    words = {name: value for name, value in found.items() if isinstance(value, str)}
    names = {name: word for name, word in words.items() if NAME.fullmatch(word)}
    return Told(
        words.get("message", "")[:ERROR_CHARS_MAX], names.get("code", ""), names.get("param")
    )


def _seconds(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue  # absent, or a date: clients then wait as long as they think right
        if 0 <= seconds <= RETRY_AFTER_S_MAX:
            return seconds
    return None
