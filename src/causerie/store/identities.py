"""Identities: which earlier conversation a transcript continues when it comes again, longer."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, LargeBinary, Select, delete, func, select, text

from causerie.conversations import CHAIN_DIGEST_BYTES, UPSERT_WINDOW, Identity, Kind, number
from causerie.store.arrivals import Arrival, Entry
from causerie.store.resumptions import NO_CHAIN, Resumptions
from causerie.store.state import insert_into, slices
from causerie.store.state_schema import identities

RECENT_OPENINGS_MAX = 500
"""A bot with a fixed greeting has tens of thousands of openings that are the same."""
# In the order of the list, so that two processes never wait for each other.
LOCK_ALL = text("SELECT pg_advisory_xact_lock(l) FROM unnest(CAST(:locks AS bigint[])) AS l")


class Identities:
    """The identities' SQL, on either engine, within the transaction of the inbox."""

    def __init__(self, engine: Engine) -> None:
        self._locks = engine.dialect.name == "postgresql"
        put = insert_into(engine, identities)
        self._resumptions = Resumptions(engine)
        self._put_identity = put.on_conflict_do_update(
            index_elements=["project", "conversation"],
            set_={name: put.excluded[name] for name in ("opening", "chain", "tail", "at")},
        )

    def match(
        self, connection: Connection, arrivals: Sequence[Arrival], now: datetime
    ) -> list[Arrival]:
        """The same arrivals, upserts turned into what they add to the earlier conversation."""
        arrivals = self._resumptions.match(connection, arrivals, now)
        identified = [arrival for arrival in arrivals if arrival.identity is not None]
        known = self._known(connection, [a for a in identified if a.upsert], now)
        matched = []
        fresh: dict[str, dict[str, Any]] = {}
        for arrival in arrivals:
            if arrival.identity is None:
                matched.append(arrival)
                continue
            candidates = known.setdefault((arrival.project, arrival.identity.opening), {})
            if arrival.upsert:
                arrival = _continue(arrival, candidates)
            assert arrival.identity is not None
            conversation = arrival.entry.conversation.id
            longest = max(arrival.identity.chain, candidates.get(conversation, []), key=len)
            candidates[conversation] = longest
            fresh[f"{arrival.project}\0{conversation}"] = {
                "project": arrival.project,
                "conversation": conversation,
                "opening": arrival.identity.opening,
                "chain": b"".join(longest),
                "tail": longest[-1],
                "at": now,
            }
            matched.append(arrival)
        if fresh:
            connection.execute(self._put_identity, list(fresh.values()))
        return matched

    def _known(
        self, connection: Connection, upserts: Sequence[Arrival], now: datetime
    ) -> dict[tuple[str, bytes], dict[str, list[bytes]]]:
        openings = sorted({a.identity.opening for a in upserts if a.identity is not None})
        if self._locks:
            # Two processes could both find nothing and begin the same conversation twice.
            locks = sorted(int.from_bytes(opening[:8], "big", signed=True) for opening in openings)
            connection.execute(LOCK_ALL, {"locks": locks})
        known: dict[tuple[str, bytes], dict[str, list[bytes]]] = {}
        for arrival in upserts:
            assert arrival.identity is not None
            candidates = known.setdefault((arrival.project, arrival.identity.opening), {})
            recent = _recent(arrival.project, arrival.identity, now - UPSERT_WINDOW)
            for query in (*_beginnings(arrival.project, arrival.identity, now), recent):
                for row in connection.execute(query):
                    candidates[row.conversation] = _links(bytes(row.chain))
        return known

    def forget(self, connection: Connection, now: datetime) -> None:
        """Drop what is past the window."""
        transcripts = identities.c.chain != NO_CHAIN
        connection.execute(
            delete(identities).where(transcripts, identities.c.at < now - UPSERT_WINDOW)
        )
        self._resumptions.forget(connection, now)


def _continue(arrival: Arrival, candidates: dict[str, list[bytes]]) -> Arrival:
    """The arrival as an addition to the candidate that it continues, or with its own ids."""
    identity, given = arrival.identity, arrival.entry.conversation
    assert identity is not None
    fitting = [
        (len(chain), name) for name, chain in candidates.items() if identity.continues(chain)
    ]
    known, name = max(fitting, default=(0, given.id))
    numbered = number(msgspec.structs.replace(given, id=name))
    talk = [message for message in numbered.messages if message.kind is not Kind.EVENT]
    old = {message.id: message.rating for message in talk[:known]}
    added = [message for message in numbered.messages if message.id not in old]
    entry = Entry(
        msgspec.structs.replace(numbered, messages=added),
        fresh=known == 0,
        ratings={name: rating for name, rating in old.items() if rating},
        at=arrival.entry.at,
    )
    return msgspec.structs.replace(arrival, entry=entry)


def _beginnings(
    project: str, identity: Identity, now: datetime
) -> Iterator[Select[tuple[str, bytes]]]:
    """The transcripts that are wholly contained in this one, found by their last link."""
    for links in slices(identity.chain):
        yield select(identities.c.conversation, identities.c.chain).where(
            identities.c.project == project,
            identities.c.tail.in_(links),
            identities.c.at >= now - UPSERT_WINDOW,
        )


def _recent(project: str, identity: Identity, since: datetime) -> Select[tuple[str, bytes]]:
    """The latest transcripts that begin with all of this one: it was sent again, cut short."""
    latest = (
        select(identities.c.conversation, identities.c.chain)
        .where(
            identities.c.project == project,
            identities.c.opening == identity.opening,
            identities.c.at >= since,
        )
        .order_by(identities.c.at.desc())
        .limit(RECENT_OPENINGS_MAX)
        .subquery()
    )
    start = (len(identity.chain) - 1) * CHAIN_DIGEST_BYTES + 1
    place = func.substr(latest.c.chain, start, CHAIN_DIGEST_BYTES, type_=LargeBinary)
    return select(latest.c.conversation, latest.c.chain).where(place == identity.chain[-1])


def _links(chain: bytes) -> list[bytes]:
    return [link for (link,) in struct.iter_unpack(f"{CHAIN_DIGEST_BYTES}s", chain)]
