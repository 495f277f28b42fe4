"""The read path: a Question goes to a named statement, its rows come back as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Generic, Self, TypeVar

from causerie import visits
from causerie.buckets import WHOLE, bucket_starts, spans
from causerie.conditions import NO_CONDITIONS, Conditions, by_key
from causerie.conversations import Kind, Message
from causerie.meanings import MOOD_MARGIN, MOODS
from causerie.search_words import wanted
from causerie.store.events import EventStore
from causerie.zones import DEFAULT_ZONE, day_of, days_before, days_between, midnight

DEFAULT_DAYS = 6
PER_PAGE_MAX = 100
PERIODS = ("day", "week", "month")
RATINGS = ("", "up", "down", "none")
MOOD_FILTERS = ("", *MOODS, "up", "down")
"""How a conversation was, or where its mood went."""
CONVERSATION_SORTS = ("newest", "oldest", "longest", "rating", "mood")
Row = TypeVar("Row")
USER_SORTS = ("last", "newest", "messages", "conversations", "rating", "mood")


@dataclass(frozen=True)
class Question:
    """What is asked: whose conversations, from when to when, which of them."""

    project: str
    since: datetime
    until: datetime
    """Exclusive."""
    tenant: str | None = ""
    """None means every tenant; the empty string those logged without one."""
    user: str = ""
    conversation: str = ""
    """The id of one."""
    model: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    """Of several values of one key any, of several keys all."""
    rating: str = ""
    text: str = ""
    """Words that were said, as `search_words` takes them."""
    language: str = ""
    mood: str = ""
    """One of `MOOD_FILTERS`."""
    topics: tuple[str, ...] = ()
    """Ids as they are kept, any of them: those of a theme are all that are in it. The empty id is
    what is about no topic.
    """
    signal: str = ""
    standing: str = ""
    """One of `visits.Standing`: what people were on the day of a conversation; empty for any."""
    conditions: Conditions = NO_CONDITIONS
    """What else; where one value is asked for above, several of the same do not count."""
    period: str = "day"
    sort: str = ""
    page: int = 1
    per_page: int = 20
    zone: str = DEFAULT_ZONE
    """The name of the time zone whose days, weeks and months are meant."""

    @property
    def first_day(self) -> date:
        """The first day of the span."""
        return day_of(self.since, self.zone)

    @property
    def last_day(self) -> date:
        """The last day of the span."""
        return day_of(self.until - timedelta(microseconds=1), self.zone)

    def previous(self) -> Self:
        """The same question some whole days earlier: the same hours of as many days.

        A span that ends now, in mid-day, is compared with one that ended at this hour too.
        """
        days = days_between(self.since, self.until, self.zone)
        return replace(
            self,
            since=days_before(self.since, days, self.zone),
            until=days_before(self.until, days, self.zone),
        )

    def of_both_spans(self) -> dict[str, Any]:
        """The question together with the previous one, as statements of both bind it."""
        before = self.previous()
        both = replace(self, since=before.since).parameters()
        return {**both, "began_64": self.since, "ended_64": before.until}

    def starts(self) -> list[date]:
        """The first days of all buckets that the span touches."""
        return list(bucket_starts(self.since, self.until, self.period, self.zone))

    def parameters(self) -> dict[str, Any]:
        """The question as the statements bind it."""
        said = wanted(self.text)
        return {
            "project": self.project,
            # The driver keeps the fraction of a second only of names that end so.
            "since_64": self.since,
            "until_64": self.until,
            "every_tenant": self.tenant is None,
            "tenant": self.tenant or "",
            # No message or call of a conversation is older than its start.
            "earliest_64": self.since,
            "users": _any_of(self.user, self.conditions.users),
            "conversation": self.conversation,
            "models": _any_of(self.model, self.conditions.models),
            "keys": list(by_key(self.metadata)),
            "values": list(by_key(self.metadata).values()),
            "ratings": _any_of(self.rating, self.conditions.ratings),
            "said": said.patterns,
            "unsaid": said.without_patterns,
            "languages": _any_of(self.language, self.conditions.languages),
            "moods": _any_of(self.mood, self.conditions.moods),
            "margin": MOOD_MARGIN,
            "topics": list(self.topics),
            "signals": _any_of(self.signal, self.conditions.signals),
            "standing": self.standing,
            **visits.parameters(),
            **self.conditions.parameters(),
            "period": self.period,
            "zone": self.zone,
            "sort": self.sort,
            "limit": self.per_page,
            "offset": (self.page - 1) * self.per_page,
        }


@dataclass(frozen=True)
class Totals:
    """Sums over conversations that began within a span."""

    conversations: int = 0
    messages: int = 0
    user_messages: int = 0
    assistant_messages: int = 0
    users: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    sentiment: float | None = None
    """Mean over user messages, -1 to 1; None until it is computed."""
    scored: int = 0
    """How many user messages that mean is over."""
    felt: int = 0
    """How many conversations they are in."""
    spread: float | None = None
    """Variance of the means of those conversations; None under two."""

    @property
    def rated(self) -> int:
        """How many messages carry a thumb."""
        return self.thumbs_up + self.thumbs_down

    @property
    def rating(self) -> float | None:
        """Mean thumb, -1 to 1; None where nobody rated."""
        return (self.thumbs_up - self.thumbs_down) / self.rated if self.rated else None


@dataclass(frozen=True)
class Bucket:
    """The totals of one day, week or month that starts on `start`."""

    start: date
    totals: Totals


@dataclass(frozen=True)
class Overview:
    """Now against the span before."""

    now: Totals
    before: Totals
    series: list[Bucket]
    series_before: list[Bucket]


@dataclass(frozen=True)
class ConversationRow:
    """A conversation as lists show it."""

    id: str
    tenant: str
    started_at: datetime
    ended_at: datetime
    user: str
    model: str
    metadata: dict[str, str]
    feedback: str
    source: str
    preview: str
    messages: int
    user_messages: int
    assistant_messages: int
    tools: int
    events: int
    thumbs_up: int
    thumbs_down: int
    language: str
    sentiment: float | None
    """Mean over its user messages, -1 to 1; None until it is computed."""
    scored: int
    trend: str
    """Where its mood went: up, flat, down, or empty where that is not known."""
    signals: list[str]
    topics: list[str]
    """Ids of kept topics, the most frequent first."""
    suggested: list[str]
    """Ids of suggested topics, the most frequent first."""


@dataclass(frozen=True)
class Transcript:
    """A conversation with all that was said."""

    row: ConversationRow
    messages: list[Message]


@dataclass(frozen=True)
class UserRow:
    """A user as the users table shows them; `messages` are those they sent."""

    user: str
    tenant: str
    conversations: int
    messages: int
    thumbs_up: int
    thumbs_down: int
    first_seen: datetime
    last_seen: datetime
    sentiment: float | None = None
    scored: int = 0
    languages: tuple[str, ...] = ()
    """That they talked in, the most frequent first."""

    @property
    def rating(self) -> float | None:
        """Mean thumb, -1 to 1; None where they never rated."""
        rated = self.thumbs_up + self.thumbs_down
        return (self.thumbs_up - self.thumbs_down) / rated if rated else None


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of `total`, which may be more."""

    rows: list[Row]
    total: int
    page: int
    per_page: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.per_page))


@dataclass(frozen=True)
class FilterValues:
    """What a project's conversations can be filtered by, most used first."""

    models: list[str]
    tenants: list[str]
    metadata_keys: list[str]
    languages: list[str]
    sources: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    endpoints: list[str] = field(default_factory=list)
    evaluators: list[str] = field(default_factory=list)
    """Online ones that have said something."""


@dataclass(frozen=True)
class Extent:
    """What a project has in all: how much, and when the first and the latest began."""

    conversations: int
    first: datetime | None
    latest: datetime | None


class Reports:
    """Every report, by name. Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def overview(self, question: Question) -> Overview:
        """Totals and series of the span and of the one before it."""
        rows = self._events.select("reports/spans", question.of_both_spans())
        now, before = spans(rows, _totals)
        return Overview(
            now.get(WHOLE, Totals()),
            before.get(WHOLE, Totals()),
            _buckets(question, now),
            _buckets(question.previous(), before),
        )

    def totals(self, question: Question) -> Totals:
        """One set of sums."""
        return _totals(self._events.select("reports/totals", question.parameters())[0])

    def series(self, question: Question) -> list[Bucket]:
        """A bucket for every day, week or month of the span, empty ones too, in order."""
        rows = self._events.select("reports/series", question.parameters())
        return _buckets(question, {row["bucket"]: _totals(row) for row in rows})

    def conversations(self, question: Question) -> Page[ConversationRow]:
        """A page of conversations."""
        keys = self._events.select("reports/conversations", question.parameters())
        if not keys:
            total = self.totals(question).conversations if question.page > 1 else 0
            return Page([], total, question.page, question.per_page)
        names = [(key["tenant"], key["id"]) for key in keys]
        starts = [key["started_at"] for key in keys]
        rows = self.named(question.project, names, min(starts), max(starts))
        total = int(keys[0]["total"])
        return Page(rows, total, question.page, question.per_page)

    def latest_of_topics(
        self, question: Question, topics: Mapping[str, Sequence[str]], count: int
    ) -> dict[str, list[ConversationRow]]:
        """The `count` latest conversations about each of some topics, given with their parts."""
        every = {part for parts in topics.values() for part in parts}
        asked = replace(question, topics=tuple(sorted(every)))
        among = {"names": list(topics), "parts": [list(parts) for parts in topics.values()]}
        parameters = {**asked.parameters(), **among, "count": count}
        keys = self._events.select("reports/latest_of_topics", parameters) if every else []
        names = [(key["tenant"], key["id"]) for key in keys]
        starts = [key["started_at"] for key in keys]
        rows = self.named(question.project, names, min(starts), max(starts)) if keys else []
        found = {(row.tenant, row.id): row for row in rows}
        latest: dict[str, list[ConversationRow]] = {topic: [] for topic in topics}
        for key in keys:
            row = found.get((key["tenant"], key["id"]))
            if row is not None:
                latest[key["topic"]].append(row)
        return latest

    def named(
        self, project: str, names: Sequence[tuple[str, str]], since: datetime, until: datetime
    ) -> list[ConversationRow]:
        """Conversations that began within a span, its end included, each named by (tenant, id)."""
        if not names:
            return []
        parameters = {
            "project": project,
            "since_64": since,
            "until_64": until,
            "tenants": sorted({tenant for tenant, _ in names}),
            "ids": sorted({id for _, id in names}),
        }
        found = {
            (row["tenant"], row["id"]): ConversationRow(**row)
            for row in self._events.select("reports/rows", parameters)
        }
        # A conversation whose start moved since it was named comes with the next question.
        return [found[name] for name in names if name in found]

    def conversation(self, project: str, id: str, tenant: str | None) -> Transcript | None:
        """One transcript. Without a tenant (None) the top-level one of that id comes first."""
        parameters = {"project": project, "id": id, **_of_tenant(tenant)}
        rows = self._events.select("reports/conversation", parameters)
        if not rows:
            return None
        return self.transcripts(project, [ConversationRow(**rows[0])])[0]

    def transcripts(self, project: str, rows: Sequence[ConversationRow]) -> list[Transcript]:
        """The same conversations with what was said in them."""
        spoken = messages_of(self._events, project, [(row.tenant, row.id) for row in rows])
        return [Transcript(row, spoken.get((row.tenant, row.id), [])) for row in rows]

    def users(self, question: Question) -> Page[UserRow]:
        """A page of users."""
        rows = self._events.select("reports/users", question.parameters())
        total = int(rows[0]["total"]) if rows else 0
        found = [_user(row) for row in rows]
        return Page(found, total, question.page, question.per_page)

    def values(self, project: str) -> FilterValues:
        """What the project's conversations can be filtered by."""
        dimensions = ("model", "tenant", "metadata", "language", "source", "event", "endpoint")
        found: dict[str, list[str]] = {name: [] for name in (*dimensions, "evaluation")}
        for row in self._events.select("reports/values", {"project": project}):
            found[row["dimension"]].append(row["value"])
        return FilterValues(*found.values())

    def extent(self, project: str, tenant: str | None = None) -> Extent:
        """How many conversations the project has, or a tenant of it, from when to when."""
        parameters = {"project": project, **_of_tenant(tenant)}
        row = self._events.select("reports/extent", parameters)[0]
        if not row["conversations"]:
            return Extent(0, None, None)
        return Extent(int(row["conversations"]), row["first"], row["latest"])

    def first(self, project: str, tenant: str | None = None) -> datetime | None:
        """When the first conversation of the project, or of a tenant of it, began."""
        rows = self._events.select("reports/first", {"project": project, **_of_tenant(tenant)})
        return rows[0]["first"] if rows else None

    def known(self, project: str) -> int:
        """How many conversations the project has in all."""
        return int(self._events.select("reports/known", {"project": project})[0]["conversations"])


def _of_tenant(tenant: str | None) -> dict[str, Any]:
    return {"every_tenant": tenant is None, "tenant": tenant or ""}


def _any_of(value: str, values: tuple[str, ...]) -> list[str]:
    return [value] if value else list(values)


def messages_of(
    events: EventStore, project: str, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[Message]]:
    """What was said in some conversations, each named by (tenant, id)."""
    wanted = set(keys)
    found: dict[tuple[str, str], list[Message]] = {}
    parameters = {
        "project": project,
        "tenants": sorted({tenant for tenant, _ in wanted}),
        "ids": sorted({id for _, id in wanted}),
    }
    for row in events.select("reports/transcripts", parameters) if wanted else ():
        key = (row.pop("tenant"), row.pop("conversation"))
        if key in wanted:
            row |= {"kind": Kind(row["kind"]), "masked": tuple(row["masked"])}
            found.setdefault(key, []).append(Message(**row))
    return found


def _user(row: dict[str, Any]) -> UserRow:
    row.pop("total")
    sentiment, scored = row.pop("mood"), row.pop("scored_messages")
    spoken = tuple(language for language in row.pop("languages") if language)
    return UserRow(**row, sentiment=sentiment if scored else None, scored=scored, languages=spoken)


def _buckets(question: Question, found: Mapping[date | None, Totals]) -> list[Bucket]:
    return [Bucket(start, found.get(start, Totals())) for start in question.starts()]


def _totals(row: Mapping[str, Any]) -> Totals:
    names = (
        "conversations",
        "messages",
        "user_messages",
        "assistant_messages",
        "users",
        "thumbs_up",
        "thumbs_down",
    )
    return Totals(
        **{name: int(row[name]) for name in names},
        sentiment=mean(row["feeling"], row["scored_messages"]),
        scored=int(row["scored_messages"]),
        felt=int(row["felt"]),
        spread=row["spread"] if row["felt"] > 1 else None,
    )


def mean(total: float | None, of: int) -> float | None:
    """What a sum comes to; None where it is of nothing."""
    return None if total is None or not of else float(total) / of


def default_since(now: datetime, zone: str = DEFAULT_ZONE) -> datetime:
    """The start of the day six days ago: seven days with today."""
    return midnight(day_of(now, zone) - timedelta(days=DEFAULT_DAYS), zone)
