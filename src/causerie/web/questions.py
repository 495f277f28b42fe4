"""What a page is asked for, between the address bar and a `reports.Question`.

Addresses hold: days=7|30|90|365|all, or since= and until= (days, both included); period=; user=;
model=; tenant=; meta=key:value, repeated; rating=; language=; mood=; topic=; signal=; text=; sort=;
page=. What cannot be understood falls back to the default, with a sentence that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import quote, unquote, urlencode

from starlette.datastructures import QueryParams

from causerie.conversations import TIMESTAMP_FIRST
from causerie.reports import MOOD_FILTERS, PERIODS, RATINGS, Question
from causerie.topic_trees import NO_TOPICS, TopicTree
from causerie.web.meaning_words import LANGUAGES, MOOD_WORDS, SIGNAL_WORDS
from causerie.zones import DEFAULT_ZONE, day_of, midnight

DAYS_DEFAULT = "30"
DAYS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "12 months", "all": "All time"}
WITHOUT_TENANT = "(none)"
"""Asks for what was logged without a tenant: an empty field in a form means any tenant."""
FILTER_CHARS_MAX = 200
METADATA_FILTERS_MAX = 10
BUCKETS_MAX = 366
PAGES_MAX = 100_000
DAYS_OF_PERIOD = {"day": 1, "week": 7, "month": 28}
WITHOUT_TOPIC = "(none)"
"""Asks for what was understood and is about no topic."""
RATING_WORDS = {"up": "rated up", "down": "rated down", "none": "not rated"}
SPAN = {"days", "since", "until"}
Pairs = tuple[tuple[str, str], ...]

Reach = tuple[datetime, datetime]
"""When the first and the latest conversation of a project began."""


@dataclass(frozen=True)
class Chip:
    """One active filter, in words, and the query without it."""

    words: str
    value: str
    without: str


@dataclass(frozen=True)
class Asked:
    """A question with the words and the addresses that go with it."""

    question: Question
    days: str
    """A key of `DAYS`, or empty for days of one's own."""
    span: Pairs
    """The parameters that choose the time."""
    filters: Pairs
    """The parameters that choose conversations within it."""
    period: str = ""
    """The period asked for; empty when it follows from the span."""
    notices: tuple[str, ...] = ()
    topic: str = ""
    """The name of the topic asked for."""

    @property
    def carry(self) -> str:
        """The query that keeps time and filters on another page."""
        return _query(self.span + self.filters)

    @property
    def compares(self) -> bool:
        """Whether there is a span before this one to compare with."""
        return self.days != "all"

    @property
    def span_words(self) -> str:
        """The span as it stands in a sentence, after "in" or "from"."""
        if self.days == "all":
            return "all time"
        if self.days:
            return f"the last {DAYS[self.days]}"
        first, last = self.first_day, self.last_day
        return _day(first) if first == last else f"{_day(first)} to {_day(last)}"

    @property
    def first_day(self) -> date:
        """The first day of the span."""
        return self.question.first_day

    @property
    def last_day(self) -> date:
        """The last day of the span."""
        return self.question.last_day

    @property
    def every(self) -> Pairs:
        """All parameters but the page."""
        order = (("period", self.period), ("sort", self.question.sort))
        return self.span + self.filters + tuple(pair for pair in order if pair[1])

    def query(self, **changes: str) -> str:
        """The same page with some parameters changed, or left out where empty."""
        return _changed(self.every, changes)

    def door(self, **changes: str) -> str:
        """The query of the conversations behind a number: time and filters, some changed."""
        return _changed(self.span + self.filters, changes)

    def query_with(self, key: str, value: str) -> str:
        """The same question, for conversations with this metadata as well."""
        return _query((*self.span, *dict.fromkeys((*self.filters, ("meta", pack(key, value))))))

    def query_between(self, since: date, until: date) -> str:
        """The same question about some whole days; `until` is not included."""
        return self.door(since=since.isoformat(), until=(until - timedelta(days=1)).isoformat())

    def hidden(self, *names: str) -> Pairs:
        """What a form must send along, besides the fields of these names that it shows."""
        return tuple(pair for pair in self.every if pair[0] not in names)

    def chips(self) -> list[Chip]:
        """The active filters, in the order of a sentence."""
        return [self._chip(pair) for pair in self.filters]

    def _chip(self, pair: tuple[str, str]) -> Chip:
        rest = tuple(other for other in self.filters if other != pair)
        without = _query(self.span + rest)
        name, value = pair
        if name == "meta":
            key, text = unpack(value)
            return Chip(f"with {key}", text, without)
        if name == "rating":
            return Chip("", RATING_WORDS[value], without)
        if name == "tenant" and value == WITHOUT_TENANT:
            return Chip("", "without a tenant", without)
        if name in ("mood", "signal"):
            told = MOOD_WORDS if name == "mood" else SIGNAL_WORDS
            return Chip("", told[value], without)
        if name == "language":
            return Chip("in", LANGUAGES[value], without)
        if name == "topic":
            return Chip("about", self.topic, without)
        words = {"user": "by", "model": "answered by", "tenant": "of tenant", "text": "saying"}
        return Chip(words[name], f"“{value}”" if name == "text" else value, without)


def parse(
    project: str,
    given: QueryParams,
    now: datetime,
    reach: Callable[[], Reach | None],
    *,
    sorts: tuple[str, ...] = (),
    per_page: int = 25,
    tree: TopicTree = NO_TOPICS,
    zone: str = DEFAULT_ZONE,
) -> Asked:
    """The question in an address. `reach` tells what "all" means, `tree` which topics there are,
    `zone` whose days are meant.
    """
    notices: list[str] = []
    # To the end of this minute: what arrives while somebody looks is in, and so is a client whose
    # clock is a few seconds fast.
    end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    days, span, since, until = _span(given, end, reach, zone, notices)
    filters = _filters(given, tree, notices)
    topic = dict(filters).get("topic", "")
    period, chosen = _period(given.get("period", ""), since, until, notices)
    question = Question(
        project=project,
        since=since,
        until=until,
        tenant=_tenant(dict(filters).get("tenant")),
        user=dict(filters).get("user", ""),
        model=dict(filters).get("model", ""),
        metadata=tuple(unpack(value) for name, value in filters if name == "meta"),
        rating=dict(filters).get("rating", ""),
        text=dict(filters).get("text", ""),
        language=dict(filters).get("language", ""),
        mood=dict(filters).get("mood", ""),
        topics=_members(topic, tree),
        signal=dict(filters).get("signal", ""),
        period=chosen,
        sort=_one_of(given.get("sort", ""), sorts, "order", notices),
        page=_page(given.get("page", ""), notices),
        per_page=per_page,
        zone=zone,
    )
    name = "no topic" if topic == WITHOUT_TOPIC else tree.title(topic)
    return Asked(question, days, span, filters, period, tuple(notices), topic and name)


def _span(
    given: QueryParams,
    now: datetime,
    reach: Callable[[], Reach | None],
    zone: str,
    notices: list[str],
) -> tuple[str, Pairs, datetime, datetime]:
    if given.get("since") or given.get("until"):
        own = _own_days(given, now, zone, notices)
        if own is not None:
            return own
    days = given.get("days", "")
    if days not in DAYS:
        if days:
            notices.append(f"“{_short(days)}” is not a time span; these are the last 30 days.")
        days = DAYS_DEFAULT
    span = () if days == DAYS_DEFAULT else (("days", days),)
    if days == "all":
        first, latest = reach() or (now, now)
        end = midnight(day_of(latest, zone) + timedelta(days=1), zone)
        return days, span, midnight(day_of(first, zone), zone), min(end, now)
    return days, span, midnight(day_of(now, zone) - timedelta(days=int(days) - 1), zone), now


def _own_days(
    given: QueryParams, now: datetime, zone: str, notices: list[str]
) -> tuple[str, Pairs, datetime, datetime] | None:
    today = day_of(now, zone)
    last = _date(given.get("until", ""), today, notices)
    since = _date(given.get("since", ""), last - timedelta(days=29) if last else None, notices)
    if last is None or since is None:
        return None
    if since > last:
        notices.append("The first day is after the last; they were swapped.")
        since, last = last, since
    if since > today:
        notices.append("These days are still to come; these are the last 30 days.")
        return None
    until = min(midnight(last + timedelta(days=1), zone), now)
    pairs = (("since", since.isoformat()), ("until", last.isoformat()))
    return "", pairs, midnight(since, zone), until


def _date(text: str, default: date | None, notices: list[str]) -> date | None:
    if not text:
        return default
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not TIMESTAMP_FIRST.date() <= found <= date(2200, 1, 1):
        notices.append(f"“{_short(text)}” is not a day such as 2024-03-09; it was left out.")
        return None
    return found


def _filters(given: QueryParams, tree: TopicTree, notices: list[str]) -> Pairs:
    found: list[tuple[str, str]] = []
    for name in ("user", "model", "tenant"):
        found += _text(name, given.get(name, ""), notices)
    found += _metadata(given, notices)
    for name, allowed in (
        ("rating", RATINGS),
        ("language", LANGUAGES),
        ("mood", MOOD_FILTERS),
        ("topic", {WITHOUT_TOPIC, *tree.topics}),
        ("signal", SIGNAL_WORDS),
    ):
        value = _one_of(given.get(name, ""), allowed, name, notices)
        found += [(name, value)] if value else []
    return (*found, *_text("text", given.get("text", "").strip(), notices))


def _text(name: str, value: str, notices: list[str]) -> list[tuple[str, str]]:
    if "\x00" in value:
        notices.append(f"The filter by {name} held a character that no text has; it was left out.")
        return []
    if len(value) > FILTER_CHARS_MAX:
        notices.append(f"The filter by {name} was cut at {FILTER_CHARS_MAX} characters.")
    return [(name, value[:FILTER_CHARS_MAX])] if value else []


def _metadata(given: QueryParams, notices: list[str]) -> list[tuple[str, str]]:
    values = given.getlist("meta")
    if given.get("key"):
        # The form's two fields, which become one parameter of every link.
        values.append(pack(given["key"].strip(), given.get("value", "").strip()))
    found: dict[str, None] = {}
    for value in values:
        key, colon, _ = value.partition(":")
        if not key or not colon or "\x00" in value or len(value) > FILTER_CHARS_MAX:
            notices.append(f"“{_short(value)}” is not metadata as key:value; it was left out.")
        else:
            found[value] = None
    if len(found) > METADATA_FILTERS_MAX:
        notices.append(f"Only the first {METADATA_FILTERS_MAX} filters by metadata were used.")
    return [("meta", value) for value in list(found)[:METADATA_FILTERS_MAX]]


def pack(key: str, value: str) -> str:
    """Metadata as one parameter; a colon in the key is escaped."""
    return f"{key.replace('%', '%25').replace(':', '%3A')}:{value}"


def unpack(packed: str) -> tuple[str, str]:
    """The key and value of a metadata parameter."""
    key, _, value = packed.partition(":")
    return unquote(key), value


def _members(topic: str, tree: TopicTree) -> tuple[str, ...]:
    """The ids that count for a topic, as conversations carry them."""
    if topic == WITHOUT_TOPIC:
        return ("",)
    return tree.members(topic) if topic else ()


def _tenant(value: str | None) -> str | None:
    return "" if value == WITHOUT_TENANT else value


def _period(text: str, since: datetime, until: datetime, notices: list[str]) -> tuple[str, str]:
    """The period asked for, and the one to use: never more buckets than a chart can show."""
    asked = _one_of(text, PERIODS, "period", notices)
    days = (until - since) / timedelta(days=1)
    fitting = "day" if days <= 45 else "week" if days <= 400 else "month"
    if not asked:
        return "", fitting
    if days / DAYS_OF_PERIOD[asked] > BUCKETS_MAX:
        notices.append(f"The span is too long for a bar per {asked}; these are bars per {fitting}.")
        return "", fitting
    return asked, asked


def _one_of(value: str, allowed: Container[str], what: str, notices: list[str]) -> str:
    if not value or value in allowed:
        return value
    notices.append(f"“{_short(value)}” is not a {what} known here; it was left out.")
    return ""


def _page(text: str, notices: list[str]) -> int:
    if not text:
        return 1
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= PAGES_MAX:
        return int(text[:9])
    notices.append(f"“{_short(text)}” is not a page number; this is the first page.")
    return 1


def _changed(pairs: Pairs, changes: dict[str, str]) -> str:
    dropped = set(changes) | (SPAN if not SPAN.isdisjoint(changes) else set())
    kept = tuple(pair for pair in pairs if pair[0] not in dropped)
    return _query(kept + tuple((name, value) for name, value in changes.items() if value))


def _query(pairs: Pairs) -> str:
    return f"?{urlencode(pairs, safe=':/', quote_via=quote)}" if pairs else ""


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def _day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"
