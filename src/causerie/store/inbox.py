"""The inbox: what was acknowledged and is not yet in the analytics store.

One transaction takes in a whole group of arrivals: recognises what was sent before, finds the
conversation that an upsert continues (`identities.py`), and appends. Entries leave when the
delivery worker has moved them, in order of `seq`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, TimeoutError

from causerie.errors import Unavailable
from causerie.store.arrivals import Arrival, Entry, Receipt, Waiting
from causerie.store.identities import Identities
from causerie.store.state import insert_into, slices
from causerie.store.state_schema import inbox, requests, workers

REPLAY_WINDOW = timedelta(hours=24)
LEASE = timedelta(seconds=30)
ATTEMPTS_MAX = 5
READ_BYTES_MAX = 16 * 1024 * 1024
MOVABLE = inbox.c.attempts < ATTEMPTS_MAX


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Entry).decode


class Inbox:
    """The inbox's SQL, on either engine. Safe in threads; every method is one transaction, and
    raises Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert_request = insert_into(engine, requests)
        self._identities = Identities(engine)

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
            self._append(connection, self._identities.match(connection, new, now))
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
        new = self._put(connection, first, now) if first else set()
        first |= self._first_uids(connection, first.keys() - new)
        receipts = []
        for arrival in arrivals:
            if arrival.request is None:
                receipts.append(Receipt(arrival.uid, False))
                continue
            # Not told by the uid: what is sent again after a lost connection has the same.
            receipts.append(Receipt(first[arrival.request], arrival.request not in new))
            new.discard(arrival.request)
        return receipts

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
        for some in slices(sorted(keys)):
            rows = connection.execute(
                select(requests.c.key, requests.c.uid).where(requests.c.key.in_(some))
            )
            found.update((bytes(key), uid) for key, uid in rows)
        return found

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
            first = insert_into(connection, workers).values(name=name, batch=1, **row)
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
            for some in slices(list(seqs)):
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
            query = select(workers).where(workers.c.name == "delivery")
            row = connection.execute(query).first()
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
            self._identities.forget(connection, now)


def _waiting(seq: int, project: str, entry: bytes, attempts: int) -> Waiting:
    found = decode(entry)
    # What came after an entry that failed may have been moved before it.
    return Waiting(seq, project, msgspec.structs.replace(found, fresh=False) if attempts else found)
