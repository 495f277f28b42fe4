"""The Context service's API: log, upsert, thread, patch, conversations, series.

What the service's documentation leaves open is decided in docs/context-api.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from causerie.accounts import Access, Project
from causerie.conversations import Conversation, Kind
from causerie.delivery import Delivery
from causerie.errors import Invalid, NotFound, Unavailable
from causerie.ingest import GroupCommit, How, Ingest, Submission, append_ids
from causerie.reports import (
    PER_PAGE_MAX,
    PERIODS,
    Question,
    Reports,
    Totals,
    Transcript,
    default_since,
)
from causerie.store.arrivals import Arrival, Receipt
from causerie.transfer import export
from causerie.web.answers import Answers
from causerie.web.audited import note
from causerie.web.edge import JSONResponse, Keys, Reader, read_body
from causerie.web.transcripts import (
    conversation_of,
    decode_log,
    decode_patch,
    iso,
    tenant_of,
    thread_answer,
)
from causerie.wire import contextai as wire

SETTLE_SECONDS_MAX = 5.0
INLINE_BYTES_MAX = 64 * 1024
INGEST_THREADS_MAX = 8
PER_PAGE = 20
WARNING_HEADER = "x-causerie-warning"
WARNING_CHARS_MAX = 1_000
Result = TypeVar("Result")
COUNT = re.compile(r"[0-9]{1,9}")
SERIES: dict[str, Callable[[Totals], float | int | None]] = {
    "sentiment": lambda totals: totals.sentiment,
    "rating": lambda totals: totals.rating,
    "volume": lambda totals: totals.conversations,
}


class ContextAPI:
    """Endpoints under `/api/v1`, for the clients that people have installed."""

    def __init__(
        self,
        keys: Keys,
        ingest: Ingest,
        commit: GroupCommit,
        delivery: Delivery,
        reports: Reports,
        answers: Answers,
        clock: Callable[[], datetime],
        new_uid: Callable[[], str],
    ) -> None:
        self._new_uid = new_uid
        self._keys = keys
        self._ingest = ingest
        self._commit = commit
        self._delivery = delivery
        self._reports = reports
        self._answers = answers
        self._clock = clock
        self._threads = CapacityLimiter(INGEST_THREADS_MAX)

    def routes(self) -> list[Route]:
        """The endpoint table of the service's documentation, rows 1 to 4 and 8 to 13."""
        series = [
            Route(f"/api/v1/conversations/series/{name}", self._series_of(name)) for name in SERIES
        ]
        return [
            Route("/api/v1/log/conversation", self.log, methods=["POST"]),
            Route("/api/v1/log/conversation/upsert", self.upsert, methods=["POST"]),
            Route("/api/v1/log/conversation/thread", self.thread, methods=["POST"]),
            Route("/api/v1/log/conversation/thread/{id:path}", self.patch, methods=["PATCH"]),
            Route("/api/v1/conversations", self.conversations),
            Route("/api/v1/conversations/series", self.series_index),
            *series,
            Route("/api/v1/conversations/{id:path}", self.conversation),
            Route("/api/v1/export", self.export),
        ]

    async def log(self, request: Request) -> Response:
        """Keep a whole transcript."""
        return await self._whole(request, How.LOG)

    async def upsert(self, request: Request) -> Response:
        """Keep a whole transcript, or what it adds to an earlier one."""
        return await self._whole(request, How.UPSERT)

    async def _whole(self, request: Request, how: How) -> Response:
        arrival, lost = await self._prepared(request, how)
        await self._commit.keep(arrival)
        return JSONResponse(wire.StatusResponse(), 201, headers=_warnings(lost))

    async def thread(self, request: Request) -> Response:
        """Append to the thread of that id, or begin one."""
        arrival, lost = await self._prepared(request, How.THREAD)
        receipt = await self._commit.keep(arrival)
        answer = thread_answer(_first_time(arrival, receipt))
        return JSONResponse(answer, 201, headers=_warnings(lost))

    async def patch(self, request: Request) -> Response:
        """Rate messages of a thread, by id or, as the clients send it, from the last one back."""
        project = await self._project(request, Access.INGEST)
        body = await read_body(request)
        patches, in_body = decode_patch(body)
        tenant = tenant_of(request.query_params.get("tenant_id"), in_body)
        id = request.path_params["id"]
        transcript = await self._settled(project, id, tenant)
        ratings = _ratings(transcript, patches)
        rated = Conversation(id=id, tenant=transcript.row.tenant, source=transcript.row.source)
        submission = self._made(project, How.PATCH, rated, request, body)
        arrival, _ = self._ingest.prepare(replace(submission, ratings=ratings))
        await self._commit.keep(arrival)
        return JSONResponse(wire.StatusResponse())

    async def _project(self, request: Request, access: Access) -> Project:
        known = self._keys.remembered(request, access)
        if known is not None:
            return known
        return await self._in_thread(partial(self._keys.project, request, access))

    async def _reader(self, request: Request) -> Reader:
        if self._keys.remembers(request):
            return self._keys.reader(request)
        return await self._in_thread(partial(self._keys.reader, request))

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        """Ingest has threads of its own: reads that wait for a slow store do not hold it up."""
        return await to_thread.run_sync(work, limiter=self._threads)

    async def _prepared(self, request: Request, how: How) -> tuple[Arrival, tuple[str, ...]]:
        project = await self._project(request, Access.INGEST)
        body = await read_body(request)
        understand = partial(self._understood, request, project, how, body)
        # What is large would keep all other requests waiting meanwhile.
        return understand() if len(body) <= INLINE_BYTES_MAX else await self._in_thread(understand)

    def _understood(
        self, request: Request, project: Project, how: How, body: bytes
    ) -> tuple[Arrival, tuple[str, ...]]:
        decoded = decode_log(body)
        tenant = tenant_of(request.query_params.get("tenant_id"), decoded.tenant_id) or ""
        now = self._clock()
        given = conversation_of(decoded, tenant, now, thread=how is How.THREAD)
        return self._ingest.prepare(self._made(project, how, given, request, body, now))

    def _made(
        self,
        project: Project,
        how: How,
        given: Conversation,
        request: Request,
        body: bytes,
        now: datetime | None = None,
    ) -> Submission:
        """The submission with the ids and times that the server makes."""
        return Submission(
            project,
            how,
            given,
            self._new_uid(),
            now or self._clock(),
            _request_key(project, request, body),
        )

    async def conversations(self, request: Request) -> Response:
        """A page of conversations with their messages."""
        reader = await self._reader(request)
        question = question_of(reader, request.query_params, self._clock())
        return JSONResponse(await run_in_threadpool(self._answers.page, question))

    async def conversation(self, request: Request) -> Response:
        """One conversation, with everything that was acknowledged before the question."""
        reader = await self._reader(request)
        project = reader.project
        tenant = reader.tenant(tenant_of(request.query_params.get("tenant_id"), None)) or ""
        transcript = await self._settled(project, request.path_params["id"], tenant)
        answers = await run_in_threadpool(self._answers.conversations, project.id, [transcript])
        return JSONResponse(answers[0])

    async def _settled(self, project: Project, id: str, tenant: str | None) -> Transcript:
        """The transcript, after what is on its way. `tenant` None prefers the top level."""

        def read() -> Transcript | None:
            if not self._delivery.settle(project.id, id, SETTLE_SECONDS_MAX):
                raise Unavailable("the conversation is still on its way, try again")
            return self._reports.conversation(project.id, id, tenant)

        found = await run_in_threadpool(read)
        if found is None:
            raise NotFound(f"no conversation {id!r}", field="id")
        return found

    async def series_index(self, request: Request) -> Response:
        """Which series there are."""
        await self._reader(request)
        return JSONResponse(wire.SeriesIndex(list(SERIES)))

    def _series_of(self, name: str) -> Callable[[Request], Any]:
        async def series(request: Request) -> Response:
            reader = await self._reader(request)
            question = question_of(reader, request.query_params, self._clock())
            buckets = await run_in_threadpool(self._reports.series, question)
            data = {bucket.start.isoformat(): SERIES[name](bucket.totals) for bucket in buckets}
            item = wire.SeriesItem(name, data)
            span = (iso(question.since), iso(question.until))
            return JSONResponse(wire.SeriesResponse([item], name, question.period, *span))

        return series

    async def export(self, request: Request) -> Response:
        """Everything, or all of a tenant, as JSON lines that `causerie import` reads."""
        reader = await self._reader(request)
        asked = tenant_of(request.query_params.get("tenant_id"), None)
        lines = export(self._reports, reader.project, reader.tenant(asked))
        return StreamingResponse(_counted(lines), media_type="application/x-ndjson")


def _counted(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The same lines; how many were sent is noted as they are."""
    for number, line in enumerate(lines, 1):
        note(rows=number, format="jsonl")
        yield line


def _first_time(arrival: Arrival, receipt: Receipt) -> Conversation:
    """The thread with the ids that it got when the request came for the first time."""
    kept = arrival.entry.conversation
    if not receipt.replayed:
        return kept
    id = receipt.uid if kept.id == arrival.uid else kept.id
    return append_ids(msgspec.structs.replace(kept, id=id), receipt.uid)


def _request_key(project: Project, request: Request, body: bytes) -> bytes | None:
    """What a retry has in common with the first try: its id and all that it sends."""
    headers = request.headers
    id = headers.get("idempotency-key") or headers.get("x-ms-client-request-id")
    if not id:
        return None
    said = (project.id, request.method, request.url.path, request.url.query, id)
    key = hashlib.blake2b("\0".join(said).encode(), digest_size=16)
    key.update(b"\0" + body)
    return key.digest()


def _warnings(lost: tuple[str, ...]) -> dict[str, str] | None:
    if not lost:
        return None
    text = "; ".join(lost).encode("ascii", "backslashreplace").decode()
    return {WARNING_HEADER: f"metadata: {text}"[:WARNING_CHARS_MAX]}


def _ratings(transcript: Transcript, patches: list[wire.MessagePatch]) -> dict[str, int]:
    """Message id to rating. Patches without an id rate the last assistant messages, in order."""
    answers = [
        message.id
        for message in transcript.messages
        if message.kind is Kind.MESSAGE and message.role == "assistant"
    ]
    nameless = sum(patch.id is None for patch in patches)
    if nameless > len(answers):
        raise Invalid("messages: more ratings without an id than answers to rate", field="messages")
    targets = iter(answers[len(answers) - nameless :])
    known = {message.id for message in transcript.messages}
    ratings = {}
    for index, patch in enumerate(patches):
        if patch.rating not in (-1, 0, 1):
            raise Invalid(
                f"messages[{index}].rating: -1, 0 or 1 is expected",
                field=f"messages[{index}].rating",
            )
        target = patch.id or next(targets)
        if target not in known:
            raise NotFound(
                f"messages[{index}].id: no message {target!r} in this thread",
                field=f"messages[{index}].id",
            )
        ratings[target] = patch.rating
    return ratings


def question_of(
    reader: Reader,
    query: Mapping[str, str],
    now: datetime,
    per_page: int = PER_PAGE,
    per_page_max: int = PER_PAGE_MAX,
) -> Question:
    """What the read endpoints' parameters ask. Raises Invalid, naming the parameter."""
    project = reader.project
    period = query.get("period", "day")
    if period not in PERIODS:
        raise Invalid("period: day, week or month is expected", field="period")
    # The end is exclusive; what arrived at this very moment is meant by "until now".
    until = _time(query, "end_time", now + timedelta(microseconds=1))
    since = _time(query, "start_time", default_since(until, project.zone))
    if since > until:
        raise Invalid("start_time: after end_time", field="start_time")
    return Question(
        project.id,
        since,
        until,
        tenant=reader.tenant(tenant_of(query.get("tenant_id"), None)) or "",
        period=period,
        page=_count(query, "page", 1, 1_000_000),
        per_page=_count(query, "per_page", per_page, per_page_max),
        zone=project.zone,
    )


def _time(query: Mapping[str, str], name: str, default: datetime) -> datetime:
    text = query.get(name)
    if not text:
        return default
    try:
        # A plus sign that was not escaped arrives as a space.
        stamp = datetime.fromisoformat(
            text.replace(" ", "+", 1) if text.count(" ") == 1 and "T" in text else text
        )
        stamp = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{name}: an ISO 8601 time is expected", field=name) from None
    if not datetime(1970, 1, 1, tzinfo=UTC) <= stamp <= datetime(2200, 1, 1, tzinfo=UTC):
        raise Invalid(f"{name}: between 1970 and 2200 is expected", field=name)
    return stamp


def _count(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name)
    if not text:
        return default
    if not (COUNT.fullmatch(text) and 1 <= int(text) <= most):
        raise Invalid(f"{name}: a number from 1 to {most} is expected", field=name)
    return int(text)
