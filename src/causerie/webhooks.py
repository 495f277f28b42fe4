"""Webhooks: one POST to an address that a person gave, and to nowhere else.

The host is looked up once, its addresses are judged, and the connection goes to the one that was
judged: what a name means cannot change in between. Addresses of this machine and of private
networks are refused unless the operator lets them; no redirect is followed, no proxy is asked.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

TIMEOUT_S = 10
WHOLE_SECONDS_MAX = 30
"""A server that answers drop by drop has no more."""
OK = range(200, 300)
PASSING = frozenset({408, 425, 429})
"""Of the client's faults, those that pass."""
# Addresses that stand for another one, with where that one begins.
WRAPPING = (
    (ipaddress.ip_network("64:ff9b::/96"), 12),
    (ipaddress.ip_network("2002::/16"), 2),
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotSent(Exception):
    """It did not arrive. `permanent` says that trying again is in vain."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent


class Webhooks:
    """Sends to webhooks. `is_private_allowed` lets it send into this machine and its networks."""

    def __init__(self, is_private_allowed: bool, timeout_s: float = TIMEOUT_S) -> None:
        self._is_private_allowed = is_private_allowed
        self._timeout_s = timeout_s

    def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send it; the server has it when this returns. Raises NotSent, which never says the
        address.
        """
        parts = urlsplit(address)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        found = reachable(parts.hostname or "", port, is_private_allowed=self._is_private_allowed)
        kind = _SecureConnection if secure else _Connection
        connection = kind(parts.hostname or "", port, found, self._timeout_s)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        too_long = threading.Timer(WHOLE_SECONDS_MAX, connection.abort)
        too_long.start()
        try:
            connection.request("POST", path, body, dict(headers))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotSent(f"the server cannot be reached: {_reason(error)}") from error
        finally:
            too_long.cancel()
            connection.close()
        if status not in OK:
            permanent = 300 <= status < 500 and status not in PASSING
            raise NotSent(f"the server answered {status}", permanent=permanent)


def reachable(host: str, port: int, *, is_private_allowed: bool) -> list[str]:
    """The addresses of a host, all of which may be connected to. Raises NotSent."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent("the host is not known") from error
    addresses = [str(each[4][0]) for each in found]
    if not is_private_allowed and not all(is_public(each) for each in addresses):
        raise NotSent(
            "the host is on this machine or in a private network: CAUSERIE_PRIVATE_ADDRESSES=on "
            "lets notices go there",
            permanent=True,
        )
    return addresses


def connect(addresses: Sequence[str], port: int, timeout_s: float | None) -> socket.socket:
    """A connection to the first of some addresses that takes one. Raises OSError."""
    *others, last = addresses
    for address in others:
        with suppress(OSError):
            return socket.create_connection((address, port), timeout_s)
    return socket.create_connection((last, port), timeout_s)


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = _unwrapped(address)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _unwrapped(address: ipaddress.IPv6Address) -> Address:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, at in WRAPPING:
        if address in network:
            return ipaddress.IPv4Address(address.packed[at : at + 4])
    return address


def signature(secret: str, at: int, body: bytes) -> str:
    """What tells a webhook that we sent it: HMAC-SHA-256 of the time, a dot, and the body."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class _Connection(http.client.HTTPConnection):
    """Connects to an address that was judged, whatever the host's name means by now."""

    def __init__(self, host: str, port: int, addresses: Sequence[str], timeout_s: float) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._addresses = addresses

    def connect(self) -> None:
        self.sock = connect(self._addresses, self.port, self.timeout)

    def abort(self) -> None:
        """End it from another thread."""
        if self.sock is not None:
            self.sock.shutdown(socket.SHUT_RDWR)


class _SecureConnection(_Connection):
    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
