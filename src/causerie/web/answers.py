"""Conversations as the read API gives them, with what is understood of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from causerie.conversations import Kind, Message
from causerie.discretion import Discretion
from causerie.meaning_reports import MeaningReports
from causerie.meanings import MessageMeaning
from causerie.reports import Page, Question, Reports, Transcript
from causerie.topic_trees import TopicTree
from causerie.web.transcripts import iso
from causerie.wire import contextai as wire

NOTHING: Mapping[str, MessageMeaning] = {}


class Answers:
    """Puts answers together from the stores. Raises Unavailable."""

    def __init__(self, reports: Reports, meanings: MeaningReports, discretion: Discretion) -> None:
        self._reports = reports
        self._meanings = meanings
        self._discretion = discretion

    def tree(self, project: str) -> TopicTree:
        """The topics of a project, for their names."""
        return self._discretion.tree(project)

    def page(self, question: Question) -> wire.ConversationsResponse:
        """A page of conversations with their messages."""
        page = self._reports.conversations(question)
        transcripts = self._reports.transcripts(question.project, page.rows)
        answers = self.conversations(question.project, transcripts)
        return wire.ConversationsResponse(answers, pagination_of(page), page.total)

    def conversations(
        self, project: str, transcripts: Sequence[Transcript]
    ) -> list[wire.ConversationResponse]:
        """Each of them, in order."""
        names = [(one.row.tenant, one.row.id) for one in transcripts]
        meanings = self._meanings.of_conversations(project, names)
        tree = self.tree(project)
        return [
            conversation_answer(one, meanings.get(name, NOTHING), tree)
            for one, name in zip(transcripts, names, strict=True)
        ]


def pagination_of(page: Page[Any]) -> wire.Pagination:
    """Where a page stands among the others."""
    return wire.Pagination(
        total_records=page.total,
        per_page=page.per_page,
        current_page=page.page,
        previous_page=page.page - 1 if page.page > 1 else None,
        next_page=page.page + 1 if page.page < page.pages else None,
        page_count=page.pages,
    )


def conversation_answer(
    transcript: Transcript, meanings: Mapping[str, MessageMeaning], tree: TopicTree
) -> wire.ConversationResponse:
    """A conversation. What is not understood yet is neutral."""
    row = transcript.row
    return wire.ConversationResponse(
        id=row.id,
        tenant_id=row.tenant,
        metadata=row.metadata,
        feedback=row.feedback,
        sentiment_trend=row.trend or "flat",
        topics=_topics(row.topics, tree),
        suggested_topics=_topics(row.suggested, tree),
        messages=[
            _message_answer(message, meanings.get(message.id), tree)
            for message in transcript.messages
        ],
    )


def _topics(ids: Iterable[str], tree: TopicTree) -> list[wire.Topic]:
    known = [id for id in ids if id in tree]
    return [wire.Topic(topic.id, topic.title) for topic in tree.shown(known, len(known))]


def _message_answer(
    message: Message, meaning: MessageMeaning | None, tree: TopicTree
) -> wire.MessageResponse:
    answer = wire.MessageResponse(
        id=message.id,
        type=message.kind.value,
        event_timestamp=iso(message.at),
        role=message.role,
        message=message.text,
        rating=message.rating,
        language=meaning.language if meaning else "und",
        sentiment=(meaning.sentiment if meaning else None) or 0.0,
        topics=_topics(meaning.topics, tree) if meaning else [],
        suggested_topics=_topics([meaning.suggested], tree) if meaning else [],
        metadata=message.metadata,
    )
    if meaning and meaning.translation:
        answer.translation = meaning.translation
    if message.kind is not Kind.MESSAGE:
        answer.name = message.name
    if message.thought or message.kind is Kind.TOOL:
        answer.thought = message.thought
    if message.kind is Kind.TOOL:
        answer.input = msgspec.json.decode(message.input) if message.input else None
        answer.observation = message.observation
    return answer
