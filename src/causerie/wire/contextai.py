"""The shapes of the Context service's API, as its clients send and read them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class MessageIn(Struct):
    """A chat message, a tool call or an event. `input` and metadata values may be any JSON."""

    type: str | None = None
    role: str | None = None
    message: str | UnsetType | None = UNSET
    event_timestamp: str | None = None
    rating: int | None = None
    metadata: dict[str, Any] | None = None
    name: str | None = None
    thought: str | None = None
    input: Any = None
    observation: Any = None


class ConversationIn(Struct):
    """A transcript, or what is to be appended to a thread."""

    messages: list[MessageIn] | None = None
    metadata: dict[str, Any] | None = None
    feedback: str | None = None
    id: str | int | None = None


class LogBody(Struct):
    """Body of log, upsert and thread."""

    conversation: ConversationIn
    tenant_id: str | int | None = None


class MessagePatch(Struct):
    """One message of a thread to be rated; the clients' own model has no `id`."""

    rating: int
    id: str | None = None


class PatchBody(Struct):
    """The documented body of a thread patch; the clients send the bare list."""

    messages: list[MessagePatch]
    tenant_id: str | int | None = None


class Appended(Struct):
    """A message of a thread as the answer tells it; `rating` is a word here only."""

    id: str
    role: str
    message: str
    rating: str


class ThreadData(Struct):
    """The thread and what was appended."""

    id: str
    appended_messages: list[Appended]


class ThreadResponse(Struct):
    """Answer to a thread append."""

    status: str
    data: ThreadData


class StatusResponse(Struct):
    """Answer to log, upsert and patch."""

    status: str = "ok"


class Topic(Struct):
    """A topic of a message or conversation."""

    id: str
    name: str


class MessageResponse(Struct):
    """A message as the read API gives it."""

    id: str
    type: str
    event_timestamp: str
    role: str
    message: str
    rating: int
    language: str
    sentiment: float
    topics: list[Topic]
    suggested_topics: list[Topic]
    metadata: dict[str, str]
    name: str | UnsetType = UNSET
    thought: str | UnsetType = UNSET
    input: Any = UNSET
    observation: str | UnsetType = UNSET
    translation: str | UnsetType = UNSET


class ConversationResponse(Struct):
    """A conversation as the read API gives it."""

    id: str
    tenant_id: str
    metadata: dict[str, str]
    feedback: str
    sentiment_trend: str
    topics: list[Topic]
    suggested_topics: list[Topic]
    messages: list[MessageResponse]


class Pagination(Struct):
    """Where in the list a page stands."""

    total_records: int
    per_page: int
    current_page: int
    previous_page: int | None
    next_page: int | None
    page_count: int


class ConversationsResponse(Struct):
    """A page of conversations; `count` is for readers of the service's documentation."""

    conversations: list[ConversationResponse]
    pagination: Pagination
    count: int


class TopicWithSamples(Struct):
    """A topic with some of its conversations."""

    id: str
    name: str
    conversations_sample: list[ConversationResponse]


class TopicsResponse(Struct):
    """A page of suggested topics."""

    topics: list[TopicWithSamples]
    pagination: Pagination


class SuggestedTopicsResponse(Struct):
    """The same as the service's documentation shows it."""

    count: int
    topics: list[TopicWithSamples]


class TopicStatistics(Struct):
    """What there is to count of a topic; null where nothing is known."""

    conversation_count: int
    user_message_count: int
    assistant_message_count: int
    mean_sentiment: float | None
    mean_user_rating: float | None


class TopicStatisticsResponse(Struct):
    """Answer of the statistics endpoint."""

    topic: Topic
    statistics: TopicStatistics


class SeriesItem(Struct):
    """One line of a series: a number per bucket, or null where there is none."""

    name: str
    data: dict[str, float | int | None]


class SeriesResponse(Struct):
    """Answer of the series endpoints."""

    series: list[SeriesItem]
    type: str
    period: str
    start_time: str
    end_time: str


class SeriesIndex(Struct):
    """Which series there are."""

    available: list[str]


class ErrorBody(Struct):
    """What went wrong, as the clients show it: "(code) message"."""

    code: str
    message: str
    field: str | UnsetType = UNSET


class ErrorResponse(Struct):
    """Body of every answer that is not a success."""

    error: ErrorBody
