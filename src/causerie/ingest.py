"""The write path: a conversation comes in, is masked, named, recognised, kept, answered.

1. The API decodes and checks (`web/transcripts.py`).
2. `Ingest.accept` runs the steps below over one submission: mask, trim, name, identify.
3. `GroupCommit` puts everything that waits into the inbox in one transaction (`store/inbox.py`).
4. Only then the caller gets its answer: 201 means kept.
5. The delivery worker moves the inbox into the analytics store (`delivery.py`).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from causerie.accounts import Project
from causerie.conversations import (
    Conversation,
    Message,
    identify,
    message_id,
    number,
    trim_metadata,
)
from causerie.errors import CauserieError, Unavailable
from causerie.masking import DEFAULT_MASKING
from causerie.names import NAME_KEYS, people
from causerie.privacy import MARKS_MAX, NAME, PersonalDataFilter, filter_of
from causerie.store.arrivals import Arrival, Entry, Receipt
from causerie.store.inbox import Inbox

ARRIVALS_WAITING_MAX = 20_000
GROUP_ARRIVALS_MAX = 500
log = logging.getLogger(__name__)


class How(StrEnum):
    """Which of the ways in a conversation took; they differ in what it may continue."""

    LOG = "log"
    """A whole transcript, never sent before."""
    UPSERT = "upsert"
    """A whole transcript that may be an earlier one grown longer."""
    THREAD = "thread"
    """Messages to append to the conversation of that id."""
    PATCH = "patch"
    """Ratings for messages that came before."""
    IMPORT = "import"
    """A whole transcript under an id of its own; the same again changes nothing."""


@dataclass(frozen=True)
class Submission:
    """What a caller handed in, with the ids and times that the flow made for it."""

    project: Project
    how: How
    conversation: Conversation
    uid: str
    at: datetime
    request: bytes | None = None
    ratings: dict[str, int] | None = None
    lost: tuple[str, ...] = ()
    """What of the metadata did not fit, a sentence each."""


class Ingest:
    """Steps over one submission, each from value to value.

    `personal_data` serves the projects that have no rules of their own.
    """

    def __init__(self, personal_data: PersonalDataFilter) -> None:
        self._personal_data = personal_data
        self._steps: tuple[Callable[[Submission], Submission], ...] = (
            self.mask,
            self.trim,
            self.name,
        )

    def prepare(self, submission: Submission) -> tuple[Arrival, tuple[str, ...]]:
        """The submission as the inbox takes it, and what of its metadata did not fit."""
        sent = submission.conversation
        for step in self._steps:
            submission = step(submission)
        conversation = submission.conversation
        whole = submission.how in (How.LOG, How.UPSERT)
        entry = Entry(
            conversation,
            fresh=submission.how is How.LOG,
            ratings=submission.ratings or {},
            at=submission.at,
        )
        arrival = Arrival(
            submission.project.id,
            entry,
            submission.uid,
            submission.request,
            identify(conversation, sent, submission.project.salt) if whole else None,
            upsert=submission.how is How.UPSERT,
        )
        return arrival, submission.lost

    def mask(self, submission: Submission) -> Submission:
        """Replace personal data, if the project wants it, before anything else sees it."""
        if not submission.project.masks_personal_data:
            return submission
        given = submission.conversation
        personal_data = self._filter_of(submission.project)
        who = people(given.metadata) if personal_data.masks_names else None
        pen = _Pen(personal_data, submission.project.salt, who)
        masked = msgspec.structs.replace(
            given,
            feedback=pen.text(given.feedback),
            metadata=pen.metadata(given.metadata),
            messages=[pen.message(message) for message in given.messages],
        )
        return replace(submission, conversation=masked)

    def mask_text(self, text: str, project: Project) -> str:
        """Some words beside a conversation, such as an error, as the project wants them kept."""
        if not text or not project.masks_personal_data:
            return text
        return self._filter_of(project).mask(text).text

    def _filter_of(self, project: Project) -> PersonalDataFilter:
        rules = project.masking
        return self._personal_data if rules == DEFAULT_MASKING else filter_of(rules)

    def trim(self, submission: Submission) -> Submission:
        """Keep of the metadata what fits; no message is lost for it."""
        given = submission.conversation
        metadata, lost = trim_metadata(given.metadata)
        messages = list(given.messages)
        for index, message in enumerate(messages):
            if message.metadata:
                own, more = trim_metadata(message.metadata)
                lost += [f"message {index}: {what}" for what in more]
                messages[index] = msgspec.structs.replace(message, metadata=own)
        trimmed = msgspec.structs.replace(given, metadata=metadata, messages=messages)
        return replace(submission, conversation=trimmed, lost=tuple(lost))

    def name(self, submission: Submission) -> Submission:
        """Give ids: to a whole transcript by place, to appended messages by request."""
        given = submission.conversation
        named = msgspec.structs.replace(
            given, id=given.id or submission.uid, source=_source(submission)
        )
        if submission.how in (How.LOG, How.UPSERT):
            return replace(submission, conversation=number(named))
        if submission.how is How.THREAD:
            named = append_ids(named, submission.uid)
        return replace(submission, conversation=named)


class _Pen:
    """Masks the parts of one conversation, and notes for each message what it took out."""

    def __init__(
        self, personal_data: PersonalDataFilter, salt: bytes, who: re.Pattern[str] | None
    ) -> None:
        self._personal_data = personal_data
        self._salt = salt
        self._who = who
        self._marks: list[str] = []

    def message(self, message: Message) -> Message:
        """The message with its marks: those of its text come first."""
        self._marks = []
        changed: dict[str, Any] = {
            name: masked
            for name in ("text", "name", "thought", "observation")
            if (given := getattr(message, name)) and (masked := self.text(given)) != given
        }
        if message.input:
            changed["input"] = self._json(message.input)
        if message.metadata:
            changed["metadata"] = {
                key: self._value(key, value) for key, value in message.metadata.items()
            }
        if self._marks:
            changed["masked"] = tuple(self._marks[:MARKS_MAX])
        return msgspec.structs.replace(message, **changed) if changed else message

    def metadata(self, metadata: dict[str, str]) -> dict[str, str]:
        """Of a conversation; a user whose id is personal data gets a pseudonym instead."""
        masked = {key: self._value(key, value) for key, value in metadata.items()}
        if self._personal_data.masks_names:
            named = (key for key in NAME_KEYS if metadata.get(key))
            masked |= dict.fromkeys(named, self._personal_data.dummy_of(NAME))
        user = metadata.get("user_id", "")
        if masked.get("user_id", "") != user:
            masked["user_id"] = pseudonym(user, self._salt)
        return masked

    def text(self, text: str) -> str:
        """Any text."""
        if not text:
            return text
        masked, marks = self._personal_data.mark(text, self._salt, self._who)
        self._marks += marks
        return masked

    def _json(self, document: str) -> str:
        """Masked leaf by leaf, so that it stays JSON; a masked number becomes text."""
        return msgspec.json.encode(self._leaf(msgspec.json.decode(document), "")).decode()

    def _leaf(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: self._leaf(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._leaf(inner, key) for inner in value]
        if isinstance(value, bool) or value is None:
            return value
        masked = self._value(key, str(value))
        return value if masked == str(value) else masked

    def _value(self, key: str, value: str) -> str:
        """A value is read after its key: ten digits are a phone number where the key says so."""
        prefix = f"{key}: "
        before = len(self._marks)
        masked = self.text(prefix + value)
        if masked.startswith(prefix):
            return masked.removeprefix(prefix)
        del self._marks[before:]
        return self.text(value)


def _source(submission: Submission) -> str:
    return submission.conversation.source or str(submission.how)


def append_ids(thread: Conversation, uid: str) -> Conversation:
    """The messages with the ids that one append to a thread gives them."""
    messages = [
        msgspec.structs.replace(message, id=message_id(uid, index))
        for index, message in enumerate(thread.messages)
    ]
    return msgspec.structs.replace(thread, messages=messages)


def pseudonym(user: str, salt: bytes) -> str:
    """A name for a user whose id is personal data: always the same, in this project only."""
    return (
        "user_"
        + hashlib.blake2b(user.strip().lower().encode(), key=salt, digest_size=8).hexdigest()
    )


@dataclass(frozen=True)
class _Waiting:
    arrival: Arrival
    answer: asyncio.Future[Receipt]

    def tell(self, outcome: Receipt | Exception) -> None:
        """Answer, unless the caller has gone."""
        if self.answer.done():
            return
        if isinstance(outcome, Receipt):
            self.answer.set_result(outcome)
        else:
            self.answer.set_exception(outcome)


class GroupCommit:
    """Commits everything that waits, again and again, one transaction at a time.

    A commit costs a disk flush however many rows it has, so that under load each flush serves
    hundreds of requests. All but the transaction itself happens in the event loop: a thread that
    each request had to wake would fight it for the interpreter lock.
    """

    def __init__(
        self, inbox: Inbox, clock: Callable[[], datetime], committed: Callable[[], None]
    ) -> None:
        self._inbox = inbox
        self._clock = clock
        self._committed = committed
        self._waiting: deque[_Waiting] = deque()
        self._committing: asyncio.Task[None] | None = None
        self._stopping = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="group-commit")

    async def stop(self) -> None:
        """Commit what waits, then refuse what comes."""
        self._stopping = True
        if self._committing is not None:
            await self._committing
        self._thread.shutdown()

    async def keep(self, arrival: Arrival) -> Receipt:
        """Return once the arrival is on the disk. Raises Unavailable when it is not."""
        if len(self._waiting) >= ARRIVALS_WAITING_MAX or self._stopping:
            raise Unavailable("too much waits to be written; nothing was kept")
        answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(arrival, answer))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return await answer

    async def _commit_all(self) -> None:
        while self._waiting:
            size = min(len(self._waiting), GROUP_ARRIVALS_MAX)
            await self._commit([self._waiting.popleft() for _ in range(size)])
        self._committing = None

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        arrivals = [one.arrival for one in group]
        loop = asyncio.get_running_loop()
        outcomes: Sequence[Receipt | Exception]
        try:
            take = self._inbox.take
            outcomes = await loop.run_in_executor(self._thread, take, arrivals, self._clock())
        except Exception as error:  # whatever it is, every caller that waits is told
            if not isinstance(error, CauserieError):
                log.exception("the inbox failed")
            outcomes = [error] * len(group)
        for one, outcome in zip(group, outcomes, strict=True):
            one.tell(outcome)
        self._committed()
