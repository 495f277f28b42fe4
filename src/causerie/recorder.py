"""The recorder: every exchange of the gateway on its way into the analytics.

The caller waits for none of it: what it is told is in the journal first (`journal.py`); masking,
prices and the inbox come afterwards.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from causerie.accounts import Key, Logging, Project
from causerie.conversations import Conversation
from causerie.errors import Unavailable
from causerie.exchanges import Cost, Exchange
from causerie.ingest import GroupCommit, How, Ingest, Submission
from causerie.journal import FAILED_SUFFIX, Journal, Segment, abandoned, records
from causerie.prices import Prices
from causerie.recordings import (
    Begun,
    Ended,
    Piece,
    Recording,
    conversation_of,
    decode_record,
    encode,
    encode_json,
    resumption_of,
)
from causerie.store.arrivals import Arrival, Entry
from causerie.token_usage import Usage
from causerie.tokens import Tokens

RETRY_INTERVAL_S = 2.0
AT_ONCE = 8
KEEPING_MAX = 400
RECORDINGS_WAITING_MAX = 5_000
INLINE_BYTES_MAX = 64 * 1024
STATUS_HUNG_UP = 499
"""What web servers write for a caller who did not wait for the answer."""
KILLED = "the server ended in the middle of the answer"
log = logging.getLogger(__name__)
Spend = Callable[[Usage, Cost | None], None]


@dataclass(frozen=True)
class Open:
    """An exchange that is going on."""

    segment: Segment | None


@dataclass(frozen=True)
class Waiting:
    """A recording on its way to the inbox."""

    recording: Recording
    project: Project
    segment: Segment | None
    spend: Spend
    kept: bool = True
    """False where nothing is kept, only counted against the key."""


class Recorder:
    """Keeps recordings, one after the other, in the event loop; what is long, in a thread."""

    def __init__(
        self,
        journal: Journal,
        ingest: Ingest,
        commit: GroupCommit,
        prices: Prices,
        tokens: Tokens,
        waiting_max: int = RECORDINGS_WAITING_MAX,
    ) -> None:
        self._waiting_max = waiting_max
        self._journal = journal
        self._ingest = ingest
        self._commit = commit
        self._prices = prices
        self._tokens = tokens
        self._waiting: deque[Waiting] = deque()
        self._left: dict[Segment, dict[str, tuple[Project, Spend]]] = {}
        """What is in the journal alone, by the exchange's id."""
        self._keeping: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def begin(self, recording: Recording) -> Open:
        """A stream begins: from here on a kill leaves what was said of it."""
        opened = Open(self._journal.begin())
        self._journal.write(opened.segment, encode(Begun(recording)))
        return opened

    def piece(self, opened: Open, id: str, text: str) -> None:
        """Some words of the stream are about to be sent."""
        if text:
            self._journal.write(opened.segment, encode(Piece(id, text)))

    def whole(self, recording: Recording, opened: Open | None = None) -> Open:
        """The whole answer has come and is about to be kept elsewhere: from here on a kill leaves
        it, so that nobody has words which the analytics lack. `end` follows and may say otherwise.
        """
        opened = opened or Open(self._journal.begin())
        self._journal.write(opened.segment, encode(Ended(recording)))
        return opened

    def end(
        self,
        recording: Recording,
        project: Project,
        key: Key,
        spend: Spend,
        opened: Open | None = None,
    ) -> None:
        """An exchange is at its end. To be called before the caller has the end of it."""
        if key.allowance.logging is Logging.NOTHING:
            self._enqueue(Waiting(recording, project, None, spend, kept=False))
            return
        segment = self._journal.begin() if opened is None else opened.segment
        self._journal.write(segment, encode(Ended(recording)))
        self._enqueue(Waiting(recording, project, segment, spend))

    @property
    def waiting(self) -> int:
        """How many exchanges are on their way to the inbox."""
        left = sum(map(len, self._left.values()))
        return len(self._waiting) + len(self._keeping) + left

    def _enqueue(self, waiting: Waiting) -> None:
        if waiting.segment is not None and len(self._waiting) >= self._waiting_max:
            # Its words are in the journal: memory holds no more than who it is of.
            left = self._left.setdefault(waiting.segment, {})
            left[waiting.recording.exchange.id] = (waiting.project, waiting.spend)
        else:
            self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._keep_all())

    async def stop(self) -> None:
        """Keep what waits; what cannot be kept now stays in the journal."""
        self._stopping = True
        while self._task is not None:
            await self._task
        self._journal.close()

    async def _keep_all(self) -> None:
        try:
            while self._waiting or self._left:
                if not self._waiting:
                    await self._read_again()
                # Gives way to the calls that go on: nobody waits for this.
                await asyncio.sleep(0)
                for _ in range(min(len(self._waiting), AT_ONCE)):
                    task = asyncio.create_task(self._keep(self._waiting.popleft()))
                    self._keeping.add(task)
                    task.add_done_callback(self._keeping.discard)
                while len(self._keeping) >= KEEPING_MAX:
                    await asyncio.wait(self._keeping, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*self._keeping)
        finally:
            self._task = None
        if self._waiting:  # came while the last ones were being kept
            self._task = asyncio.create_task(self._keep_all())

    async def _read_again(self) -> None:
        """Bring back from the journal what was too much for the memory."""
        segment, left = self._left.popitem()
        for recording in await asyncio.to_thread(_ended, segment.path, left.keys()):
            project, spend = left[recording.exchange.id]
            self._waiting.append(Waiting(recording, project, segment, spend))

    async def _keep(self, waiting: Waiting) -> None:
        try:
            priced = await self._prepared(waiting.recording)
            waiting.spend(priced.exchange.usage, priced.exchange.cost)
            if waiting.kept:
                await self._commit_at_last(await self._arrival(priced, waiting.project))
                self._journal.end(waiting.segment)
        except Unavailable as error:
            log.warning("an exchange stays in the journal until the next start: %s", error)
        except Exception:  # the edge of a task: the journal still has it
            log.exception("an exchange could not be kept")

    async def _prepared(self, recording: Recording) -> Recording:
        size = len(recording.asked) + len(recording.sent)
        if recording.counted and size <= INLINE_BYTES_MAX:
            return self._priced(recording)
        return await asyncio.to_thread(self._priced, recording)

    async def _arrival(self, recording: Recording, project: Project) -> Arrival:
        if len(recording.asked) <= INLINE_BYTES_MAX:
            return self.arrival(recording, project)
        return await asyncio.to_thread(self.arrival, recording, project)

    async def _commit_at_last(self, arrival: Arrival) -> None:
        while True:
            try:
                await self._commit.keep(arrival)
                return
            except Unavailable:
                if self._stopping:
                    raise
                await asyncio.sleep(RETRY_INTERVAL_S)

    def _priced(self, recording: Recording) -> Recording:
        """With usage where the provider reported none, and with what it cost."""
        exchange = recording.exchange
        usage = exchange.usage if recording.counted else self._estimate(recording)
        cost = self._prices.cost(
            exchange.model,
            usage,
            exchange.at,
            base_url=recording.base_url,
            price=recording.price,
        )
        if not usage.total_tokens and exchange.error:
            cost = None
        priced = msgspec.structs.replace(exchange, usage=usage, cost=cost)
        return msgspec.structs.replace(recording, exchange=priced)

    def _estimate(self, recording: Recording) -> Usage:
        exchange = recording.exchange
        if exchange.error and not recording.answered and exchange.status != STATUS_HUNG_UP:
            return exchange.usage  # refused: nothing was read
        model = exchange.model
        said = "".join(map(_words, recording.answered)) + "".join(recording.thoughts)
        return Usage(
            input_tokens=self._tokens.messages(recording.sent or recording.asked, model),
            output_tokens=self._tokens.text(said, model),
            estimated=True,
        )

    def arrival(self, recording: Recording, project: Project) -> Arrival:
        """The recording as the inbox takes it."""
        error = self._ingest.mask_text(recording.exchange.error, project)
        exchange = msgspec.structs.replace(recording.exchange, error=error)
        recording = msgspec.structs.replace(recording, exchange=exchange)
        request = hashlib.blake2b(exchange.id.encode(), digest_size=16).digest()
        if not recording.words:
            exchange = self._without_words(exchange, project)
            nothing = Entry(Conversation(id=""), exchange=exchange)
            return Arrival(project.id, nothing, exchange.id, request)
        conversation, recent = conversation_of(recording)
        submission = Submission(
            project, How.IMPORT, conversation, exchange.id, exchange.at, request
        )
        arrival, _ = self._ingest.prepare(submission)
        kept = arrival.entry.conversation
        exchange = msgspec.structs.replace(
            exchange, conversation=kept.id, user=kept.metadata.get("user_id", "")
        )
        entry = msgspec.structs.replace(arrival.entry, exchange=exchange)
        resumption = None
        if recording.named or not recording.exchange.conversation:
            resumption = resumption_of(recording, recent, project.salt)
        return msgspec.structs.replace(arrival, entry=entry, resumption=resumption)

    def _without_words(self, exchange: Exchange, project: Project) -> Exchange:
        """The exchange of a person whose name, too, may be personal data."""
        about = Conversation(id=exchange.id, metadata={"user_id": exchange.user})
        submission = Submission(project, How.IMPORT, about, exchange.id, exchange.at)
        masked = self._ingest.prepare(submission)[0].entry.conversation
        return msgspec.structs.replace(exchange, user=masked.user)

    async def recover(self, folder: Path, projects: Callable[[str], Project | None]) -> int:
        """Keep what processes left in their journals that died; how many exchanges."""
        count = 0
        for path in abandoned(folder):
            try:
                count += await self._recover(path, projects)
            except Unavailable as error:
                log.warning("%s waits for the next start: %s", path.name, error)
            except Exception:  # no journal keeps the server from starting
                log.exception("%s cannot be read", path.name)
                path.rename(path.with_suffix(FAILED_SUFFIX))
        return count

    async def _recover(self, path: Path, projects: Callable[[str], Project | None]) -> int:
        count = failures = 0
        for recording in await asyncio.to_thread(_recovered, path):
            project = await asyncio.to_thread(projects, recording.project)
            if project is None:
                continue
            try:
                priced = await asyncio.to_thread(self._priced, recording)
                await self._commit.keep(self.arrival(priced, project))
                count += 1
            except Unavailable:
                raise
            except Exception:  # one that cannot be kept must not keep the server from starting
                log.exception("an exchange of %s cannot be kept", path.name)
                failures += 1
        if failures:
            path.rename(path.with_suffix(FAILED_SUFFIX))
        else:
            path.unlink(missing_ok=True)
        return count


def _words(document: bytes) -> str:
    """What is counted of an answer's message: text, and tool calls as JSON."""
    said: Any = msgspec.json.decode(document)
    content = said.get("content")
    text = content if isinstance(content, str) else encode_json(content).decode() if content else ""
    calls = said.get("tool_calls")
    return text + (encode_json(calls).decode() if calls else "")


def _ended(path: Path, ids: Container[str]) -> list[Recording]:
    """Those of the exchanges that a journal tells the end of; the last word counts."""
    ended = {
        record.recording.exchange.id: record.recording
        for record in _readable(path)
        if isinstance(record, Ended) and record.recording.exchange.id in ids
    }
    return list(ended.values())


def _readable(path: Path) -> Iterator[Begun | Piece | Ended]:
    """The records, as far as they make sense: behind a torn one nothing does."""
    for raw in records(path):
        try:
            yield decode_record(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("%s is torn: %s", path.name, error)
            return


def _recovered(path: Path) -> Sequence[Recording]:
    """The exchanges of a journal; those that a kill broke off with what was said of them."""
    begun: dict[str, Recording] = {}
    pieces: dict[str, list[str]] = {}
    ended: dict[str, Recording] = {}
    for record in _readable(path):
        match record:
            case Begun(recording):
                begun[recording.exchange.id] = recording
            case Piece(id, text):
                pieces.setdefault(id, []).append(text)
            case Ended(recording):
                ended[recording.exchange.id] = recording
    broken = [
        _broken_off(recording, "".join(pieces.get(id, ())))
        for id, recording in begun.items()
        if id not in ended
    ]
    return [*ended.values(), *broken]


def _broken_off(recording: Recording, text: str) -> Recording:
    exchange: Exchange = msgspec.structs.replace(recording.exchange, error=KILLED, partial=True)
    message = encode_json({"role": "assistant", "content": text})
    answered = (message,) if text else ()
    return msgspec.structs.replace(recording, exchange=exchange, answered=answered)
