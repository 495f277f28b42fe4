"""Arrival, Entry, Receipt, Waiting: what passes through the inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from causerie.conversations import Conversation, Identity
from causerie.exchanges import Exchange


class Entry(msgspec.Struct, gc=False, frozen=True, omit_defaults=True):
    """What one request did to one conversation."""

    conversation: Conversation
    """With the messages to append only. Without an id where only the exchange is kept."""
    fresh: bool = False
    """Nothing of this conversation can have come before."""
    ratings: dict[str, int] = {}
    """Message id to new rating, for messages that came before."""
    at: datetime | None = None
    """When it arrived: dates a conversation that has no message."""
    exchange: Exchange | None = None
    """The call of a model that said this."""


class Resumption(msgspec.Struct, gc=False, frozen=True):
    """How a call that resends its history finds the conversation that it goes on with."""

    ending: bytes | None
    """Stands for the last two messages of the history; None where there is no history."""
    next_ending: bytes
    """The same after this call."""
    recent: int
    """How many of the messages, from the last one back, are new in this call."""
    named: bool = False
    """The caller names the conversation: it is that one, whatever the history ends with."""


class Arrival(msgspec.Struct, gc=False, frozen=True):
    """An entry on its way in."""

    project: str
    entry: Entry
    uid: str
    """Random; the seed of every id that the request made."""
    request: bytes | None = None
    """Same for a retry of the same request, else None."""
    identity: Identity | None = None
    upsert: bool = False
    """Whether to look for the conversation that this transcript continues."""
    resumption: Resumption | None = None


@dataclass(frozen=True)
class Receipt:
    """What became of an arrival. A retry gets the uid of the first time."""

    uid: str
    replayed: bool


@dataclass(frozen=True)
class Waiting:
    """An entry as the worker reads it."""

    seq: int
    project: str
    entry: Entry
