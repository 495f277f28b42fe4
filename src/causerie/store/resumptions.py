"""Resumptions: which conversation a call goes on with, by what its history ends with.

A caller of the gateway resends the history each turn, perhaps without its beginning, perhaps with
another system prompt. What it cannot change is what was said last: the last two messages of the
history are those that the conversation ended with. They are kept in the table of identities, told
apart from transcripts by having no chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, select, text

from causerie.conversations import Conversation
from causerie.store.arrivals import Arrival, Entry
from causerie.store.state import insert_into, slices
from causerie.store.state_schema import identities

NO_CHAIN = b""
RESUME_WINDOW = timedelta(days=30)
LOCK_ALL = text("SELECT pg_advisory_xact_lock(l) FROM unnest(CAST(:locks AS bigint[])) AS l")
Places = dict[tuple[str, bytes | str], list[str]]
"""Project, and an ending or a conversation's id, to the conversations, the latest last."""


class Resumptions:
    """The resumptions' SQL, on either engine, within the transaction of the inbox."""

    def __init__(self, engine: Engine) -> None:
        self._locks = engine.dialect.name == "postgresql"
        put = insert_into(engine, identities)
        self._put = put.on_conflict_do_update(
            index_elements=["project", "conversation"],
            set_={name: put.excluded[name] for name in ("opening", "chain", "tail", "at")},
        )

    def match(
        self, connection: Connection, arrivals: Sequence[Arrival], now: datetime
    ) -> list[Arrival]:
        """The same arrivals, those of callers turned into what is new in them."""
        calls = [arrival for arrival in arrivals if arrival.resumption is not None]
        if not calls:
            return list(arrivals)
        known = self._known(connection, calls, now)
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        matched = []
        for arrival in arrivals:
            if arrival.resumption is not None:
                arrival = _resume(arrival, known)
                row = _row(arrival, now)
                rows[(arrival.project, row["conversation"])] = row
            matched.append(arrival)
        connection.execute(self._put, list(rows.values()))
        return matched

    def _known(self, connection: Connection, calls: Sequence[Arrival], now: datetime) -> Places:
        sought = [_sought(call) for call in calls]
        endings = sorted({one for one in sought if isinstance(one, bytes)})
        if self._locks and endings:
            # Two processes could both find nothing and begin the same conversation twice.
            locks = sorted(int.from_bytes(one[:8], "big", signed=True) for one in endings)
            connection.execute(LOCK_ALL, {"locks": locks})
        columns = (identities.c.project, identities.c.conversation, identities.c.tail)
        recent = select(*columns).where(identities.c.at >= now - RESUME_WINDOW)
        # The latest last: where several fit, it is the one that is taken.
        recent = recent.where(identities.c.chain == NO_CHAIN).order_by(identities.c.at)
        known: Places = {}
        for some in slices(endings):
            for row in connection.execute(recent.where(identities.c.tail.in_(some))):
                known.setdefault((row.project, bytes(row.tail)), []).append(row.conversation)
        for some in slices(sorted({one for one in sought if isinstance(one, str)})):
            for row in connection.execute(recent.where(identities.c.conversation.in_(some))):
                known[(row.project, row.conversation)] = [row.conversation]
        return known

    def forget(self, connection: Connection, now: datetime) -> None:
        """Drop what is past the window."""
        calls = identities.c.chain == NO_CHAIN
        connection.execute(delete(identities).where(calls, identities.c.at < now - RESUME_WINDOW))


def _sought(call: Arrival) -> bytes | str | None:
    """By what its conversation is found: the end of its history or the name that it gives."""
    assert call.resumption is not None
    return call.entry.conversation.id if call.resumption.named else call.resumption.ending


def _resume(arrival: Arrival, known: Places) -> Arrival:
    """The arrival as what it adds to the conversation it goes on with, or whole."""
    how, given = arrival.resumption, arrival.entry.conversation
    assert how is not None
    sought = _sought(arrival)
    places = [] if sought is None else known.get((arrival.project, sought), [])
    if places:
        # What ended so goes on, and no longer ends so.
        name = places[-1] if how.named else places.pop()
        added = given.messages[len(given.messages) - how.recent :]
        given = msgspec.structs.replace(given, id=name, messages=added)
    known.setdefault((arrival.project, how.next_ending), []).append(given.id)
    known[(arrival.project, given.id)] = [given.id]
    return msgspec.structs.replace(arrival, entry=_entry(arrival.entry, given))


def _entry(entry: Entry, conversation: Conversation) -> Entry:
    exchange = entry.exchange
    if exchange is not None:
        exchange = msgspec.structs.replace(exchange, conversation=conversation.id)
    # Only what bears the name of this very exchange cannot have come before.
    fresh = exchange is not None and conversation.id == exchange.id
    return msgspec.structs.replace(entry, conversation=conversation, exchange=exchange, fresh=fresh)


def _row(arrival: Arrival, now: datetime) -> dict[str, Any]:
    assert arrival.resumption is not None
    return {
        "project": arrival.project,
        "conversation": arrival.entry.conversation.id,
        "opening": NO_CHAIN,
        "chain": NO_CHAIN,
        "tail": arrival.resumption.next_ending,
        "at": now,
    }
