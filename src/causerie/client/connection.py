"""HTTP to one server, by the standard library: an address, a kept connection, an answer."""

from __future__ import annotations

# Looking a host up imports it, in the thread that sends. Whatever that thread imports at the moment
# of a fork stays locked in the child.
import encodings.idna  # noqa: F401
import hashlib
import ipaddress
import os
import ssl
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from causerie.client.errors import Unreachable, Unreadable

CONNECT_SECONDS_MAX = 5.0
IDLE_SECONDS_MAX = 3.0
"""The server closes what is idle for five; a request on what it just closed would be lost."""
ANSWER_BYTES_MAX = 256 * 1024 * 1024
READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is. `path` has no slash at its end."""

    host: str
    port: int
    path: str
    secure: bool

    def __str__(self) -> str:
        return f"http{'s' if self.secure else ''}://{self.host}:{self.port}{self.path}"


def address_of(url: str, *, allow_http: bool) -> Address:
    """The address in a URL. Raises ValueError for what is none, and for plain http to another
    machine unless `allow_http`: the key would travel unprotected.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http or https address: {url!r}")
    secure = parts.scheme == "https"
    if not (secure or allow_http or _is_loopback(parts.hostname)):
        raise ValueError(
            f"the key would travel unprotected to {parts.hostname}: use https, or allow_http=True"
        )
    port = parts.port or (443 if secure else 80)
    return Address(parts.hostname, port, parts.path.rstrip("/"), secure)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. With a `key`, sending it twice is the same as sending it once."""

    method: str
    path: str
    body: bytes | None = None
    key: str = ""

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again when nobody knows if it has arrived."""
        return bool(self.key) or self.method in ("GET", "PUT")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """One kept connection. Not for two threads at once."""

    def __init__(self, http: HTTPConnection, address: Address, key: str, timeout_s: float) -> None:
        self._http = http
        self._address = address
        self._timeout_s = timeout_s
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": "causerie"}
        self._used_at = 0.0

    def ask(self, request: Request) -> Answer:
        """The whole answer. Raises Unreachable, Unreadable."""
        response = self.begin(request)
        try:
            body = self._read(response)
        except (OSError, HTTPException) as error:
            self.close()
            raise self._unreachable(error) from error
        self._used_at = time.monotonic()
        return Answer(response.status, headers_of(response), body)

    def begin(self, request: Request) -> HTTPResponse:
        """The answer as far as its headers; the caller reads the rest. Raises Unreachable,
        Unreadable.
        """
        kept = self._keep(request)
        try:
            return self._send(request)
        except (ConnectionError, BadStatusLine) as error:
            self.close()
            if not (kept and request.repeatable):
                raise self._unreachable(error) from error
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            raise self._unreachable(error) from error
        # The server closed the kept connection when it was not looked at.
        return self._send_anew(request)

    def _keep(self, request: Request) -> bool:
        """Whether a connection from before is used."""
        idle_s = time.monotonic() - self._used_at
        if not request.repeatable or idle_s > IDLE_SECONDS_MAX:
            self.close()
        return self._http.sock is not None

    def _send_anew(self, request: Request) -> HTTPResponse:
        try:
            return self._send(request)
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            raise self._unreachable(error) from error

    def _send(self, request: Request) -> HTTPResponse:
        if self._http.sock is None:
            self._connect()
        headers = dict(self._headers)
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if request.key:
            headers["Idempotency-Key"] = request.key
        path = self._address.path + request.path
        self._http.request(request.method, path, request.body, headers)
        return self._http.getresponse()

    def _connect(self) -> None:
        self._http.timeout = min(CONNECT_SECONDS_MAX, self._timeout_s)
        self._http.connect()
        self._http.sock.settimeout(self._timeout_s)

    def _read(self, response: HTTPResponse) -> bytes:
        """The body, within the time and size that an answer may have."""
        until = time.monotonic() + self._timeout_s
        pieces: list[bytes] = []
        size = 0
        while piece := response.read1(READ_BYTES):
            pieces.append(piece)
            size += len(piece)
            if size > ANSWER_BYTES_MAX:
                self.close()
                raise Unreadable(f"an answer over {ANSWER_BYTES_MAX} bytes (ANSWER_BYTES_MAX)")
            if time.monotonic() > until:
                raise TimeoutError("the answer does not end")
        if response.length:
            raise HTTPException(f"{response.length} bytes of the answer are missing")
        # Else the next answer is refused as long as this one counts as unread.
        response.close()
        return b"".join(pieces)

    def _unreachable(self, error: Exception) -> Unreachable:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return Unreachable(f"no answer from {self._address}: {what}")

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        self._http.close()


def headers_of(response: HTTPResponse) -> dict[str, str]:
    """The headers of an answer, by names in small letters."""
    return {name.lower(): value for name, value in response.getheaders()}


class Connections:
    """Makes connections to one server, and keeps those that are not in use."""

    def __init__(
        self, address: Address, key: str, timeout_s: float, authority: str | Path | None = None
    ) -> None:
        self.address = address
        self._key = key
        self._timeout_s = timeout_s
        self._trust: ssl.SSLContext | None = None
        if authority is not None:
            self._trust = ssl.create_default_context(cafile=str(authority))
        self._kept: deque[tuple[int, Connection]] = deque()

    @property
    def destination(self) -> str:
        """The same for all who go there with the same key, which it does not tell."""
        where = f"{self.address}\0{self._key}".encode()
        return hashlib.blake2b(where, digest_size=16).hexdigest()

    def open(self) -> Connection:
        """A connection of one's own. It connects when it is used."""
        return Connection(self._http(), self.address, self._key, self._timeout_s)

    def _http(self) -> HTTPConnection:
        host, port = self.address.host, self.address.port
        if not self.address.secure:
            return HTTPConnection(host, port)
        if self._trust is None:
            self._trust = ssl.create_default_context()
        return HTTPSConnection(host, port, context=self._trust)

    def lend(self) -> Connection:
        """One that is not in use, or a new one. It comes back by `give_back`."""
        while self._kept:
            try:
                owner, connection = self._kept.pop()
            except IndexError:  # another thread took the last one
                break
            # What a process inherited is its parent's conversation.
            if owner == os.getpid():
                return connection
            connection.close()
        return self.open()

    def give_back(self, connection: Connection) -> None:
        """For the next who asks."""
        self._kept.append((os.getpid(), connection))

    def close(self) -> None:
        """Close what is not in use."""
        while self._kept:
            self._kept.pop()[1].close()
