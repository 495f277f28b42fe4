"""Passwords: argon2id hashes, a few at a time, and how often somebody may try."""

from __future__ import annotations

import ipaddress
import secrets
import threading
from asyncio import wrap_future
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from causerie.accounts import hash_token
from causerie.errors import Invalid
from causerie.wording import say

PASSWORD_CHARS_MIN = 10
PASSWORD_CHARS_MAX = 1_000
ATTEMPTS_PER_MINUTE_MAX = 10
# Many people can share an address, behind a proxy all of them.
ADDRESS_ATTEMPTS_PER_MINUTE_MAX = 50
ATTEMPTS_KEPT_MAX = 10_000
ATTEMPTS_WINDOW = timedelta(minutes=1)
# OWASP's first recommendation for argon2id. Every hash under way takes the memory.
HASH_MEMORY_KIB = 19 * 1024
HASH_ROUNDS = 2
HASHES_AT_ONCE_MAX = 2
IPV6_SUBSCRIBER_BITS = 64


class Passwords:
    """Hashes and checks passwords, in threads of their own number so that pages do not wait."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(HASH_ROUNDS, HASH_MEMORY_KIB, parallelism=1)
        self._threads = ThreadPoolExecutor(HASHES_AT_ONCE_MAX, thread_name_prefix="passwords")

    async def hash(self, password: str) -> str:
        """What is kept of a new password. Raises Invalid when it is too short or too long."""
        if len(password) < PASSWORD_CHARS_MIN:
            words = say("a password has at least %(count)s characters", count=PASSWORD_CHARS_MIN)
            raise Invalid(words, field="password")
        if len(password) > PASSWORD_CHARS_MAX:
            words = say("a password has at most %(count)s characters", count=PASSWORD_CHARS_MAX)
            raise Invalid(words, field="password")
        return await wrap_future(self._threads.submit(self._hasher.hash, password))

    async def fits(self, password: str, hash: str | None) -> bool:
        """Whether it is the password of that hash. Takes as long when there is no hash."""
        if len(password) > PASSWORD_CHARS_MAX:
            return False
        return await wrap_future(self._threads.submit(self._fits, password, hash))

    def _fits(self, password: str, hash: str | None) -> bool:
        try:
            self._hasher.verify(hash or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return hash is not None

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())


class Attempts:
    """Counts failures within the last minute, by whatever they are counted. Safe in threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._tries: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def begin(self, limits: Mapping[str, int]) -> bool:
        """Count a try for each name, unless one of them has had its number."""
        now = self._clock()
        with self._lock:
            tries = [(self._recent(name, now), limit) for name, limit in limits.items()]
            if any(len(times) >= limit for times, limit in tries):
                return False
            for times, _ in tries:
                times.append(now)
            return True

    def forgive(self, limits: Mapping[str, int]) -> None:
        """Take one try back: it was no failure."""
        with self._lock:
            for name in limits:
                if times := self._tries.get(name):
                    times.pop()

    def _recent(self, name: str, now: datetime) -> deque[datetime]:
        if name not in self._tries and len(self._tries) >= ATTEMPTS_KEPT_MAX:
            self._forget(now)
        times = self._tries.setdefault(name, deque())
        while times and times[0] <= now - ATTEMPTS_WINDOW:
            times.popleft()
        return times

    def _forget(self, now: datetime) -> None:
        """Make room: drop what is over, and when nothing is, what came first."""
        over = [
            name
            for name, times in self._tries.items()
            if not times or times[-1] <= now - ATTEMPTS_WINDOW
        ]
        for name in over or [next(iter(self._tries))]:
            del self._tries[name]


def limits_of(address: str, email: str) -> dict[str, int]:
    """What a try at that e-mail from that address counts for."""
    return {
        f"address {_network(address)}": ADDRESS_ATTEMPTS_PER_MINUTE_MAX,
        f"email {hash_token(email.strip().lower()).hex()}": ATTEMPTS_PER_MINUTE_MAX,
    }


def _network(address: str) -> str:
    """The part of an address that one subscriber has: all of IPv4's, half of IPv6's."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    return str(ipaddress.ip_network((parsed, IPV6_SUBSCRIBER_BITS), strict=False))
