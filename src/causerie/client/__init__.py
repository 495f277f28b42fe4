"""The client of a Causerie server, for apps: light, and unable to break or slow what it watches."""

from typing import TYPE_CHECKING, Any

from causerie.client.errors import (
    Busy,
    ClientError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    ServerFailed,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unreachable,
    Unreadable,
)
from causerie.client.items import event, message, tool
from causerie.client.synchronous import Client

if TYPE_CHECKING:
    from causerie.client.asynchronous import AsyncClient

__all__ = [
    "AsyncClient",
    "Busy",
    "Client",
    "ClientError",
    "Conflict",
    "Forbidden",
    "Invalid",
    "NotFound",
    "Refused",
    "ServerFailed",
    "TooLarge",
    "TooMany",
    "Unauthenticated",
    "Unreachable",
    "Unreadable",
    "event",
    "message",
    "tool",
]


def __getattr__(name: str) -> Any:
    """What only apps that await have to load."""
    if name == "AsyncClient":
        from causerie.client.asynchronous import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
