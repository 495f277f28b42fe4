"""Calls of models for tests, through the write path: what they took, and what was said."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from causerie.conversations import Conversation, Message
from causerie.delivery import Delivery
from causerie.exchanges import API, Cost, Exchange
from causerie.store.arrivals import Arrival, Entry
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.testing import Ticking
from causerie.token_usage import Usage

NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)


def call(id: str, days_ago: float = 0, *, cost: str = "", **given: Any) -> Exchange:
    """A call of ten tokens in and five out, one second long. `cost` is such as `0.25 USD`."""
    tokens = {name: given.pop(name) for name in Usage.__struct_fields__ if name in given}
    usage = Usage(**{"input_tokens": 10, "output_tokens": 5, **tokens})
    amount, _, currency = cost.partition(" ")
    price = Cost(Decimal(amount), currency, "test 1") if cost else None
    facts: dict[str, Any] = {"api": API.CHAT, "key": "key_a", "endpoint": "ep-a", "model": "small"}
    at = NOON - timedelta(minutes=10) - timedelta(days=days_ago)
    facts |= {"at": at, "total_ms": 1000, "upstream": "models.example"}
    return Exchange(id=id, usage=usage, cost=price, **{**facts, **given})


def keep_calls(
    inbox: Inbox, events: EventStore, project: str, calls: Sequence[Exchange], **about: str
) -> None:
    """Take the calls in and move them on; those of a conversation with a word of theirs, and with
    what else the metadata of the conversations is to say.
    """
    inbox.take([_arrival(project, exchange, about) for exchange in calls], NOON)
    Delivery(inbox, events, "test", Ticking(NOON), 1).drain()


def _arrival(project: str, exchange: Exchange, about: dict[str, str]) -> Arrival:
    request = hashlib.blake2b(f"{project} {exchange.id}".encode(), digest_size=16).digest()
    entry = Entry(_conversation(exchange, about), exchange=exchange)
    return Arrival(project, entry, exchange.id, request)


def _conversation(exchange: Exchange, about: dict[str, str]) -> Conversation:
    if not exchange.conversation:
        return Conversation(id="")
    own = {"user_id": exchange.user, "model": exchange.model, "endpoint": exchange.endpoint}
    said = Message(id=exchange.id, position=0, at=exchange.at, text=f"said in {exchange.id}")
    return Conversation(
        id=exchange.conversation,
        tenant=exchange.tenant,
        metadata={**{name: value for name, value in own.items() if value}, **about},
        messages=[msgspec.structs.replace(said, role="user")],
    )
