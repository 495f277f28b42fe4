"""The worker that moves the inbox into the analytics store, exactly once in effect.

Ids, positions and times are in the entries or follow from their number in the inbox, and each
batch has a higher version than all before it: moving an entry again writes the same rows again,
which replace themselves. An entry leaves the inbox only after its rows are on the disk.

Of many processes one has the lease and moves. What it read under the lease it writes only if
nobody else had the lease since.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import msgspec

from causerie.conversations import Conversation, Message, summarize, trim_metadata
from causerie.errors import Unavailable
from causerie.meanings import NOT_UNDERSTOOD, ConversationMeaning
from causerie.reports import messages_of
from causerie.store.arrivals import Waiting
from causerie.store.events import EventStore, lookups
from causerie.store.events_schema import CONVERSATIONS, EXCHANGES, MESSAGES
from causerie.store.inbox import Inbox
from causerie.store.meanings import meaning_values

BATCH_ENTRIES_MAX = 5_000
BATCH_MESSAGES_MAX = 50_000
POSITIONS_PER_ENTRY = 1 << 20
RETRY_INTERVAL_MS = 2_000
SWEEP_INTERVAL = timedelta(minutes=5)
STOP_SECONDS_MAX = 30
LAST_MOVES_SECONDS_MAX = 5
WORKER = "delivery"
Named = tuple[str, str, str]
"""A conversation: its project, tenant and id."""
log = logging.getLogger(__name__)


@dataclass
class Growing:
    """A conversation while entries are applied to it."""

    project: str
    conversation: Conversation
    """Merged metadata and feedback, without messages."""
    begun: datetime
    messages: dict[str, Message] = field(default_factory=dict)
    """All, old and new, by id."""
    kept_starts: set[datetime] = field(default_factory=set)
    """When the rows that are in the store begin: one, or more after a write that came too late."""
    changed: set[str] = field(default_factory=set)
    """Ids of the messages to write."""
    meaning: ConversationMeaning = NOT_UNDERSTOOD
    """What was understood of it before it grew."""

    def put(self, message: Message) -> None:
        """A message that is new or has changed."""
        self.messages[message.id] = message
        self.changed.add(message.id)


class Delivery:
    """Moves batches, in a thread of its own or by the caller's hand (`drain`)."""

    def __init__(
        self,
        inbox: Inbox,
        events: EventStore,
        holder: str,
        clock: Callable[[], datetime],
        flush_interval_ms: int,
    ) -> None:
        self.delivered: Callable[[Sequence[Named]], None] = lambda names: None
        """Told what has just been written; whoever wants to know sets it before the start."""
        self._inbox = inbox
        self._events = events
        self._holder = holder
        self._clock = clock
        self._interval = flush_interval_ms / 1000
        self._wake = threading.Event()
        self._hurry = threading.Event()
        """Somebody waits for what is in the inbox."""
        self._stopping = threading.Event()
        self._swept: datetime | None = None
        self._lease = 0
        """The batch number that the lease was last taken or renewed with."""
        self._writing = threading.Lock()
        """Held by the thread that reads rows to write them again."""
        self._thread = threading.Thread(target=self._run, name=WORKER, daemon=True)

    def start(self) -> None:
        """Begin to move, first what a kill left behind."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """Move what waits, as far as the stores answer, then let another process do it."""
        self._stopping.set()
        self._hurry.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS_MAX)
        else:
            self._end()

    def wake(self) -> None:
        """Say that something came in."""
        self._wake.set()

    def settle(self, project: str, conversation: str, seconds: float) -> bool:
        """Wait for what is now on its way to a conversation; False when it takes too long."""
        end = monotonic() + seconds
        newest = self._inbox.newest(project, conversation)
        while newest is not None and self._inbox.pending(project, conversation, newest):
            self._hurry.set()
            self._wake.set()
            if monotonic() > end or self._stopping.wait(0.02):
                return False
        return True

    def drain(self, progress: Callable[[int], None] = lambda moved: None) -> None:
        """Move everything that waits now, in the caller's thread."""
        while moved := self.move():
            progress(moved)

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Another process may have filled the inbox without being able to wake this one.
            self._wake.wait(RETRY_INTERVAL_MS / 1000)
            self._wake.clear()
            self._hurry.clear()
            try:
                if self.move():
                    self._wake.set()  # more may have come meanwhile
                self._sweep()
            except Unavailable as error:
                log.warning("delivery waits: %s", error)
                self._stopping.wait(RETRY_INTERVAL_MS / 1000)
                self._wake.set()
            except Exception:  # the edge of a thread: it must go on, whatever one round met
                log.exception("delivery failed, trying again")
                self._stopping.wait(RETRY_INTERVAL_MS / 1000)
                self._wake.set()
            # Lets a batch gather: each costs the same, and leaves parts for the engine to merge.
            # Not at the end: that somebody waits for it may have been forgotten in this round.
            if not self._stopping.is_set():
                self._hurry.wait(self._interval)
        self._end()

    def _end(self) -> None:
        end = monotonic() + LAST_MOVES_SECONDS_MAX
        try:
            while monotonic() < end and self.move():
                pass
        except Unavailable as error:
            log.warning("left in the inbox until the next start: %s", error)
        except Exception:  # the edge of a thread: what it did not move is still in the inbox
            log.exception("left in the inbox until the next start")
        try:
            self._inbox.release(WORKER, self._holder, self._clock())
        except Unavailable as error:
            log.warning("the lease ends by itself: %s", error)

    def _sweep(self) -> None:
        now = self._clock()
        if self._swept is None or now - self._swept > SWEEP_INTERVAL:
            self._inbox.sweep(now)
            self._swept = now

    def move(self) -> int:
        """Move one batch; how many entries it had. Raises Unavailable, with nothing lost."""
        if not self._inbox.holds():
            return 0
        with self._writing:
            if not self._leads():
                return 0
            # Read under the lease: what was read before it may have been moved by another since.
            return self._move(_bounded(self._inbox.waiting(BATCH_ENTRIES_MAX)))

    def leads(self) -> bool:
        """Whether this process is the one of many that writes, from now on for `LEASE`."""
        with self._writing:
            return self._leads()

    def _leads(self) -> bool:
        lease = self._inbox.lease(WORKER, self._holder, self._clock())
        if lease is not None:
            self._lease = lease
        return lease is not None

    def written(self) -> int | None:
        """The version up to which there is every row that anybody has written; None while another
        process is the one that writes.
        """
        with self._writing:
            return self._lease if self._leads() else None

    def rewrite(self, work: Callable[[Callable[[], int]], None]) -> bool:
        """Have `work` read rows and write them again while nobody else writes any.

        It gets a function that gives the version to write under, to be called once it has read;
        that raises Unavailable when another process has begun to write since. False, and nothing
        is done, while another process is the one that writes.
        """
        with self._writing:
            if not self._leads():
                return False
            work(self._renewed)
            return True

    def _move(self, batch: Sequence[Waiting]) -> int:
        try:
            self._write(batch, self._apply(batch), self._renewed())
        except Unavailable:
            raise
        except Exception as error:  # one entry that cannot be written must not hold up all others
            log.exception("a batch of %d entries failed", len(batch))
            return self._move_halves(batch, str(error))
        self._inbox.remove(one.seq for one in batch)
        self.delivered(list({_named(one): None for one in batch if one.entry.conversation.id}))
        return len(batch)

    def _move_halves(self, batch: Sequence[Waiting], error: str) -> int:
        """Find the entry that cannot be written, and count its failure."""
        if len(batch) == 1:
            self._inbox.blame(batch[0].seq, error)
            return 0
        middle = len(batch) // 2
        return self._move(batch[:middle]) + self._move(batch[middle:])

    def _renewed(self) -> int:
        """The version to write under. Raises Unavailable when what was read may be stale."""
        version = self._inbox.renew(WORKER, self._holder, self._lease, self._clock())
        if version is None:
            raise Unavailable("another process has taken over")
        self._lease = version
        return version

    def _write(self, batch: Sequence[Waiting], grown: Sequence[Growing], version: int) -> None:
        # In this order: a kill in between leaves the messages as they were, so that the next
        # round still sees where the conversation's old row began and takes it away.
        rows = [row for one in grown for row in _conversation_rows(one, version)]
        self._events.insert(CONVERSATIONS, rows)
        self._events.insert(MESSAGES, [row for one in grown for row in _message_rows(one, version)])
        self._events.insert(EXCHANGES, list(_exchange_rows(batch, version)))

    def _apply(self, batch: Sequence[Waiting]) -> list[Growing]:
        growing: dict[tuple[str, str, str], Growing] = self._load(batch)
        for one in batch:
            given = one.entry.conversation
            if not given.id:
                continue  # only what a call took is kept, not its words
            key = _named(one)
            if key not in growing:
                begun = one.entry.at or self._clock()
                empty = msgspec.structs.replace(given, metadata={}, feedback="", messages=[])
                growing[key] = Growing(one.project, empty, begun)
            _grow(growing[key], one)
        return list(growing.values())

    def _load(self, batch: Sequence[Waiting]) -> dict[tuple[str, str, str], Growing]:
        """What is kept of the conversations that the batch adds to."""
        wanted: dict[str, set[tuple[str, str]]] = {}
        for one in batch:
            if one.entry.conversation.id and not one.entry.fresh:
                given = one.entry.conversation
                wanted.setdefault(one.project, set()).add((given.tenant, given.id))
        found: dict[tuple[str, str, str], Growing] = {}
        for project, keys in wanted.items():
            for some in lookups(sorted(keys)):
                found.update(self._kept(project, some))
        return found

    def _kept(
        self, project: str, keys: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str, str], Growing]:
        found: dict[tuple[str, str, str], Growing] = {}
        wanted = set(keys)
        spoken = messages_of(self._events, project, keys)
        parameters = {"project": project, "ids": sorted({id for _, id in keys})}
        for row in self._events.select("delivery/conversations", parameters):
            key = (row["tenant"], row["id"])
            if key in wanted:
                start = row.pop("started_at")
                meaning = _meaning(row)
                earlier = found.get((project, *key))
                starts = {start, *(earlier.kept_starts if earlier else ())}
                messages = {message.id: message for message in spoken.get(key, ())}
                found[(project, *key)] = Growing(
                    project, Conversation(**row), start, messages, starts, meaning=meaning
                )
        return found


def _named(waiting: Waiting) -> Named:
    given = waiting.entry.conversation
    return waiting.project, given.tenant, given.id


def _meaning(row: dict[str, Any]) -> ConversationMeaning:
    """What was understood of a conversation, taken out of its row."""
    return ConversationMeaning(
        language=row.pop("language"),
        sentiment=row.pop("sentiment"),
        scored=row.pop("scored"),
        trend=row.pop("trend"),
        signals=tuple(row.pop("signals")),
        topics=tuple(row.pop("topics")),
        suggested=tuple(row.pop("suggested")),
        generation=row.pop("meaning"),
        judged=row.pop("judged"),
    )


def _bounded(waiting: Sequence[Waiting]) -> Sequence[Waiting]:
    """The first entries, as many as one insert should carry, at least one."""
    messages = 0
    for index, one in enumerate(waiting):
        messages += len(one.entry.conversation.messages)
        if messages > BATCH_MESSAGES_MAX and index:
            return waiting[:index]
    return waiting


def _grow(growing: Growing, waiting: Waiting) -> None:
    """Apply one entry. Applying it to what already has it changes nothing."""
    kept, given = growing.conversation, waiting.entry.conversation
    for index, message in enumerate(given.messages):
        if message.id not in growing.messages:
            position = waiting.seq * POSITIONS_PER_ENTRY + index
            growing.put(msgspec.structs.replace(message, position=position))
            # What was understood still stands; that it lacks something is what 0 says.
            growing.meaning = msgspec.structs.replace(growing.meaning, generation=0, judged=0)
    for id, rating in waiting.entry.ratings.items():
        if id in growing.messages:
            growing.put(msgspec.structs.replace(growing.messages[id], rating=rating))
    growing.conversation = msgspec.structs.replace(
        kept,
        metadata=trim_metadata({**kept.metadata, **given.metadata})[0],
        feedback=given.feedback or kept.feedback,
    )


def _conversation_rows(growing: Growing, version: int) -> Iterable[list[Any]]:
    conversation = growing.conversation
    summary = summarize(growing.messages.values(), growing.begun)
    values = {
        **msgspec.structs.asdict(summary),
        "project": growing.project,
        "tenant": conversation.tenant,
        "id": conversation.id,
        "user": conversation.user,
        "model": conversation.model,
        "metadata": conversation.metadata,
        "feedback": conversation.feedback,
        "source": conversation.source,
        **meaning_values(growing.meaning),
        "version": version,
        "deleted": 0,
    }
    yield [values[name] for name in CONVERSATIONS.columns]
    for start in growing.kept_starts - {summary.started_at}:
        # The start is part of the sorting key: the old row must be taken away by name.
        values |= {"started_at": start, "deleted": 1}
        yield [values[name] for name in CONVERSATIONS.columns]


def _message_rows(growing: Growing, version: int) -> Iterable[list[Any]]:
    conversation = growing.conversation
    for message in map(growing.messages.__getitem__, sorted(growing.changed)):
        values = {
            **msgspec.structs.asdict(message),
            "project": growing.project,
            "tenant": conversation.tenant,
            "conversation": conversation.id,
            "kind": str(message.kind),
            "version": version,
            "deleted": 0,
        }
        yield [values[name] for name in MESSAGES.columns]


def _exchange_rows(batch: Sequence[Waiting], version: int) -> Iterable[list[Any]]:
    for one in batch:
        exchange = one.entry.exchange
        if exchange is not None:
            cost = exchange.cost
            values = {
                **msgspec.structs.asdict(exchange),
                **msgspec.structs.asdict(exchange.usage),
                "project": one.project,
                "api": str(exchange.api),
                "cost": None if cost is None else cost.amount,
                "currency": "" if cost is None else cost.currency,
                "prices": "" if cost is None else cost.prices,
                "version": version,
                "deleted": 0,
            }
            yield [values[name] for name in EXCHANGES.columns]
