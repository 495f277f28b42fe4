"""What changed, from conversations in the stores to findings; and which days are meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine

from causerie.mornings import Morning, Mornings, look_at
from causerie.reports import Question, Reports
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS, EXCHANGES, MESSAGES
from causerie.store.progress import Progress, Standing
from causerie.store.spending import Spending
from causerie.topic_trees import NO_TOPICS
from causerie.zones import day_of
from tests.kept_rows import put

ZONE = "Europe/Paris"
NOW = datetime(2026, 5, 20, 7, 30, tzinfo=UTC)
"""Nine thirty there."""
Row = dict[str, Any]


class Street:
    """Some people a day for six weeks; yesterday is told apart."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.random = Random(5)
        self.talks: list[Row] = []
        self.said: list[Row] = []
        self.calls: list[Row] = []
        for ago in range(45, 0, -1):
            for _ in range(round(self.random.gauss(30, 4))):
                self._talk(ago, strange=ago == 1)
        # It is not silent now.
        self._talk(0, strange=False)
        self.talks[-1]["started_at"] = NOW - timedelta(hours=1)

    def _talk(self, ago: int, *, strange: bool) -> None:
        draw = self.random.random
        id = f"c{len(self.talks)}"
        gave_up = draw() < (0.7 if strange else 0.05)
        # Some begin between midnight there and midnight in UTC.
        at = datetime(2026, 5, 20, tzinfo=UTC) - timedelta(days=ago, hours=draw() * 24 - 22)
        common = {"project": self.project, "user": f"u{self.random.randrange(400)}"}
        self.talks.append(
            {
                **common,
                "id": id,
                "started_at": at,
                "ended_at": at,
                "model": "small",
                "language": "en" if draw() < 0.7 else "fr",
                "sentiment": self.random.gauss(0.1, 0.3),
                "scored": 1,
                "metadata": {"app_version": "4.2.0" if gave_up and strange else "4.1.0"},
                "signals": ["gave_up"] if gave_up else [],
                "topics": ["card"] if draw() < 0.5 else [],
                "meaning": 1,
            }
        )
        self.said.append(
            {
                "project": self.project,
                "conversation": id,
                "id": id,
                "at": at,
                "kind": "event",
                "name": "signed_up" if draw() < 0.3 else "opened",
                "masked": ["email:ab", "email:cd"] if draw() < 0.1 else [],
            }
        )
        ms = round(self.random.lognormvariate(7, 0.3) * (5 if strange else 1))
        self.calls.append(
            {**common, "id": id, "at": at, "model": "small", "total_ms": ms, "currency": "USD"}
        )

    def put(self, events: EventStore) -> None:
        put(events, CONVERSATIONS, self.talks)
        put(events, MESSAGES, self.said)
        put(events, EXCHANGES, self.calls)

    def of_day(self, day: date) -> list[Row]:
        return [talk for talk in self.talks if day_of(talk["started_at"], ZONE) == day]


@pytest.fixture(scope="module")
def streets() -> dict[int, Street]:
    return {}


@pytest.fixture
def street(events: EventStore, streets: dict[int, Street]) -> Street:
    if id(events) not in streets:
        streets[id(events)] = Street(f"street-{id(events)}")
        streets[id(events)].put(events)
    return streets[id(events)]


@pytest.fixture
def mornings(events: EventStore, sqlite_engine: Engine) -> Mornings:
    return Mornings(
        events,
        Reports(events),
        Accounts(sqlite_engine),
        Spending(sqlite_engine),
        Progress(sqlite_engine),
    )


def ask(mornings: Mornings, street: Street, choice: str, **given: Any) -> Morning:
    visited = given.pop("visited", None)
    question = Question(street.project, NOW, NOW, tenant=None, zone=ZONE, **given)
    return mornings.morning(question, look_at(choice, NOW, ZONE, visited), NO_TOPICS, NOW)


def test_what_changed_yesterday_is_told_with_its_numbers(
    mornings: Mornings, street: Street
) -> None:
    told = ask(mornings, street, "yesterday")
    talks = street.of_day(date(2026, 5, 19))
    people = {talk["user"] for talk in talks}
    gave_up = {talk["user"] for talk in talks if talk["signals"]}
    assert {each.kind for each in told.findings} == {"signal", "latency"}
    first = next(each for each in told.findings if each.kind == "signal")
    assert (first.part, first.rises) == (("signal", "gave_up"), True)
    assert (first.hits, first.sample, first.people) == (len(gave_up), len(people), len(gave_up))
    assert first.conversations == sum(bool(talk["signals"]) for talk in talks)
    assert (told.whole.people, told.whole.conversations) == (len(people), len(talks))
    known = {
        talk["user"] for talk in street.talks if day_of(talk["started_at"], ZONE) < told.look.last
    }
    assert told.whole.new == len(people - known)
    assert told.days_before == 28


def test_what_most_of_it_lies_in_is_told_with_it(mornings: Mornings, street: Street) -> None:
    told = ask(mornings, street, "yesterday")
    incident = next(each for each in told.incidents if each.lead.kind == "signal")
    talks = street.of_day(date(2026, 5, 19))
    assert incident.cause is not None
    assert incident.cause.part == ("meta:app_version", "4.2.0")
    assert incident.cause.conversations == sum(bool(talk["signals"]) for talk in talks)
    assert 0.9 < incident.cause.share <= 1


def test_several_days_count_each_person_once(mornings: Mornings, street: Street) -> None:
    told = ask(mornings, street, "week")
    talks = [talk for ago in range(1, 8) for talk in street.of_day(date(2026, 5, 20 - ago))]
    assert told.whole.people == len({talk["user"] for talk in talks})
    assert told.whole.conversations == len(talks)
    assert told.look.days == 7


def test_a_filter_holds_for_everything(mornings: Mornings, street: Street) -> None:
    told = ask(mornings, street, "yesterday", language="fr")
    talks = [talk for talk in street.of_day(date(2026, 5, 19)) if talk["language"] == "fr"]
    assert told.whole.conversations == len(talks)
    assert [each.kind for each in told.findings if each.part == ("language", "fr")] == []


def test_the_hours_of_today_are_compared_with_the_same_hours(
    mornings: Mornings, street: Street
) -> None:
    told = ask(mornings, street, "today")
    assert told.whole.conversations == len(street.of_day(date(2026, 5, 20)))
    assert told.look.day_seconds == int(9.5 * 3600)
    assert told.look.ends == NOW


def test_while_much_is_not_understood_nothing_is_told_of_it(
    mornings: Mornings, street: Street, sqlite_engine: Engine
) -> None:
    Accounts(sqlite_engine).create_project("S", NOW, street.project)
    Progress(sqlite_engine).put(street.project, 1, Standing(5000, 1.0, NOW))
    told = ask(mornings, street, "yesterday")
    assert {each.kind for each in told.findings} == {"latency"}
    assert told.left == 5000


def test_a_silence_that_never_was_before_is_told(
    mornings: Mornings, street: Street, events: EventStore
) -> None:
    look = look_at("yesterday", NOW, ZONE, None)
    question = Question(street.project, NOW, NOW, tenant=None, zone=ZONE)
    later = NOW + timedelta(hours=24)
    told = mornings.morning(question, look, NO_TOPICS, later)
    silence = next(each for each in told.findings if each.kind == "silence")
    assert silence.now == 25
    assert told.latest == max(talk["started_at"] for talk in street.talks)


def test_a_project_without_conversations_has_nothing_to_tell(
    mornings: Mornings, street: Street
) -> None:
    nobody = Street.__new__(Street)
    nobody.project = "nobody-at-all"
    told = ask(mornings, nobody, "yesterday")
    assert (told.findings, told.whole.people, told.compares) == ([], 0, False)


def test_the_days_since_a_visit_are_whole_ones_up_to_yesterday() -> None:
    def days(visited: datetime | None, choice: str = "visit") -> tuple[date, date]:
        look = look_at(choice, NOW, ZONE, visited)
        return look.first, look.last

    yesterday = date(2026, 5, 19)
    assert days(None) == (yesterday, yesterday)
    assert days(NOW - timedelta(hours=2)) == (yesterday, yesterday)
    assert days(NOW - timedelta(days=1)) == (yesterday, yesterday)
    assert days(NOW - timedelta(days=3)) == (date(2026, 5, 17), yesterday)
    assert days(NOW - timedelta(days=99)) == (date(2026, 5, 6), yesterday)
    assert days(NOW - timedelta(days=99), "week") == (date(2026, 5, 13), yesterday)
    # It is the 20th in Paris already where it is the 19th in UTC.
    late = datetime(2026, 5, 19, 22, 30, tzinfo=UTC)
    assert look_at("today", late, ZONE, None).last == date(2026, 5, 20)


def test_a_day_ends_with_the_clocks_of_its_place() -> None:
    look = look_at("yesterday", datetime(2026, 10, 26, 9, tzinfo=UTC), ZONE, None)
    assert (look.ends - look.begins()) == timedelta(hours=25)
    assert replace(look, day_seconds=60).ends == look.begins() + timedelta(seconds=60)
