"""Alerts judged by a worker over real stores: once, late, and after a kill."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from causerie.alarms import Alarms, begin, end, preview, settled
from causerie.alert_readings import AlertReadings, kind_of
from causerie.alert_rules import Judged, Standing
from causerie.alerts import Alert, Firing, Rule
from causerie.errors import Conflict, Invalid, NotFound
from causerie.metric_catalogue import METRICS
from causerie.metric_reports import MetricReports
from causerie.notices import Destination, Kind
from causerie.reports import Question
from causerie.store.accounts import Accounts
from causerie.store.alerts import Alerts
from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS
from causerie.store.inbox import Inbox
from causerie.store.notices import Notices
from causerie.testing import Ticking
from causerie.topic_trees import NO_TOPICS, TopicTree
from causerie.vault import Vault
from tests.kept_rows import put

MONDAY = datetime(2026, 5, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)
OUTAGE = range(8, 14)
"""Hours of the Monday after nine weeks in which nobody came through."""


def world(project: str, zone_hours: int = 0) -> list[dict[str, Any]]:
    """Ten conversations an hour for nine weeks and a day, with an outage on the last day."""
    random, rows = Random(8), []
    start = MONDAY - timedelta(weeks=9)
    for hour in range(24 * 64):
        at = start + hour * HOUR
        count = 0 if at.date() == MONDAY.date() and at.hour in OUTAGE else random.randint(7, 13)
        for number in range(count):
            moment = at + timedelta(minutes=random.random() * 59)
            rows.append(
                {
                    "project": project,
                    "id": f"{hour}-{number}",
                    "started_at": moment,
                    "ended_at": moment,
                    "user": f"u{random.randrange(500)}",
                    "thumbs_up": int(random.random() < 0.3),
                    "thumbs_down": int(random.random() < 0.1),
                    "language": "en" if random.random() < 0.8 else "fr",
                    "meaning": 1,
                }
            )
    return rows


@pytest.fixture(scope="module")
def worlds() -> dict[int, str]:
    return {}


@pytest.fixture
def watched_project(embedded_events: EventStore, worlds: dict[int, str]) -> str:
    """The project of the world, made once."""
    if not worlds:
        worlds[0] = f"alarms-{id(worlds)}"
        put(embedded_events, CONVERSATIONS, world(worlds[0]))
    return worlds[0]


@dataclass
class Room:
    """A project that is watched."""

    engine: Engine
    events: EventStore
    project: str
    clock: Ticking
    alerts: Alerts
    notices: Notices
    woken: int = 0

    def wake(self) -> None:
        self.woken += 1

    def ask(self, alert: Alert, now: datetime) -> tuple[Question, TopicTree]:
        return Question(self.project, now, now, tenant=None), NO_TOPICS

    @property
    def readings(self) -> AlertReadings:
        return AlertReadings(self.events, MetricReports(self.events))

    def alarms(self, holder: str = "one") -> Alarms:
        inbox = Inbox(self.engine)
        return Alarms(self.alerts, self.readings, self.ask, inbox, holder, self.clock, self.wake)

    def watch(self, **given: Any) -> Alert:
        values = {"id": "a", "name": "Outage", "metric": "conversations", "period": "hour"}
        alert = Alert(project=self.project, **{**values, **given})
        since = begin(alert.period, self.clock(), "UTC")
        self.alerts.put(alert, since, self.clock())
        return alert


@pytest.fixture
def room(engine: Engine, embedded_events: EventStore, watched_project: str) -> Room:
    Accounts(engine).create_project("Brume", MONDAY, watched_project)
    notices = Notices(engine, Vault(b"secret"))
    here = Room(engine, embedded_events, watched_project, Ticking(MONDAY), Alerts(engine), notices)
    to = Destination(
        id="ops",
        project=watched_project,
        name="Ops",
        kind=Kind.WEBHOOK,
        address="https://hooks.example/x",
    )
    notices.put(to, MONDAY)
    return here


# ---- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize("period", ["hour", "day", "week"])
def test_every_period_is_read_as_a_plain_count_finds_it(
    events: EventStore, project_id: str, period: str
) -> None:
    rows = world(project_id)[-3000:]
    put(events, CONVERSATIONS, rows)
    zone = "Europe/Paris"
    since = begin(period, MONDAY - timedelta(weeks=1), zone)
    until = begin(period, MONDAY + timedelta(hours=20), zone)
    question = Question(project_id, since, until, tenant=None, zone=zone)
    counted: Counter[datetime] = Counter()
    for row in rows:
        if since <= row["started_at"] < until:
            counted[begin(period, row["started_at"], zone)] += 1
    alert = Alert(id="a", project=project_id, name="n", metric="conversations", period=period)
    kind, found = AlertReadings(events, MetricReports(events)).read(
        alert, question, NO_TOPICS, since, until
    )
    assert kind == "count"
    assert [each.value for each in found] == [counted[each.start] for each in found]
    starts = [since]
    while end(period, starts[-1], zone) < until:
        starts.append(end(period, starts[-1], zone))
    assert [each.start for each in found] == starts


def test_every_metric_can_be_watched_by_the_day_and_most_by_the_hour(room: Room) -> None:
    question, tree = room.ask(room.watch(), MONDAY)
    since, until = MONDAY - timedelta(days=2), MONDAY
    for metric in METRICS.values():
        daily = room.watch(metric=metric.name, period="day")
        assert len(room.readings.read(daily, question, tree, since, until)[1]) == 2
        hourly = room.watch(metric=metric.name, period="hour")
        try:
            kind, found = room.readings.read(hourly, question, tree, since, until)
        except Invalid:
            assert metric.window
        else:
            assert (kind, len(found)) == (kind_of(metric), 48)


# ---- when it fires -------------------------------------------------------------------------------


def test_an_outage_is_told_once_and_with_what_was_expected(room: Room) -> None:
    room.watch(destinations=("ops", "removed"))
    fired = []
    for _ in range(22):
        room.clock.move(hours=1)
        fired.append(room.alarms().step())
    assert sum(fired) == 1 and room.woken == 1
    (firing,) = room.alerts.fired(room.project)
    assert (firing.start, firing.end) == (MONDAY + 8 * HOUR, MONDAY + 9 * HOUR)
    assert (firing.value, firing.sample) == (0.0, 0)
    assert firing.low is not None and 0 < firing.low < 10
    assert firing.told == ("ops",)
    (notice,) = room.notices.log(room.project)
    assert notice.document == {"alert": "a", "start": firing.start.isoformat()}
    assert not room.alerts.get(room.project, "a").standing.is_open


def test_a_period_is_judged_only_when_it_has_settled(room: Room) -> None:
    room.watch()
    room.clock.move(hours=9)
    room.alarms().step()
    assert room.alerts.fired(room.project) == []
    room.clock.move(minutes=11)
    room.alarms().step()
    assert len(room.alerts.fired(room.project)) == 1


def test_after_a_silence_of_the_server_nothing_is_lost_and_nothing_told_twice(room: Room) -> None:
    room.watch(destinations=("ops",))
    room.clock.move(hours=23)
    assert [room.alarms().step() for _ in range(3)] == [1, 0, 0]
    assert len(room.notices.log(room.project)) == 1


def test_of_two_processes_one_judges(room: Room) -> None:
    room.watch(destinations=("ops",))
    room.clock.move(hours=12)
    assert (room.alarms("one").step(), room.alarms("two").step()) == (1, 0)
    # The first one dies: when its lease is over, the second goes on.
    room.clock.move(hours=12)
    assert room.alarms("two").step() == 0
    assert room.alerts.get(room.project, "a").judged_to == MONDAY + 23 * HOUR
    assert len(room.notices.log(room.project)) == 1


def test_who_judged_the_same_meanwhile_keeps_nothing_and_tells_nothing(room: Room) -> None:
    room.watch(destinations=("ops",))
    before = room.alerts.get(room.project, "a")
    firing = Firing(alert="a", start=MONDAY, end=MONDAY + HOUR, value=0.0, sample=0)
    keep = (before, MONDAY + HOUR, Standing(is_open=True, fired_at=MONDAY), [firing], MONDAY)
    assert [room.alerts.keep(*keep) for _ in range(3)] == [True, False, False]
    assert len(room.notices.log(room.project)) == len(room.alerts.fired(room.project)) == 1


def test_an_alert_that_was_changed_while_it_was_judged_is_judged_anew(room: Room) -> None:
    alert = room.watch()
    before = room.alerts.get(room.project, "a")
    room.alerts.change(msgspec.structs.replace(alert, muted=True))
    assert not room.alerts.keep(before, MONDAY + HOUR, Standing(), [], MONDAY)
    assert room.alerts.get(room.project, "a").judged_to == before.judged_to


@pytest.mark.parametrize("quiet", [{"muted": True}, {"snoozed_until": MONDAY + timedelta(days=3)}])
def test_what_is_muted_or_snoozed_is_written_down_and_not_told(
    room: Room, quiet: dict[str, Any]
) -> None:
    room.watch(destinations=("ops",), **quiet)
    room.clock.move(hours=12)
    room.alarms().step()
    (firing,) = room.alerts.fired(room.project)
    assert firing.told == ()
    assert room.notices.log(room.project) == []


def test_a_snooze_ends(room: Room) -> None:
    room.watch(destinations=("ops",), snoozed_until=MONDAY + HOUR)
    room.clock.move(hours=12)
    room.alarms().step()
    assert len(room.notices.log(room.project)) == 1


def test_what_cannot_be_judged_says_why_and_holds_nobody_up(room: Room) -> None:
    room.watch(id="odd", name="A", metric="gone")
    room.watch(id="fine", name="B")
    room.clock.move(hours=12)
    assert room.alarms().step() == 1
    assert "no metric" in room.alerts.get(room.project, "odd").trouble


def test_the_past_is_what_it_would_have_been(room: Room) -> None:
    alert = room.watch(rule=Rule.BELOW, threshold=5)
    question, tree = room.ask(alert, MONDAY)
    now = MONDAY + timedelta(hours=20)

    def fired(each: list[Judged]) -> list[datetime]:
        return [one.reading.start for one in each if one.fires]

    assert fired(preview(room.readings, alert, question, tree, now)) == [MONDAY + 8 * HOUR]
    usual = room.watch()
    assert fired(preview(room.readings, usual, question, tree, now)) == [MONDAY + 8 * HOUR]


# ---- what is kept --------------------------------------------------------------------------------


def test_the_first_who_has_seen_to_it_counts(room: Room) -> None:
    room.watch()
    room.clock.move(hours=12)
    room.alarms().step()
    start = MONDAY + 8 * HOUR
    room.alerts.acknowledge(room.project, "a", start, "ana@mail.example", MONDAY)
    room.alerts.acknowledge(room.project, "a", start, "ben@mail.example", MONDAY)
    (firing,) = room.alerts.fired(room.project)
    assert firing.acknowledged_by == "ana@mail.example"
    with pytest.raises(NotFound):
        room.alerts.acknowledge(room.project, "a", MONDAY, "ana@mail.example", MONDAY)


def test_an_alert_that_is_removed_takes_its_log_along(room: Room) -> None:
    room.watch()
    room.clock.move(hours=12)
    room.alarms().step()
    room.alerts.remove(room.project, "a")
    assert room.alerts.fired(room.project) == []
    with pytest.raises(NotFound):
        room.alerts.get(room.project, "a")


def test_a_project_has_so_many_alerts_and_no_more(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causerie.store.alerts.ALERTS_MAX", 1)
    room.watch()
    room.watch(name="Changed")
    with pytest.raises(Conflict):
        room.watch(id="b")


def test_periods_begin_and_end_with_the_clocks_of_the_place() -> None:
    paris = "Europe/Paris"
    # Clocks go back on 25 October: that day has 25 hours.
    day = begin("day", datetime(2026, 10, 25, 12, tzinfo=UTC), paris)
    assert (day, end("day", day, paris) - day) == (
        datetime(2026, 10, 24, 22, tzinfo=UTC),
        timedelta(hours=25),
    )
    week = begin("week", datetime(2026, 10, 25, 12, tzinfo=UTC), paris)
    assert end("week", week, paris) == datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert settled("hour", datetime(2026, 5, 20, 12, 9, tzinfo=UTC), paris).hour == 11
    assert settled("hour", datetime(2026, 5, 20, 12, 10, tzinfo=UTC), paris).hour == 12
