"""The inbox: what was acknowledged and is not yet in the analytics store.

One transaction takes in a whole group of arrivals: recognises what was sent before, finds the
conversation that an upsert continues, and appends. Entries leave when the delivery worker has
moved them, in order of `seq`.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Select,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, TimeoutError

from causerie.conversations import (
    CHAIN_DIGEST_BYTES,
    UPSERT_WINDOW,
    Conversation,
    Identity,
    Kind,
    number,
)
from causerie.errors import Unavailable
from causerie.store.state_schema import identities, inbox, requests, workers

REPLAY_WINDOW = timedelta(hours=24)
LEASE = timedelta(seconds=30)
ATTEMPTS_MAX = 5
LOOKUP_ROWS_MAX = 500
RECENT_OPENINGS_MAX = 500
"""A bot with a fixed greeting has tens of thousands of openings that are the same."""
READ_BYTES_MAX = 16 * 1024 * 1024
# In the order of the list, so that two processes never wait for each other.
LOCK_ALL = text("SELECT pg_advisory_xact_lock(l) FROM unnest(CAST(:locks AS bigint[])) AS l")
MOVABLE = inbox.c.attempts < ATTEMPTS_MAX


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one request did to one conversation."""

    conversation: Conversation
    """With the messages to append only."""
    fresh: bool = False
    """Nothing of this conversation can have come before."""
    ratings: dict[str, int] = {}
    """Message id to new rating, for messages that came before."""
    at: datetime | None = None
    """When it arrived: dates a conversation that has no message."""


class Arrival(msgspec.Struct, frozen=True):
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


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Entry).decode


class Inbox:
    """The inbox's SQL, on either engine. Safe in threads; every method is one transaction, and
    raises Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._insert_request = dialect.insert(requests)
        put = dialect.insert(identities)
        self._put_identity = put.on_conflict_do_update(
            index_elements=["project", "conversation"],
            set_={name: put.excluded[name] for name in ("opening", "chain", "tail", "at")},
        )

    def take(self, arrivals: Sequence[Arrival], now: datetime) -> list[Receipt]:
        """Keep a group of arrivals, all or none. Raises Unavailable when nothing was kept."""
        with self._transaction() as connection:
            if self._engine.dialect.name == "sqlite":
                # Else two processes could both look, find nothing, and both begin.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            receipts = self._recognise(connection, arrivals, now)
            new = [
                arrival
                for arrival, receipt in zip(arrivals, receipts, strict=True)
                if not receipt.replayed
            ]
            self._append(connection, self._match(connection, new, now))
            return receipts

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise Unavailable(f"the state store refused: {error.orig}") from error
        except TimeoutError as error:
            raise Unavailable("the state store has no connection free") from error

    def _recognise(
        self, connection: Connection, arrivals: Sequence[Arrival], now: datetime
    ) -> list[Receipt]:
        first: dict[bytes, str] = {}
        for arrival in arrivals:
            if arrival.request is not None:
                first.setdefault(arrival.request, arrival.uid)
        if first:
            first |= self._first_uids(connection, first.keys() - self._put(connection, first, now))
        uids = [first.get(arrival.request or b"", arrival.uid) for arrival in arrivals]
        return [
            Receipt(uid, uid != arrival.uid) for arrival, uid in zip(arrivals, uids, strict=True)
        ]

    def _put(self, connection: Connection, uids: Mapping[bytes, str], now: datetime) -> set[bytes]:
        """Write down the requests, and which of them were not there within the window."""
        put = self._insert_request.on_conflict_do_update(
            index_elements=["key"],
            set_={name: self._insert_request.excluded[name] for name in ("uid", "at")},
            where=requests.c.at < now - REPLAY_WINDOW,
        )
        # In one order everywhere, so that two processes never wait for each other's rows.
        rows = [{"key": key, "uid": uid, "at": now} for key, uid in sorted(uids.items())]
        return {bytes(key) for (key,) in connection.execute(put.returning(requests.c.key), rows)}

    def _first_uids(self, connection: Connection, keys: Collection[bytes]) -> dict[bytes, str]:
        found: dict[bytes, str] = {}
        for some in _slices(sorted(keys)):
            rows = connection.execute(
                select(requests.c.key, requests.c.uid).where(requests.c.key.in_(some))
            )
            found.update((bytes(key), uid) for key, uid in rows)
        return found

    def _match(
        self, connection: Connection, arrivals: Sequence[Arrival], now: datetime
    ) -> list[Arrival]:
        """The same arrivals, upserts turned into what they add to the earlier conversation."""
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
        if self._engine.dialect.name == "postgresql":
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

    def _append(self, connection: Connection, arrivals: Sequence[Arrival]) -> None:
        if arrivals:
            connection.execute(
                insert(inbox),
                [
                    {
                        "project": arrival.project,
                        "conversation": arrival.entry.conversation.id,
                        "entry": encode(arrival.entry),
                        "attempts": 0,
                    }
                    for arrival in arrivals
                ],
            )

    def lease(self, name: str, holder: str, now: datetime) -> int | None:
        """Become or stay the one who empties the inbox; None while another is.

        Gives the batch number: it only ever grows, whoever holds the lease, and is the version
        of every row written under it.
        """
        row = {"holder": holder, "expires_at": now + LEASE}
        with self._transaction() as connection:
            mine = (workers.c.holder == holder) | (workers.c.expires_at < now)
            taken = connection.execute(
                update(workers)
                .where(workers.c.name == name, mine)
                .values(**row, batch=workers.c.batch + 1)
                .returning(workers.c.batch)
            ).scalar()
            if taken is not None:
                return int(taken)
            dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
            first = dialect.insert(workers).values(name=name, batch=1, **row)
            made = first.on_conflict_do_nothing().returning(workers.c.batch)
            batch = connection.execute(made).scalar()
            return None if batch is None else int(batch)

    def renew(self, name: str, holder: str, batch: int, now: datetime) -> int | None:
        """The next batch number; None when another had the lease since that batch number.

        Whoever was held up for longer than the lease learns here that what it read is stale.
        """
        kept = (workers.c.name == name, workers.c.holder == holder, workers.c.batch == batch)
        values = {"batch": batch + 1, "expires_at": now + LEASE}
        with self._transaction() as connection:
            change = update(workers).where(*kept).values(**values)
            return batch + 1 if connection.execute(change).rowcount else None

    def release(self, name: str, holder: str, now: datetime) -> None:
        """Let another take the lease at once."""
        with self._transaction() as connection:
            connection.execute(
                update(workers)
                .where(workers.c.name == name, workers.c.holder == holder)
                .values(expires_at=now - LEASE)
            )

    def holds(self) -> bool:
        """Whether anything waits."""
        query = select(inbox.c.seq).where(MOVABLE).limit(1)
        with self._transaction() as connection:
            return connection.execute(query).first() is not None

    def waiting(self, limit: int, bytes_max: int = READ_BYTES_MAX) -> list[Waiting]:
        """The oldest entries, without those that failed too often: at most `limit`, and not more
        than fit into `bytes_max`, but at least one.
        """
        with self._transaction() as connection:
            last = self._last_that_fits(connection, limit, bytes_max)
            rows = connection.execute(
                select(inbox.c.seq, inbox.c.project, inbox.c.entry, inbox.c.attempts)
                .where(MOVABLE, inbox.c.seq <= last)
                .order_by(inbox.c.seq)
                .limit(limit)
            ).all()
        return [_waiting(*row) for row in rows]

    def _last_that_fits(self, connection: Connection, limit: int, bytes_max: int) -> int:
        sizes = select(inbox.c.seq, func.length(inbox.c.entry)).where(MOVABLE)
        last = size = 0
        for seq, length in connection.execute(sizes.order_by(inbox.c.seq).limit(limit)):
            size += length
            if last and size > bytes_max:
                break
            last = seq
        return last

    def remove(self, seqs: Iterable[int]) -> None:
        """Forget entries that are in the analytics store."""
        with self._transaction() as connection:
            for some in _slices(list(seqs)):
                connection.execute(delete(inbox).where(inbox.c.seq.in_(some)))

    def blame(self, seq: int, error: str) -> None:
        """Count a failure of one entry. After `ATTEMPTS_MAX` it is parked, never dropped."""
        with self._transaction() as connection:
            connection.execute(
                update(inbox)
                .where(inbox.c.seq == bindparam("which"))
                .values(attempts=inbox.c.attempts + 1, error=bindparam("what")),
                {"which": seq, "what": error[:2_000].replace("\0", "")},
            )

    def parked(self) -> list[tuple[int, str]]:
        """Number and reason of the entries that failed too often."""
        query = select(inbox.c.seq, inbox.c.error).where(inbox.c.attempts >= ATTEMPTS_MAX)
        with self._transaction() as connection:
            return [
                (seq, error or "") for seq, error in connection.execute(query.order_by(inbox.c.seq))
            ]

    def retry_parked(self) -> int:
        """Let parked entries be tried again; how many there are."""
        with self._transaction() as connection:
            # Not 0: later entries of the same conversation have been moved in the meantime.
            tried = update(inbox).where(inbox.c.attempts >= ATTEMPTS_MAX).values(attempts=1)
            return int(connection.execute(tried).rowcount)

    def worker(self) -> str:
        """Who empties the inbox and what batch it is at, in words; empty if nobody ever did."""
        with self._transaction() as connection:
            row = connection.execute(select(workers)).first()
        return (
            f"{row.holder}, batch {row.batch}, lease until {row.expires_at:%F %T} UTC"
            if row
            else ""
        )

    def newest(self, project: str, conversation: str) -> int | None:
        """Number of the latest entry of this conversation that waits."""
        if "\0" in conversation:  # no id holds one, and PostgreSQL takes none
            return None
        return self._latest(inbox.c.project == project, inbox.c.conversation == conversation)

    def pending(self, project: str, conversation: str, newest: int) -> bool:
        """Whether an entry of this conversation still waits that is not later than `newest`."""
        of = (inbox.c.project == project, inbox.c.conversation == conversation)
        return self._latest(*of, inbox.c.seq <= newest) is not None

    def _latest(self, *conditions: ColumnElement[bool]) -> int | None:
        with self._transaction() as connection:
            return connection.execute(
                select(func.max(inbox.c.seq)).where(MOVABLE, *conditions)
            ).scalar()

    def backlog(self) -> tuple[int, int]:
        """How many entries wait, and how many are parked after failing too often."""
        parked = func.coalesce(
            func.sum((inbox.c.attempts >= ATTEMPTS_MAX).cast(inbox.c.attempts.type)), 0
        )
        with self._transaction() as connection:
            total, failed = connection.execute(select(func.count(), parked)).one()
        return int(total) - int(failed), int(failed)

    def sweep(self, now: datetime) -> None:
        """Forget requests and identities that are past their windows."""
        with self._transaction() as connection:
            connection.execute(delete(requests).where(requests.c.at < now - REPLAY_WINDOW))
            connection.execute(delete(identities).where(identities.c.at < now - UPSERT_WINDOW))


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


def _waiting(seq: int, project: str, entry: bytes, attempts: int) -> Waiting:
    found = decode(entry)
    # What came after an entry that failed may have been moved before it.
    return Waiting(seq, project, msgspec.structs.replace(found, fresh=False) if attempts else found)


def _beginnings(
    project: str, identity: Identity, now: datetime
) -> Iterator[Select[tuple[str, bytes]]]:
    """The transcripts that are wholly contained in this one, found by their last link."""
    for links in _slices(identity.chain):
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


def _slices(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Engines limit how many values one statement may bind."""
    return (
        items[start : start + LOOKUP_ROWS_MAX] for start in range(0, len(items), LOOKUP_ROWS_MAX)
    )
