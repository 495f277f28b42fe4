"""Audit: who has looked at what is personal, or changed who may, and when.

An entry names nobody who talks to the product: conversations, users and contexts are digests keyed
by the project's secret. So whoever has an id finds its entries, and a removal leaves nothing of it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec

DIGEST_BYTES = 16
IPV4_PREFIX, IPV6_PREFIX = 24, 48
DIGESTED = ("conversation", "user", "context")
"""Kinds of objects whose ids are of people, or of what they said."""
SERVER = ""
"""The project of what belongs to none: attempts to sign in by nobody known."""


class Action(StrEnum):
    """What was done."""

    TRANSCRIPT = "transcript"
    """A conversation, or a context, was opened."""
    USER = "user"
    LIST = "list"
    """Conversations, users or quotes were listed."""
    SEARCH = "search"
    DOWNLOAD = "download"
    SQL = "sql"
    TOOL = "tool"
    """A tool of `/mcp` was called."""
    EMBED = "embed"
    REMOVAL = "removal"
    REMOVALS_SEEN = "removals_seen"
    PRIVACY = "privacy"
    """What is masked, kept, named or recorded was changed."""
    MEMBERS = "members"
    KEYS = "keys"
    SIGN_IN = "sign_in"
    FAILED_SIGN_IN = "failed_sign_in"
    AUDIT = "audit"
    """These entries were read."""


class How(StrEnum):
    """By which way."""

    PAGE = "page"
    API = "api"
    MCP = "mcp"
    COMMAND = "command"


class By(msgspec.Struct, frozen=True):
    """Who did it: a `member` with their e-mail, a `key` with its name, an `embed` with its view, a
    `command`, or `nobody` known.
    """

    kind: str = "nobody"
    id: str = ""
    name: str = ""


NOBODY = By()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One look, or one change."""

    project: str
    at: datetime
    by: By
    action: Action
    place: str = ""
    """The route, or the command."""
    object_kind: str = ""
    object: str = ""
    """An id, or of what is in `DIGESTED` its digest."""
    address: str = ""
    """Of the client, as the server saw it."""
    how: How = How.PAGE
    detail: dict[str, Any] = {}
    """How many rows or hits, which tool, a statement without its values."""
    seq: int = 0


def digest_of(kind: str, id: str, salt: bytes) -> str:
    """What stands for the id of somebody or of what they said."""
    said = msgspec.json.encode(["audit", kind, id])
    return hashlib.blake2b(said, key=salt, digest_size=DIGEST_BYTES).hexdigest()


def shortened(address: str, kept: str) -> str:
    """What is kept of a client's address: `full`, its `network` (/24, /48 of IPv6), or `none`."""
    if kept == "full":
        return address
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if kept == "none":
        return ""
    prefix = IPV4_PREFIX if found.version == 4 else IPV6_PREFIX
    return str(ip_network((found, prefix), strict=False))


def object_of(kind: str, id: str, salt: bytes) -> str:
    """What an entry says of an object."""
    return digest_of(kind, id, salt) if kind in DIGESTED and id else id
