"""What a page is asked for, between the address bar and a `reports.Question`.

Addresses hold: days=7|30|90|365|all, or since= and until= (days, both included); period=; sort=;
page=; and the filters that `filters.ORDER` names. What cannot be understood falls back to the
default, with a sentence that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

from causerie.conversations import TIMESTAMP_FIRST
from causerie.reports import PERIODS, Question
from causerie.topic_trees import NO_TOPICS, TopicTree
from causerie.web.chips import chip_words, is_one_of
from causerie.web.filters import (
    WITHOUT_TENANT,
    WITHOUT_TOPIC,
    Pairs,
    conditions_of,
    members,
    of_name,
    one_of,
    pack,
    read_filters,
    short,
    unpack,
)
from causerie.wording import say, say_in
from causerie.zones import DEFAULT_ZONE, day_of, midnight

DAYS_DEFAULT = "30"
DAYS = {
    "7": say("7 days"),
    "30": say("30 days"),
    "90": say("90 days"),
    "365": say("12 months"),
    "all": say("All time"),
}
IN_LAST = {
    "7": say("in the last 7 days"),
    "30": say("in the last 30 days"),
    "90": say("in the last 90 days"),
    "365": say("in the last 12 months"),
}
BEFORE = {
    "7": say("in the 7 days before"),
    "30": say("in the 30 days before"),
    "90": say("in the 90 days before"),
    "365": say("in the 12 months before"),
}
PERIOD_WORDS = {"day": say("Day"), "week": say("Week"), "month": say("Month")}
BY_PERIOD = {"day": say("by day"), "week": say("by week"), "month": say("by month")}
BUCKETS_MAX = 366
PAGES_MAX = 100_000
DAYS_OF_PERIOD = {"day": 1, "week": 7, "month": 28}
SPAN = {"days", "since", "until"}

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
    titles: Mapping[str, str] = field(default_factory=dict)
    """The names of the topics asked for, by id."""
    held: Pairs = ()
    """The filters that nobody can take away, and that need not be told."""

    @property
    def carry(self) -> str:
        """The query that keeps time and filters on another page."""
        return _query(self.span + self.filters)

    @property
    def compares(self) -> bool:
        """Whether there is a span before this one to compare with."""
        return self.days != "all"

    @property
    def when(self) -> str:
        """The span as it stands in a sentence: `in the last 30 days`, `from … to …`, `since …`."""
        first, last = self.first_day, self.last_day
        if self.days == "all":
            return say("since %(day)s", day=first)
        if self.days:
            return IN_LAST[self.days]
        if first == last:
            return say("on %(day)s", day=first)
        return say("from %(first)s to %(last)s", first=first, last=last)

    @property
    def when_before(self) -> str:
        """The span that it is compared with, as it stands in a sentence."""
        return BEFORE.get(self.days, say("in the same time before"))

    @property
    def first_day(self) -> date:
        """The first day of the span."""
        return self.question.first_day

    @property
    def last_day(self) -> date:
        """The last day of the span."""
        return self.question.last_day

    @property
    def first(self) -> Mapping[str, str]:
        """The first value of each filter, as the form shows it."""
        return dict(reversed(self.filters))

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
        """What a form must send along, besides the fields of these names that it shows: each shows
        the first value.
        """
        shown: set[str] = set()
        sent = []
        for pair in self.every:
            if pair[0] in names and pair[0] not in shown:
                shown.add(pair[0])
            else:
                sent.append(pair)
        return tuple(sent)

    def chips(self) -> list[Chip]:
        """The active filters, in the order of a sentence."""
        shown = [pair for pair in self.filters if pair not in self.held]
        before = (None, *shown)
        return [self._chip(pair, last) for pair, last in zip(shown, before, strict=False)]

    def _chip(self, pair: tuple[str, str], before: tuple[str, str] | None) -> Chip:
        without = _query(self.span + tuple(other for other in self.filters if other != pair))
        words, value = chip_words(*pair, self.titles)
        if is_one_of(*pair, before):
            words = say_in("filter", "or")
        return Chip(words, value, without)


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
    filters = read_filters(given, tree, notices)
    topics = of_name(filters, "topic")
    period, chosen = _period(given.get("period", ""), since, until, notices)
    question = Question(
        project=project,
        since=since,
        until=until,
        tenant=_tenant(filters),
        user=_alone(filters, "user"),
        model=_alone(filters, "model"),
        metadata=tuple(map(unpack, of_name(filters, "meta"))),
        rating=_alone(filters, "rating"),
        text=_alone(filters, "text"),
        language=_alone(filters, "language"),
        mood=_alone(filters, "mood"),
        topics=members(topics, tree),
        signal=_alone(filters, "signal"),
        standing=_alone(filters, "people"),
        conditions=conditions_of(filters, tree),
        period=chosen,
        sort=one_of(given.get("sort", ""), sorts, "order", notices),
        page=_page(given.get("page", ""), notices),
        per_page=per_page,
        zone=zone,
    )
    named = (*topics, *of_name(filters, "not_topic"))
    titles = {id: say("no topic") if id == WITHOUT_TOPIC else tree.title(id) for id in named}
    return Asked(question, days, span, filters, period, tuple(notices), titles)


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
            notices.append(
                say(
                    "“%(given)s” is not a time span; these are the last 30 days.", given=short(days)
                )
            )
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
        notices.append(say("The first day is after the last; they were swapped."))
        since, last = last, since
    if since > today:
        notices.append(say("These days are still to come; these are the last 30 days."))
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
        notices.append(
            say("“%(given)s” is not a day such as 2024-03-09; it was left out.", given=short(text))
        )
        return None
    return found


def _alone(filters: Pairs, name: str) -> str:
    """The value of a filter that has one; several are conditions."""
    values = of_name(filters, name)
    return values[0] if len(values) == 1 else ""


def _tenant(filters: Pairs) -> str | None:
    values = of_name(filters, "tenant")
    return None if not values else "" if values[0] == WITHOUT_TENANT else values[0]


def _period(text: str, since: datetime, until: datetime, notices: list[str]) -> tuple[str, str]:
    """The period asked for, and the one to use: never more buckets than a chart can show."""
    asked = one_of(text, PERIODS, "period", notices)
    days = (until - since) / timedelta(days=1)
    fitting = "day" if days <= 45 else "week" if days <= 400 else "month"
    if not asked:
        return "", fitting
    if days / DAYS_OF_PERIOD[asked] > BUCKETS_MAX:
        notices.append(
            say(
                "The span is too long for that period. The bars here are: %(by)s.",
                by=BY_PERIOD[fitting],
            )
        )
        return "", fitting
    return asked, asked


def _page(text: str, notices: list[str]) -> int:
    if not text:
        return 1
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= PAGES_MAX:
        return int(text[:9])
    notices.append(
        say("“%(given)s” is not a page number; this is the first page.", given=short(text))
    )
    return 1


def _changed(pairs: Pairs, changes: dict[str, str]) -> str:
    dropped = set(changes) | (SPAN if not SPAN.isdisjoint(changes) else set())
    kept = tuple(pair for pair in pairs if pair[0] not in dropped)
    return _query(kept + tuple((name, value) for name, value in changes.items() if value))


def _query(pairs: Pairs) -> str:
    return f"?{urlencode(pairs, safe=':/', quote_via=quote)}" if pairs else ""
