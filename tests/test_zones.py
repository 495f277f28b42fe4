"""Time zones: days, weeks and months are those of the project's clocks, whatever they do."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.buckets import bucket_start, bucket_starts
from causerie.costs import CallQuestion, Costs
from causerie.errors import Invalid
from causerie.reports import PERIODS, Question, Reports, default_since
from causerie.retention import RetentionReport
from causerie.store.events import EventStore
from causerie.store.events_schema import CONVERSATIONS, EXCHANGES
from causerie.zones import check_zone, day_of, days_before, days_between, midnight, zone_names
from tests.kept_rows import put

# Clocks that go by whole hours, by half an hour, at midnight, across the date line, and not at all.
ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Kiritimati",
)
SPAN = (datetime(2011, 12, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
SPRING = date(2026, 3, 29)
AUTUMN = date(2026, 10, 25)


@pytest.fixture(scope="module")
def moments() -> list[datetime]:
    """Some thousand moments of fifteen years, a good part of them when clocks change in Europe."""
    source = random.Random(3)
    seconds = int((SPAN[1] - SPAN[0]).total_seconds())
    found = [SPAN[0] + timedelta(seconds=source.randrange(seconds)) for _ in range(3_000)]
    for day in (SPRING, AUTUMN):
        start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
        found += [start + timedelta(minutes=20 * step) for step in range(180)]
    return found


@pytest.fixture(scope="module")
def kept(moments: list[datetime]) -> dict[int, str]:
    """The project that has them, on each store that was asked."""
    return {}


@pytest.fixture
def project(events: EventStore, kept: dict[int, str], moments: list[datetime]) -> str:
    """A project with a conversation, and a call, at each of the moments."""
    if id(events) not in kept:
        name = kept[id(events)] = f"zones-{id(events)}"
        told = list(enumerate(moments))
        put(events, CONVERSATIONS, [_conversation(name, n, at) for n, at in told])
        put(events, EXCHANGES, [{"project": name, "id": str(n), "at": at} for n, at in told])
    return kept[id(events)]


def _conversation(project: str, number: int, at: datetime) -> dict[str, object]:
    about = {"started_at": at, "ended_at": at, "user": f"u{number % 97}"}
    return {"project": project, "id": str(number), **about}


@pytest.mark.parametrize("zone", ZONES)
def test_every_report_buckets_by_the_clocks_of_the_zone(
    events: EventStore, project: str, moments: list[datetime], zone: str
) -> None:
    question = Question(project, *SPAN, tenant=None, zone=zone)
    calls = CallQuestion(project, *SPAN, tenant=None, zone=zone)
    for period in PERIODS:
        plain = Counter(bucket_start(day_of(at, zone), period) for at in moments)
        talked = Reports(events).series(replace(question, period=period))
        called = Costs(events).series(replace(calls, period=period))
        assert {each.start: each.totals.conversations for each in talked if each.totals.users} == (
            plain
        )
        assert {each.start: each.sums.calls for each in called if each.sums.calls} == plain


@pytest.mark.parametrize("hours", [-1, 0, 1, 12])
def test_a_span_and_the_one_before_are_what_each_is_alone(
    events: EventStore, project: str, hours: int
) -> None:
    """Also where an hour comes twice, and belongs to both."""
    until = datetime(2026, 10, 25, 1, 10, tzinfo=UTC) + timedelta(hours=hours)
    talks = Question(
        project, until - timedelta(days=1), until, tenant=None, zone="Europe/Paris", period="week"
    )
    calls = CallQuestion.of(talks)
    reports, costs = Reports(events), Costs(events)
    talked, called = reports.overview(talks), costs.overview(calls)
    assert talked.now.conversations > 60
    for asked, said in ((talks, talked.now), (talks.previous(), talked.before)):
        assert said == reports.totals(asked)
    for asked_calls, sums in ((calls, called.now), (calls.previous(), called.before)):
        assert sums == costs.totals(asked_calls)
    assert talked.series == reports.series(talks)
    assert talked.series_before == reports.series(talks.previous())
    assert called.series == costs.series(calls)
    assert called.series_before == costs.series(calls.previous())


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Havana"])
def test_cohorts_are_of_the_weeks_there(
    events: EventStore, project: str, moments: list[datetime], zone: str
) -> None:
    question = Question(project, *SPAN, tenant=None, zone=zone, period="week")
    firsts: dict[int, datetime] = {}
    for number, at in enumerate(moments):
        firsts[number % 97] = min(at, firsts.get(number % 97, at))
    plain = Counter(bucket_start(day_of(at, zone), "week") for at in firsts.values())
    found = RetentionReport(events).retention(question, "", SPAN[1])
    assert {cohort.start: cohort.size for cohort in found.cohorts} == plain


def test_a_day_has_23_or_25_hours_when_clocks_change() -> None:
    def hours(day: date) -> float:
        end = midnight(day + timedelta(days=1), "Europe/Paris")
        return (end - midnight(day, "Europe/Paris")) / timedelta(hours=1)

    assert [hours(SPRING), hours(AUTUMN), hours(date(2026, 5, 20))] == [23, 25, 24]


def test_a_day_without_a_midnight_begins_when_clocks_go_on() -> None:
    began = midnight(date(2024, 4, 26), "Africa/Cairo")
    assert f"{began.astimezone(ZoneInfo('Africa/Cairo')):%d %H:%M}" == "26 01:00"


@given(
    st.datetimes(datetime(2012, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(ZONES),
)
def test_a_moment_is_within_its_day(at: datetime, zone: str) -> None:
    day = day_of(at, zone)
    assert midnight(day, zone) <= at < midnight(day + timedelta(days=1), zone)


@pytest.mark.parametrize("last", [SPRING, AUTUMN, date(2026, 4, 2), date(2026, 10, 29)])
def test_the_span_before_has_as_many_days_and_ends_at_the_same_hour(last: date) -> None:
    zone = "Europe/Paris"
    until = midnight(last, zone) + timedelta(hours=15)
    question = Question("p", default_since(until, zone), until, zone=zone)
    before = question.previous()
    assert day_of(before.since, zone) == question.first_day - timedelta(days=7)
    assert before.since == midnight(day_of(before.since, zone), zone)
    shown = until.astimezone(ZoneInfo(zone))
    assert f"{before.until.astimezone(ZoneInfo(zone)):%H:%M}" == f"{shown:%H:%M}"
    assert days_between(question.since, question.until, zone) == 7


def test_days_are_counted_by_clocks_and_not_by_hours() -> None:
    long = midnight(AUTUMN, "Europe/Paris"), midnight(AUTUMN + timedelta(days=1), "Europe/Paris")
    assert days_between(*long, "Europe/Paris") == 1
    assert days_between(*long, "UTC") == 2
    assert days_before(long[1], 1, "Europe/Paris") == long[0]


def test_a_series_has_each_day_of_the_zone_once() -> None:
    span = (
        midnight(date(2026, 3, 1), "Asia/Kathmandu"),
        midnight(date(2026, 4, 1), "Asia/Kathmandu"),
    )
    days = list(bucket_starts(*span, "day", "Asia/Kathmandu"))
    assert (days[0], days[-1], len(days)) == (date(2026, 3, 1), date(2026, 3, 31), 31)


def test_the_engine_knows_every_zone_that_can_be_chosen(embedded_events: EventStore) -> None:
    with embedded_events._client() as client:
        known = client.query("SELECT time_zone FROM system.time_zones").result_columns[0]
    assert set(zone_names()) <= set(known)
    assert {"UTC", *ZONES, "Europe/London", "Asia/Shanghai"} <= set(zone_names())


@pytest.mark.parametrize("name", ["", "CET", "Etc/GMT+5", "Europe/Nowhere", "../etc/passwd"])
def test_what_is_no_place_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_zone(name)
