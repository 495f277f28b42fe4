"""Every metric once more, in plain Python over plain values: what the reports are held against.

It shares nothing with what it checks but the names: no statement, no sums, no intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

PartName = tuple[str, str]


@dataclass(frozen=True)
class Talk:
    """One conversation, as far as metrics look at it."""

    id: str
    at: datetime
    user: str = ""
    tenant: str = ""
    model: str = ""
    source: str = "api"
    metadata: dict[str, str] = field(default_factory=dict)
    asked: int = 1
    answered: int = 1
    others: int = 0
    """Tool calls and events."""
    up: int = 0
    down: int = 0
    moods: tuple[float, ...] | None = None
    """Of its messages of users; None while it is not understood."""
    language: str = ""
    signals: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    """What an evaluator that is called Polite said of its answers."""

    @property
    def messages(self) -> int:
        return self.asked + self.answered + self.others

    @property
    def mood(self) -> float | None:
        return sum(self.moods) / len(self.moods) if self.moods else None


@dataclass(frozen=True)
class Call:
    """One call of a model."""

    id: str
    at: datetime
    user: str = ""
    tenant: str = ""
    conversation: str = ""
    model: str = ""
    endpoint: str = ""
    key: str = ""
    read: int = 0
    cached: int | None = None
    written: int = 0
    cost: Decimal | None = None
    currency: str = ""
    total_ms: int = 0
    first_ms: int | None = None
    error: str = ""


@dataclass(frozen=True)
class World:
    """All that a project has."""

    talks: Sequence[Talk]
    calls: Sequence[Call] = ()
    ancestry: Callable[[Iterable[str]], list[str]] = lambda topics: list(dict.fromkeys(topics))
    """What topics count for."""


@dataclass(frozen=True)
class Span:
    """Some days, in a zone; from a moment on, and before another."""

    since: datetime
    until: datetime
    zone: str = "UTC"

    def has(self, at: datetime) -> bool:
        return self.since <= at < self.until

    def day(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.zone)).date()

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last."""
        return self.day(self.since), self.day(self.until - timedelta(microseconds=1))

    def buckets(self, period: str) -> list[tuple[date, Span]]:
        """The days, weeks or months of it, each as far as it is within."""
        found: dict[date, list[date]] = {}
        day, last = self.days
        while day <= last:
            start = day
            if period == "week":
                start = day - timedelta(days=day.weekday())
            elif period == "month":
                start = date(day.year, day.month, 1)
            found.setdefault(start, []).append(day)
            day += timedelta(days=1)
        return [(start, self.of_days(days[0], days[-1])) for start, days in found.items()]

    def of_days(self, first: date, last: date) -> Span:
        """Some whole days, cut at the ends of this span."""
        place = ZoneInfo(self.zone)
        since = datetime(first.year, first.month, first.day, tzinfo=place)
        after = last + timedelta(days=1)
        until = datetime(after.year, after.month, after.day, tzinfo=place)
        return Span(max(since, self.since), min(until, self.until), self.zone)


# ---- parts -----------------------------------------------------------------------------------


def parts_of(world: World, span: Span, split: str, one: Talk | Call) -> list[PartName]:
    """What a conversation, or a call, is a part of. `span` is the one that is shown."""
    name, _, key = split.partition(":")
    if name in ("model", "tenant", "endpoint", "key"):
        return [(str(getattr(one, name)), "")]
    if name == "user":
        return [(one.user, one.tenant if one.user else "")]
    if name == "conversation":
        id = one.conversation if isinstance(one, Call) else one.id
        return [(id, one.tenant if id else "")]
    talk = talk_of(world, one) if isinstance(one, Call) else one
    if talk is None:
        return [("none", "")] if name == "rating" else [("", "")] if name not in MANY else []
    if name == "standing":
        # A call is as the conversation is that it belongs to.
        same = (one.tenant, one.user) == (talk.tenant, talk.user)
        return [(standing_of(world, span, talk) if same else "", "")]
    return [(value, "") for value in _said_of(world, name, key, talk)]


MANY = ("topic", "signal")


def talk_of(world: World, call: Call) -> Talk | None:
    """The conversation that a call is of."""
    named = (call.tenant, call.conversation)
    return next((talk for talk in world.talks if (talk.tenant, talk.id) == named), None)


def _said_of(world: World, name: str, key: str, talk: Talk) -> list[str]:
    if name in MANY and talk.moods is None:
        return []
    if name == "topic":
        return world.ancestry(talk.topics) or [""]
    if name == "signal":
        return list(dict.fromkeys(talk.signals)) or [""]
    if name == "evaluation":
        return list(dict.fromkeys(talk.outcomes)) or [""]
    if name == "rating":
        return [word for word, thumbs in (("up", talk.up), ("down", talk.down)) if thumbs] or [
            "none"
        ]
    if name == "mood":
        mood = talk.mood
        if mood is None:
            return [""]
        return ["positive" if mood > 0.25 else "negative" if mood < -0.25 else "neutral"]
    if name == "language":
        return ["" if talk.language == "und" else talk.language]
    return [talk.metadata.get(key, "") if name == "meta" else str(getattr(talk, name))]


def standing_of(world: World, span: Span, talk: Talk) -> str:
    """New, returning or veteran, on the day when a conversation began."""
    if not talk.user:
        return ""
    person = (talk.tenant, talk.user)
    days = {span.day(one.at) for one in world.talks if (one.tenant, one.user) == person}
    today = span.day(talk.at)
    since_first = (today - min(days)).days
    if since_first < 7:
        return "new"
    earlier = len([day for day in days if day < today])
    return "veteran" if since_first >= 28 and earlier >= 4 else "returning"


# ---- numbers ---------------------------------------------------------------------------------


def number(world: World, name: str, span: Span, within: Sequence[Any], currency: str = "") -> Any:
    """A metric over the conversations, or calls, of a part; `within` has those of all times."""
    here = [one for one in within if span.has(one.at)]
    if name in OF_CALLS:
        return OF_CALLS[name](here, currency)
    if name in ("weekly_active_users", "monthly_active_users"):
        days = 7 if name.startswith("weekly") else 30
        last = span.days[1]
        first = last - timedelta(days=days - 1)
        near = [t for t in within if t.at < span.until and first <= span.day(t.at) <= last]
        return len(people(near))
    if name == "daily_active_users":
        first, last = span.days
        came = {(t.tenant, t.user, span.day(t.at)) for t in here if t.user}
        return len(came) / ((last - first).days + 1)
    if name in ("new_users", "returning_users"):
        new = {person for person in people(here) if _first(world, person) >= span.since}
        return len(new) if name == "new_users" else len(people(here) - new)
    if name.endswith("_share") and name not in OF_TALKS:
        signal = name.removesuffix("_share")
        known = [talk for talk in here if talk.moods is not None]
        return ratio(sum(signal in talk.signals for talk in known), len(known))
    return OF_TALKS[name](here)


def people(talks: Iterable[Talk]) -> set[tuple[str, str]]:
    return {(talk.tenant, talk.user) for talk in talks if talk.user}


def _first(world: World, person: tuple[str, str]) -> datetime:
    return min(talk.at for talk in world.talks if (talk.tenant, talk.user) == person)


def ratio(of: float, all: float) -> float | None:
    return of / all if all else None


def _moods(talks: Sequence[Talk]) -> list[float]:
    return [mood for talk in talks for mood in talk.moods or ()]


def _felt(talks: Sequence[Talk]) -> list[float]:
    return [talk.mood for talk in talks if talk.mood is not None]


def _languages(talks: Sequence[Talk]) -> int | None:
    known = [talk for talk in talks if talk.moods is not None]
    if talks and not known:
        return None
    return len({talk.language for talk in talks} - {"", "und"})


OF_TALKS: dict[str, Callable[[Sequence[Talk]], Any]] = {
    "conversations": len,
    "messages": lambda talks: sum(talk.messages for talk in talks),
    "user_messages": lambda talks: sum(talk.asked for talk in talks),
    "assistant_messages": lambda talks: sum(talk.answered for talk in talks),
    "messages_per_conversation": lambda talks: ratio(sum(t.messages for t in talks), len(talks)),
    "users": lambda talks: len(people(talks)),
    "mood": lambda talks: ratio(sum(_moods(talks)), len(_moods(talks))),
    "positive_share": lambda talks: ratio(sum(m > 0.25 for m in _felt(talks)), len(_felt(talks))),
    "negative_share": lambda talks: ratio(sum(m < -0.25 for m in _felt(talks)), len(_felt(talks))),
    "rating": lambda talks: ratio(
        sum(talk.up - talk.down for talk in talks), sum(talk.up + talk.down for talk in talks)
    ),
    "thumbs_up_share": lambda talks: ratio(
        sum(talk.up for talk in talks), sum(talk.up + talk.down for talk in talks)
    ),
    "rated_messages": lambda talks: sum(talk.up + talk.down for talk in talks),
    "languages": _languages,
    "pass_rate:Polite": lambda talks: ratio(
        sum(talk.outcomes.count("pass") for talk in talks),
        sum(talk.outcomes.count("pass") + talk.outcomes.count("fail") for talk in talks),
    ),
}


def _cost(calls: Sequence[Call], currency: str) -> Decimal | None:
    known = [call.cost for call in calls if call.cost is not None and call.currency == currency]
    lacking = [call for call in calls if call.cost is None and call.read + call.written]
    return None if lacking and not known else sum(known, Decimal(0))


def _cached(calls: Sequence[Call]) -> int | None:
    told = [call.cached for call in calls if call.cached is not None]
    return sum(told) if told or not calls else None


def _cached_share(calls: Sequence[Call]) -> float | None:
    told = [call for call in calls if call.cached is not None]
    return ratio(sum(call.cached or 0 for call in told), sum(call.read for call in told))


def quantile(times: Iterable[int | None], share: float) -> int | None:
    """The time that so many took no longer than, of those that are known."""
    known = sorted(time for time in times if time is not None)
    return known[min(math.floor(len(known) * share), len(known) - 1)] if known else None


def _answered(calls: Sequence[Call]) -> list[int]:
    return [call.total_ms for call in calls if not call.error]


def _first_tokens(calls: Sequence[Call]) -> list[int | None]:
    return [call.first_ms for call in calls if not call.error]


OF_CALLS: dict[str, Callable[[Sequence[Call], str], Any]] = {
    "calls": lambda calls, _: len(calls),
    "errors": lambda calls, _: sum(bool(call.error) for call in calls),
    "error_share": lambda calls, _: ratio(sum(bool(c.error) for c in calls), len(calls)),
    "input_tokens": lambda calls, _: sum(call.read for call in calls),
    "output_tokens": lambda calls, _: sum(call.written for call in calls),
    "tokens": lambda calls, _: sum(call.read + call.written for call in calls),
    "cached_tokens": lambda calls, _: _cached(calls),
    "cached_share": lambda calls, _: _cached_share(calls),
    "cost": _cost,
    "latency_median": lambda calls, _: quantile(_answered(calls), 0.5),
    "latency_p95": lambda calls, _: quantile(_answered(calls), 0.95),
    "first_token_median": lambda calls, _: quantile(_first_tokens(calls), 0.5),
    "first_token_p95": lambda calls, _: quantile(_first_tokens(calls), 0.95),
}
