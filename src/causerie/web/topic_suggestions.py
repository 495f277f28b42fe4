"""The Context service's endpoints of suggested topics, as its clients of early 2024 ask them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.errors import NotFound
from causerie.reports import Page, Question, Reports
from causerie.topics import Topic, TopicKind
from causerie.web.answers import Answers, pagination_of
from causerie.web.contextai import question_of
from causerie.web.edge import JSONResponse, Keys, Reader
from causerie.wire import contextai as wire

SAMPLES = 3
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class TopicSuggestions:
    """Topics that were found, with samples, conversations and statistics."""

    def __init__(
        self,
        keys: Keys,
        reports: Reports,
        answers: Answers,
        clock: Callable[[], datetime],
    ) -> None:
        self._keys = keys
        self._reports = reports
        self._answers = answers
        self._clock = clock

    def routes(self) -> list[Route]:
        """Rows 15 to 18 of the service's endpoint table."""
        return [
            Route("/api/v1/topic_suggestions", self.topics),
            Route("/api/v1/topic_suggestions/{id}/conversations", self.conversations),
            Route("/api/v1/topic_suggestions/{id}/statistics", self.statistics),
            Route("/api/v1/suggested_topics", self.suggested),
        ]

    async def topics(self, request: Request) -> Response:
        """A page of topics, each with some of its latest conversations."""
        page = await self._page(request, "page")
        return JSONResponse(wire.TopicsResponse(page.rows, pagination_of(page)))

    async def suggested(self, request: Request) -> Response:
        """The same as the service's documentation has it; the page's number is `path` there."""
        name = "path" if "path" in request.query_params else "page"
        page = await self._page(request, name)
        return JSONResponse(wire.SuggestedTopicsResponse(page.total, page.rows))

    async def _page(self, request: Request, name: str) -> Page[wire.TopicWithSamples]:
        reader = await self._reader(request)
        given = {**request.query_params, "page": request.query_params.get(name, "")}
        question = question_of(reader, given, self._clock())
        return await run_in_threadpool(self._with_samples, question)

    async def _reader(self, request: Request) -> Reader:
        return await run_in_threadpool(self._keys.reader, request)

    def _with_samples(self, question: Question) -> Page[wire.TopicWithSamples]:
        tree = self._answers.tree(question.project)
        found = sorted(
            (topic for topic in tree.topics.values() if _is_suggested(topic)),
            key=lambda topic: (-topic.definition.size, topic.id),
        )
        first = (question.page - 1) * question.per_page
        shown = found[first : first + question.per_page]
        # A topic of few users shows nothing that they said.
        parts = {topic.id: tree.members(topic.id) for topic in shown if not topic.is_small}
        samples = self._samples(replace(question, since=BEGINNING), parts)
        rows = [
            wire.TopicWithSamples(topic.id, topic.title, samples.get(topic.id, []))
            for topic in shown
        ]
        return Page(rows, len(found), question.page, question.per_page)

    def _samples(
        self, question: Question, parts: Mapping[str, tuple[str, ...]]
    ) -> dict[str, list[wire.ConversationResponse]]:
        """Some of the latest conversations of each topic, all of them read at once."""
        latest = self._reports.latest_of_topics(question, parts, SAMPLES)
        rows = {(row.tenant, row.id): row for found in latest.values() for row in found}
        transcripts = self._reports.transcripts(question.project, list(rows.values()))
        answers = self._answers.conversations(question.project, transcripts)
        said = dict(zip(rows, answers, strict=True))
        return {
            topic: [said[row.tenant, row.id] for row in found] for topic, found in latest.items()
        }

    async def conversations(self, request: Request) -> Response:
        """A page of the conversations about a topic."""
        _, question = await self._asked(request)
        return JSONResponse(await run_in_threadpool(self._answers.page, question))

    async def statistics(self, request: Request) -> Response:
        """What there is to count of a topic. Without a start, since the beginning."""
        topic, question = await self._asked(request)
        if "start_time" not in request.query_params:
            question = replace(question, since=BEGINNING)
        totals = await run_in_threadpool(self._reports.totals, question)
        statistics = wire.TopicStatistics(
            conversation_count=totals.conversations,
            user_message_count=totals.user_messages,
            assistant_message_count=totals.assistant_messages,
            mean_sentiment=totals.sentiment,
            mean_user_rating=totals.rating,
        )
        answer = wire.TopicStatisticsResponse(wire.Topic(topic.id, topic.title), statistics)
        return JSONResponse(answer)

    async def _asked(self, request: Request) -> tuple[Topic, Question]:
        """The topic of the address, and the question about its conversations. Raises NotFound."""
        reader = await self._reader(request)
        question = question_of(reader, request.query_params, self._clock())
        tree = await run_in_threadpool(self._answers.tree, reader.project.id)
        id = request.path_params["id"]
        topic = tree.topics.get(id)
        if topic is None or topic.kept:
            raise NotFound(f"no suggested topic {id[:100]!r}", field="id")
        return topic, replace(question, topics=tree.members(id))


def _is_suggested(topic: Topic) -> bool:
    """Whether it is one to show: not hidden, asleep, or part of another."""
    return (
        topic.kind is TopicKind.SUGGESTED
        and not topic.hidden
        and not topic.dormant
        and not topic.merged_into
        and bool(topic.definition.parent or topic.definition.size)
    )
