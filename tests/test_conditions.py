"""Conditions on a random world: the engine finds what plain Python finds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causerie.conditions import NO_CONDITIONS, Conditions, Range, by_key
from causerie.costs import CallQuestion, Costs
from causerie.meanings import MOOD_MARGIN
from causerie.reports import Question, Reports
from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS, EXCHANGES, MESSAGES, OUTCOMES
from tests.kept_rows import put

START = datetime(2026, 5, 1, tzinfo=UTC)
SPAN = timedelta(days=10)
ZONE = "Europe/Paris"
PARIS = timedelta(hours=2)
"""In May."""
WORLD_SIZE = 90


@dataclass(frozen=True)
class Event:
    """A custom event."""

    name: str
    metadata: dict[str, str]


@dataclass(frozen=True)
class Call:
    """Through the gateway."""

    endpoint: str
    status: int
    cost: float


@dataclass(frozen=True)
class Talk:
    """A conversation as the conditions see it."""

    row: dict[str, Any]
    events: list[Event]
    calls: list[Call]
    masked: bool
    evaluations: dict[str, list[str]]
    """What online evaluators said of its answers."""

    def __getattr__(self, name: str) -> Any:
        return self.row[name]


def world(project: str) -> list[Talk]:
    """Some conversations that have something of everything."""
    draw = random.Random(7)
    return [talk(draw, project, number) for number in range(WORLD_SIZE)]


def talk(draw: random.Random, project: str, number: int) -> Talk:
    at = START + timedelta(seconds=draw.randrange(int(SPAN.total_seconds())))
    names = draw.sample(["cards", "post", "late"], draw.randrange(3))
    row = {
        "project": project,
        "started_at": at,
        "ended_at": at + timedelta(seconds=draw.choice([0, 30, 90, 600])),
        "tenant": draw.choice(["", "acme"]),
        "id": f"c{number % 80}-{number}",
        "user": draw.choice(["ana", "ben", ""]),
        "model": draw.choice(["small", "large"]),
        "source": draw.choice(["log", "thread", "gateway"]),
        "metadata": draw.choice([{}, {"plan": "free"}, {"plan": "plus", "app": "ios"}]),
        "feedback": draw.choice(["", "", "Too SLOW", "Great"]),
        "messages": draw.randrange(1, 9),
        "thumbs_up": draw.randrange(2),
        "thumbs_down": draw.randrange(2),
        "language": draw.choice(["en", "fr", ""]),
        "sentiment": draw.choice([None, -0.5, 0.0, 0.5]),
        "trend": draw.choice(["", "up", "down"]),
        "signals": draw.sample(["thanked", "gave_up"], draw.randrange(3)),
        "topics": names[:1],
        "suggested": names[1:],
        "meaning": draw.randrange(2),
    }
    events = [
        Event(draw.choice(["Checkout", "Refund"]), draw.choice([{}, {"size": "xl"}]))
        for _ in range(draw.choice([0, 0, 1, 2]))
    ]
    calls = [
        Call(draw.choice(["ep-a", "ep-b"]), draw.choice([200, 500]), draw.choice([0.1, 0.5]))
        for _ in range(draw.choice([0, 0, 1, 2]))
    ]
    masked = draw.random() < 0.3
    said = {
        name: draw.choices(["pass", "fail", "inconclusive"], k=draw.randrange(3))
        for name in ("Polite", "Short: 9")
    }
    return Talk(row, events, calls, masked, said)


def keep(events: EventStore, project: str, talks: list[Talk]) -> None:
    """Writes the world, with another project's in between."""
    for name in (project, f"{project}-other"):
        put(events, CONVERSATIONS, [{**one.row, "project": name} for one in talks[: len(talks)]])
    put(events, MESSAGES, [row for one in talks for row in message_rows(project, one)])
    put(events, OUTCOMES, [row for one in talks for row in outcome_rows(project, one)])
    put(events, EXCHANGES, [row for one in talks for row in call_rows(project, one)])


def message_rows(project: str, one: Talk) -> list[dict[str, Any]]:
    about = {
        "project": project,
        "tenant": one.tenant,
        "conversation": one.id,
        "at": one.started_at,
    }
    said = {**about, "id": "m", "kind": "message", "role": "user", "text": "Hello"}
    rows = [{**said, "masked": ["email:x"] if one.masked else [], "name": "Checkout"}]
    for place, event in enumerate(one.events, 1):
        told = {"name": event.name, "metadata": event.metadata}
        rows.append({**about, "position": place, "id": f"e{place}", "kind": "event", **told})
    return rows


def outcome_rows(project: str, one: Talk) -> Iterator[dict[str, Any]]:
    for name, outcomes in one.evaluations.items():
        for place, outcome in enumerate(outcomes):
            row = {
                "project": project,
                "evaluator": name,
                "tenant": one.tenant,
                "conversation": one.id,
                "position": place,
                "message": f"m{place}",
                "at": one.ended_at,
            }
            # Said otherwise before; and what an evaluator said that has gone.
            yield {**row, "outcome": "fail" if outcome == "pass" else "pass"}
            yield {**row, "outcome": outcome, "version": 2}
            yield {**row, "evaluator": "Gone", "outcome": "pass"}
            yield {**row, "evaluator": "Gone", "outcome": "pass", "version": 2, "deleted": 1}


def call_rows(project: str, one: Talk) -> list[dict[str, Any]]:
    return [
        {
            "project": project,
            "at": one.started_at,
            "id": f"{one.tenant}-{one.id}-{place}",
            "tenant": one.tenant,
            "conversation": one.id,
            "user": one.user,
            "model": one.model,
            "endpoint": call.endpoint,
            "status": call.status,
            "cost": call.cost,
            "currency": "USD",
        }
        for place, call in enumerate(one.calls)
    ]


@pytest.fixture(scope="module")
def kept() -> dict[int, list[Talk]]:
    """The world in each analytics store, once it has been written."""
    return {}


@pytest.fixture
def talks(events: EventStore, kept: dict[int, list[Talk]]) -> list[Talk]:
    if id(events) not in kept:
        project = f"conditions-{id(events)}"
        kept[id(events)] = world(project)
        keep(events, project, kept[id(events)])
    return kept[id(events)]


def plainly(one: Talk, asked: Question) -> bool:
    """Whether a conversation is what is asked for, worked out in Python."""
    conditions = asked.conditions
    return all(
        (
            fits_names(one, conditions),
            fits_meaning(one, conditions),
            all(one.metadata.get(k, "") in v for k, v in by_key(asked.metadata).items()),
            not any(one.metadata.get(k) == v for k, v in conditions.without_metadata),
            fits_feedback(one, conditions),
            fits_events(one, conditions),
            not conditions.masked or (conditions.masked == "yes") == one.masked,
            fits_calls(one, conditions),
            within(conditions.messages, one.messages),
            within(conditions.seconds, (one.ended_at - one.started_at).total_seconds()),
            fits_hours(one, conditions.hours),
            all(
                set(outcomes) & set(one.evaluations.get(name, ()))
                for name, outcomes in by_key(conditions.evaluations).items()
            ),
        )
    )


def fits_names(one: Talk, asked: Conditions) -> bool:
    thumbs = {
        "up": one.thumbs_up > 0,
        "down": one.thumbs_down > 0,
        "none": one.thumbs_up + one.thumbs_down == 0,
    }
    return (
        any_of(asked.users, one.user)
        and one.user not in asked.without_users
        and any_of(asked.models, one.model)
        and one.model not in asked.without_models
        and any_of(asked.sources, one.source)
        and (not asked.ratings or any(thumbs[name] for name in asked.ratings))
    )


def fits_meaning(one: Talk, asked: Conditions) -> bool:
    mood = one.sentiment
    moods = {one.trend} | (
        set()
        if mood is None
        else {
            "positive" if mood > MOOD_MARGIN else "negative" if mood < -MOOD_MARGIN else "neutral"
        }
    )
    topics = {*one.topics, *one.suggested} or ({""} if one.meaning else set())
    return (
        any_of(asked.languages, one.language)
        and one.language not in asked.without_languages
        and (not asked.moods or bool(moods & set(asked.moods)))
        and (not asked.signals or bool(set(asked.signals) & set(one.signals)))
        and not set(asked.without_signals) & set(one.signals)
        and not topics & set(asked.without_topics)
    )


def fits_feedback(one: Talk, asked: Conditions) -> bool:
    if asked.feedback == "says":
        return asked.feedback_text.lower() in str(one.feedback).lower()
    return not asked.feedback or (asked.feedback == "any") == bool(one.feedback)


def fits_events(one: Talk, asked: Conditions) -> bool:
    wanted = any(
        any_of(asked.events, event.name)
        and all(event.metadata.get(key) == value for key, value in asked.event_metadata)
        for event in one.events
    )
    if (asked.events or asked.event_metadata) and not wanted:
        return False
    return not any(event.name in asked.without_events for event in one.events)


def fits_calls(one: Talk, asked: Conditions) -> bool:
    if asked.endpoints and not any(call.endpoint in asked.endpoints for call in one.calls):
        return False
    failed = any(call.status >= 400 for call in one.calls)
    if asked.failed and (asked.failed == "yes") != failed:
        return False
    if not asked.cost.limits:
        return True
    return bool(one.calls) and within(asked.cost, round(sum(call.cost for call in one.calls), 6))


def fits_hours(one: Talk, hours: Range) -> bool:
    if not hours.limits:
        return True
    hour = int((one.started_at + PARIS).hour)
    first, last = hours.bounds()
    return first <= hour < last if first <= last else hour >= first or hour < last


def any_of(asked: tuple[str, ...], value: str) -> bool:
    return not asked or value in asked


def within(asked: Range, value: float) -> bool:
    return not asked.limits or asked.bounds()[0] <= value <= asked.bounds()[1]


def some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


def rarely(strategy: st.SearchStrategy[Any], else_: Any) -> st.SearchStrategy[Any]:
    """Mostly nothing: conditions that all ask for something find nobody."""
    return st.one_of(*[st.just(else_)] * 6, strategy)


def ranges(*numbers: float) -> st.SearchStrategy[Range]:
    ends = st.one_of(st.none(), st.sampled_from(numbers))

    def of(pair: tuple[float | None, float | None]) -> Range:
        low, high = pair
        if low is None or high is None:
            return Range(low, high)
        return Range(min(low, high), max(low, high))

    return st.tuples(ends, ends).map(of)


NAMES = {
    "users": ("ana", "ben", "nobody"),
    "models": ("small", "large"),
    "languages": ("en", "fr", "de"),
    "moods": ("positive", "negative", "neutral", "up", "down"),
    "ratings": ("up", "down", "none"),
    "signals": ("thanked", "gave_up"),
    "sources": ("log", "gateway"),
    "endpoints": ("ep-a", "ep-c"),
    "events": ("Checkout", "Refund", "Never"),
    "without_users": ("ana", ""),
    "without_models": ("small",),
    "without_languages": ("en", ""),
    "without_signals": ("thanked",),
    "without_topics": ("cards", "post", ""),
    "without_events": ("Checkout",),
}
PAIRS = st.lists(
    st.sampled_from([("plan", "free"), ("plan", "plus"), ("app", "ios"), ("none", "")]), max_size=2
).map(tuple)
JUDGED = st.lists(
    st.sampled_from(
        [
            ("Polite", "pass"),
            ("Polite", "fail"),
            ("Short: 9", "inconclusive"),
            ("Short: 9", "pass"),
            ("Gone", "pass"),
        ]
    ),
    max_size=3,
).map(tuple)
CONDITIONS = st.builds(
    Conditions,
    **{name: rarely(some(*values), ()) for name, values in NAMES.items()},
    event_metadata=rarely(st.just((("size", "xl"),)), ()),
    feedback=rarely(st.sampled_from(["any", "none", "says"]), ""),
    feedback_text=st.just("slow"),
    masked=rarely(st.sampled_from(["yes", "no"]), ""),
    failed=rarely(st.sampled_from(["yes", "no"]), ""),
    messages=rarely(ranges(2, 4, 6), Range()),
    seconds=rarely(ranges(1, 60, 90.5), Range()),
    hours=rarely(st.builds(Range, st.integers(0, 24), st.integers(0, 24)), Range()),
    cost=rarely(ranges(0.2, 0.55), Range()),
    without_metadata=rarely(PAIRS, ()),
    evaluations=rarely(JUDGED, ()),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(conditions=CONDITIONS, metadata=rarely(PAIRS, ()))
def test_what_is_found_is_what_fits(
    events: EventStore,
    talks: list[Talk],
    conditions: Conditions,
    metadata: tuple[tuple[str, str], ...],
) -> None:
    question = Question(
        talks[0].project,
        START,
        START + SPAN,
        tenant=None,
        metadata=metadata,
        conditions=conditions,
        zone=ZONE,
        per_page=WORLD_SIZE,
    )
    found = {(row.tenant, row.id) for row in Reports(events).conversations(question).rows}
    assert found == {(one.tenant, one.id) for one in talks if plainly(one, question)}


def test_each_condition_by_itself_finds_some_and_leaves_some(talks: list[Talk]) -> None:
    # Else the test above would say nothing.
    question = Question("", START, START + SPAN, tenant=None)
    alone: list[dict[str, Any]] = [{name: values[:1]} for name, values in NAMES.items()]
    alone += [{"event_metadata": (("size", "xl"),)}, {"feedback": "any"}, {"masked": "yes"}]
    alone += [{"failed": "yes"}, {"messages": Range(3, 5)}, {"seconds": Range(60, None)}]
    alone += [{"hours": Range(22, 6)}, {"cost": Range(0.3, None)}, {"feedback": "says"}]
    alone += [{"evaluations": (("Polite", "pass"), ("Short: 9", "fail"))}]
    for given_ in alone:
        conditions = replace(NO_CONDITIONS, feedback_text="slow", **given_)
        found = [one for one in talks if plainly(one, replace(question, conditions=conditions))]
        assert 0 < len(found) < len(talks), given_


def test_one_value_goes_before_several(events: EventStore, talks: list[Talk]) -> None:
    several = Conditions(models=("small", "large"))
    question = Question(talks[0].project, START, START + SPAN, tenant=None, conditions=several)
    reports = Reports(events)
    assert reports.totals(question).conversations == len(talks)
    large = sum(one.model == "large" for one in talks)
    assert reports.totals(replace(question, model="large")).conversations == large


def test_calls_are_those_of_such_conversations(events: EventStore, talks: list[Talk]) -> None:
    def calls(conditions: Conditions) -> int:
        asked = CallQuestion(
            talks[0].project, START, START + SPAN, tenant=None, conditions=conditions
        )
        return Costs(events).totals(asked).calls

    assert calls(Conditions(endpoints=("ep-a",))) == sum(
        call.endpoint == "ep-a" for one in talks for call in one.calls
    )
    assert calls(Conditions(masked="yes")) == sum(len(one.calls) for one in talks if one.masked)
    assert calls(Conditions(without_models=("small",))) == sum(
        len(one.calls) for one in talks if one.model != "small"
    )
