"""Conversations in bulk: files into the inbox, and everything out again as JSON lines."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import msgspec

from causerie.accounts import Project
from causerie.conversations import Conversation, Kind, Message
from causerie.imports import Malformed
from causerie.ingest import How, Ingest, Submission
from causerie.reports import ConversationRow, Question, Reports, Transcript
from causerie.store.arrivals import Arrival
from causerie.store.inbox import Inbox

GROUP_MESSAGES_MAX = 20_000
EXPORT_PER_PAGE = 100
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass
class Tally:
    """What an import met."""

    conversations: int = 0
    messages: int = 0
    malformed: list[Malformed] = field(default_factory=list)


class Importer:
    """Puts conversations through the same steps as the API, in groups."""

    def __init__(
        self, project: Project, ingest: Ingest, inbox: Inbox, clock: Callable[[], datetime]
    ) -> None:
        self._project = project
        self._ingest = ingest
        self._inbox = inbox
        self._clock = clock

    def take(
        self, items: Iterable[Conversation | Malformed], kept: Callable[[Tally], None]
    ) -> Tally:
        """Keep all that is well-formed; `kept` is told after each group is on the disk."""
        tally = Tally()
        for group in _groups(self._sorted_out(items, tally)):
            self._inbox.take(group, self._clock())
            tally.conversations += len(group)
            tally.messages += sum(len(one.entry.conversation.messages) for one in group)
            kept(tally)
        kept(tally)
        return tally

    def _sorted_out(
        self, items: Iterable[Conversation | Malformed], tally: Tally
    ) -> Iterator[Arrival]:
        for item in items:
            if isinstance(item, Malformed):
                tally.malformed.append(item)
                continue
            uid = secrets.token_urlsafe(16)
            submission = Submission(self._project, How.IMPORT, item, uid, self._clock())
            yield self._ingest.prepare(submission)[0]


def _groups(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    group: list[Arrival] = []
    messages = 0
    for arrival in arrivals:
        group.append(arrival)
        messages += len(arrival.entry.conversation.messages) + 1
        if messages >= GROUP_MESSAGES_MAX:
            yield group
            group, messages = [], 0
    if group:
        yield group


def export(reports: Reports, project: Project, tenant: str | None = None) -> Iterator[bytes]:
    """Every conversation of a project, or of one tenant, oldest first, a JSON line each, as
    `import` reads them.
    """
    for transcript in transcripts(reports, project, tenant):
        yield msgspec.json.encode(_log_body(transcript)) + b"\n"


def transcripts(
    reports: Reports, project: Project, tenant: str | None = None
) -> Iterator[Transcript]:
    """Every conversation of a project, or of one tenant, oldest first.

    What comes in meanwhile may be left out; what was there and stays as it is, is not.
    """
    question = Question(project.id, *EVER, tenant=tenant, sort="oldest", per_page=EXPORT_PER_PAGE)
    given: set[tuple[str, str]] = set()
    while True:
        page = reports.conversations(question)
        new = [row for row in page.rows if (row.tenant, row.id) not in given]
        yield from reports.transcripts(project.id, new)
        if question.page >= page.pages:
            return
        question, given = _further(question, page.rows, given)


def _further(
    question: Question, rows: Sequence[ConversationRow], given: set[tuple[str, str]]
) -> tuple[Question, set[tuple[str, str]]]:
    """The question for what follows, and what of its answer was given already.

    It goes on from the time of the last row, not from a count: what is added before it must not
    move what follows.
    """
    last = rows[-1].started_at if rows else question.since
    names = {(row.tenant, row.id) for row in rows if row.started_at == last}
    if last == question.since:
        return replace(question, page=question.page + 1), given | names
    return replace(question, since=last, page=1), names


def _log_body(transcript: Transcript) -> dict[str, object]:
    row = transcript.row
    conversation: dict[str, object] = {
        "id": row.id,
        "metadata": row.metadata,
        "feedback": row.feedback,
        "messages": [_message_body(message) for message in transcript.messages],
    }
    body: dict[str, object] = {"conversation": conversation}
    return {**body, "tenant_id": row.tenant} if row.tenant else body


def _message_body(message: Message) -> dict[str, object]:
    body: dict[str, object] = {
        "id": message.id,
        "type": message.kind.value,
        "event_timestamp": message.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    if message.kind is Kind.MESSAGE or message.role or message.text:
        body |= {"role": message.role, "message": message.text}
    if message.name:
        body |= {"name": message.name}
    if message.kind is Kind.TOOL:
        body |= {
            "thought": message.thought,
            "input": msgspec.json.decode(message.input) if message.input else None,
            "observation": message.observation,
        }
    if message.rating:
        body["rating"] = message.rating
    return {**body, "metadata": message.metadata} if message.metadata else body
