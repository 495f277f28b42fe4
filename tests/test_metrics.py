"""Metrics: every one, split by anything, is what a plain count finds, on both engines."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causerie.costs import CallQuestion
from causerie.errors import Invalid, NotFound
from causerie.metric_catalogue import METRICS, metric_of
from causerie.metric_reports import PARTS_MAX, Line, MetricReports, Series
from causerie.metric_workings import SIGNALS
from causerie.metrics import CALL_SPLITS, META, Metric, Source, split_of
from causerie.reports import PERIODS, Question
from causerie.store.events import EventStore
from causerie.topic_trees import TopicTree
from tests.metric_world import keep
from tests.plain_metrics import Call, PartName, Span, Talk, World, number, parts_of
from tests.understood import found_topic

# Weeks in which clocks change in Paris, and a month that they end.
SINCE, UNTIL = datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 4, 3, 15, tzinfo=UTC)
EVER = UNTIL - timedelta(days=80)
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland")
TREE = TopicTree(
    [
        found_topic("p", "post", "Post"),
        found_topic("p", "late", "Late parcels", "post"),
        found_topic("p", "lost", "Lost parcels", "post"),
        found_topic("p", "cards", "Cards"),
        found_topic("p", "old-cards", "Old cards", merged_into="cards"),
    ]
)
SPLITS = (*CALL_SPLITS, "meta:plan", "evaluation:Polite")
PASS_RATE = metric_of("pass_rate:Polite")


def ancestry(topics: Any) -> list[str]:
    """What they count for, each once."""
    return list(dict.fromkeys(one for topic in topics for one in TREE.lineage(topic)))


moments = st.one_of(
    st.datetimes(SINCE.replace(tzinfo=None), UNTIL.replace(tzinfo=None), timezones=st.just(UTC)),
    st.datetimes(EVER.replace(tzinfo=None), UNTIL.replace(tzinfo=None), timezones=st.just(UTC)),
)
thumbs = st.sampled_from((0, 0, 1, 3))
moods = st.sampled_from((-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0))
talks = st.builds(
    Talk,
    id=st.sampled_from([f"t{n}" for n in range(14)]),
    at=moments,
    user=st.sampled_from(("", "ana", "ben", "cyd")),
    tenant=st.sampled_from(("", "acme")),
    model=st.sampled_from(("", "small", "large")),
    source=st.sampled_from(("api", "gateway")),
    metadata=st.sampled_from(({}, {"plan": "plus"}, {"plan": "free", "other": "x"})),
    asked=st.integers(0, 4),
    answered=st.integers(0, 4),
    others=st.integers(0, 2),
    up=thumbs,
    down=thumbs,
    moods=st.one_of(st.none(), st.lists(moods, max_size=3).map(tuple)),
    language=st.sampled_from(("", "und", "en", "fr")),
    signals=st.lists(st.sampled_from(SIGNALS), unique=True, max_size=2).map(tuple),
    topics=st.lists(
        st.sampled_from(("late", "lost", "cards", "old-cards")), unique=True, max_size=2
    ).map(tuple),
    outcomes=st.lists(st.sampled_from(("pass", "fail", "inconclusive")), max_size=3).map(tuple),
)
costs = st.sampled_from(
    (
        (None, ""),
        (Decimal("0.000000001"), "USD"),
        (Decimal("2.5"), "USD"),
        (Decimal(2), "CNY"),
        (Decimal(0), "USD"),
    )
)
calls = st.builds(
    lambda priced, **given: Call(cost=priced[0], currency=priced[1], **given),
    costs,
    id=st.sampled_from([f"x{n}" for n in range(14)]),
    at=moments,
    user=st.sampled_from(("", "ana", "ben", "dot")),
    tenant=st.sampled_from(("", "acme")),
    conversation=st.sampled_from(("", *(f"t{n}" for n in range(14)))),
    model=st.sampled_from(("small", "large")),
    endpoint=st.sampled_from(("ep-a", "ep-b")),
    key=st.sampled_from(("key_a", "anyone")),
    read=st.integers(0, 500),
    cached=st.one_of(st.none(), st.just(0)),
    written=st.integers(0, 50),
    total_ms=st.integers(1, 90_000),
    first_ms=st.one_of(st.none(), st.integers(1, 900)),
    error=st.sampled_from(("", "", "", "too slow")),
).map(lambda call: call if call.cached is None else replace(call, cached=call.read // 2))


@st.composite
def histories(draw: st.DrawFn) -> tuple[World, list[Talk | Call]]:
    """A world, and what was kept of it before: what was changed, moved and deleted since."""
    said = draw(st.lists(talks, max_size=14, unique_by=lambda talk: (talk.tenant, talk.id)))
    made = draw(st.lists(calls, max_size=14, unique_by=lambda call: call.id))
    grown = draw(st.lists(talks, max_size=4, unique_by=lambda talk: (talk.tenant, talk.id)))
    gone = [replace(talk, id=f"gone-{talk.id}") for talk in grown]
    # A conversation that is kept anew keeps its start, which its row is sorted by.
    old = [
        replace(
            talk, asked=talk.asked + 1, up=7, user="dot", moods=None, outcomes=talk.outcomes[:1]
        )
        for talk in said[:5]
    ]
    return World(said, made, ancestry), [*old, *gone]


def held_against(
    events: EventStore, world: World, series: Series, span: Span, split: str, period: str
) -> None:
    """A series is what a plain count of the world finds."""
    metric, currency = series.metric, series.currency
    everything: Sequence[Any] = world.calls if metric.source is Source.CALLS else world.talks
    check(world, metric.name, series.whole.now, everything, span, period, currency)
    assert not series.parts or split
    if not split:
        return
    parts: dict[PartName, list[Any]] = {}
    for each in everything:
        for part in parts_of(world, span, split, each):
            parts.setdefault(part, []).append(each)
    told = {(part.name, part.within): part for part in series.parts if not part.is_other}
    # Those of which there is something within the span.
    here = {name for name, ones in parts.items() if any(span.has(one.at) for one in ones)}
    assert len(told) <= PARTS_MAX
    if metric.source is not Source.PEOPLE:
        assert set(told) <= here and (len(told) == len(here) or len(told) == PARTS_MAX)
    for name, one in told.items():
        check(world, metric.name, one.now, parts[name], span, period, currency)
    others = {id(one): one for name, ones in parts.items() if name not in told for one in ones}
    for other in series.parts:
        if other.is_other:
            check(world, metric.name, other.now, list(others.values()), span, period, currency)


def check(
    world: World,
    name: str,
    line: Line,
    within: Sequence[Any],
    span: Span,
    period: str,
    currency: str,
) -> None:
    values = [line.total, *line.buckets]
    spans = [span, *(each for _, each in span.buckets(period))]
    assert len(values) == len(spans)
    for value, each in zip(values, spans, strict=True):
        plain = number(world, name, each, within, currency)
        exact = plain is None or isinstance(plain, (int, Decimal))
        assert value.value == (plain if exact else pytest.approx(plain, abs=1e-6))
        if value.low is not None and value.high is not None:
            assert value.low - 1e-9 <= float(value.value or 0) <= value.high + 1e-9


@pytest.mark.parametrize("metric", [*METRICS.values(), PASS_RATE], ids=lambda metric: metric.name)
def test_every_metric_can_be_split_by_all_that_it_is_split_by(
    embedded_events: EventStore, metric: Metric
) -> None:
    # Of a statement only what a metric and a split need is sent, so that each pair has its own.
    reports = MetricReports(embedded_events)
    now = datetime(2026, 5, 20, tzinfo=UTC)
    asked = Question("nobody", now - timedelta(days=2), now, tenant=None)
    for split in (*metric.splits, f"{META}:plan", "evaluation:Polite"):
        found = reports.series(asked, metric, split_of(split, metric), compares=False)
        assert found.parts == ()


def test_every_metric_is_what_a_plain_count_finds(events: EventStore) -> None:
    reports = MetricReports(events)

    # Rows stay; each world has a project of its own.
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        histories(),
        st.sampled_from([*METRICS.values(), PASS_RATE, PASS_RATE]),
        st.sampled_from(("", *SPLITS)),
        st.sampled_from(PERIODS),
        st.sampled_from(ZONES),
        st.sampled_from((None, "", "acme")),
    )
    def hold(
        history: tuple[World, list[Talk | Call]],
        metric: Metric,
        split: str,
        period: str,
        zone: str,
        tenant: str | None,
    ) -> None:
        world, earlier = history
        if split in ("endpoint", "key") and split not in metric.splits:
            split = ""
        project = f"metric-{uuid.uuid4().hex[:12]}"
        keep(events, project, world, earlier)
        question = Question(project, SINCE, UNTIL, tenant=tenant, period=period, zone=zone)
        series = reports.series(question, metric, split_of(split, metric), TREE)
        seen = world if tenant is None else only(world, tenant)
        held_against(events, seen, series, Span(SINCE, UNTIL, zone), split, period)
        before = question.previous()
        then = Span(before.since, before.until, zone)
        everything: Any = seen.calls if metric.source is Source.CALLS else seen.talks
        assert series.whole.before is not None
        check(seen, metric.name, series.whole.before, everything, then, period, series.currency)

    hold()


def only(world: World, tenant: str) -> World:
    """What one tenant has."""
    return World(
        [talk for talk in world.talks if talk.tenant == tenant],
        [call for call in world.calls if call.tenant == tenant],
        world.ancestry,
    )


def test_a_metric_has_a_name_and_a_sentence() -> None:
    for name, metric in METRICS.items():
        assert (metric.name, metric_of(name)) == (name, metric)
        assert metric.definition.endswith(".") and metric.title[0].isupper()
    for unknown in ("happiness", "pass_rate", "pass_rate:", "users:x"):
        with pytest.raises(NotFound):
            metric_of(unknown)


@pytest.mark.parametrize("split", ["endpoint", "weather", "meta", "meta:", "topic:late"])
def test_a_split_that_a_metric_has_not_is_refused(split: str) -> None:
    with pytest.raises(Invalid):
        split_of(split, METRICS["users"])


def test_the_largest_eight_parts_have_names(events: EventStore, project_id: str) -> None:
    at = UNTIL - timedelta(days=1)
    sizes: Mapping[str, int] = {f"m{n:02}": n for n in range(1, 12)}
    said = [
        Talk(f"{model}-{n}", at, model=model, asked=1)
        for model, size in sizes.items()
        for n in range(size)
    ]
    keep(events, project_id, World(said))
    question = Question(project_id, SINCE, UNTIL, tenant=None)
    found = MetricReports(events).series(
        question, METRICS["conversations"], split_of("model", METRICS["conversations"])
    )
    assert [part.name for part in found.parts[:8]] == [f"m{n:02}" for n in range(11, 3, -1)]
    assert [part.is_other for part in found.parts] == [False] * 8 + [True]
    assert found.parts[8].now.total.value == 1 + 2 + 3
    # The same parts are told of the span before, where nothing was.
    assert [part.before.total.value for part in found.parts if part.before] == [0] * 9


def test_a_cost_is_of_one_currency(events: EventStore, project_id: str) -> None:
    at = UNTIL - timedelta(days=1)
    made = [
        Call("a", at, cost=Decimal("0.1"), currency="USD", read=1),
        Call("b", at, cost=Decimal("0.2"), currency="USD", read=1),
        Call("c", at, cost=Decimal(9), currency="CNY", read=1),
        Call("d", at, read=1),
    ]
    keep(events, project_id, World([], made))
    reports, cost = MetricReports(events), METRICS["cost"]
    question = CallQuestion(project_id, SINCE, UNTIL, tenant=None)
    greatest = reports.series(question, cost)
    assert (greatest.currency, greatest.whole.now.total.value) == ("CNY", Decimal(9))
    dollars = reports.series(replace(question, currency="USD"), cost).whole.now.total
    assert (dollars.value, dollars.missing) == (Decimal("0.3"), 1)
    assert reports.series(replace(question, currency="EUR"), cost).whole.now.total.value is None


def test_a_week_of_active_users_reaches_back_before_the_span(
    events: EventStore, project_id: str
) -> None:
    days = {"ana": 26, "ben": 27, "cyd": 31}
    said = [Talk(user, datetime(2026, 3, day, 12, tzinfo=UTC), user) for user, day in days.items()]
    keep(events, project_id, World(said))
    since = datetime(2026, 4, 1, tzinfo=UTC)
    question = Question(project_id, since, since + timedelta(days=4), tenant=None)
    found = MetricReports(events).series(question, METRICS["weekly_active_users"])
    assert found.starts[0] == date(2026, 4, 1)
    # The week that ends on 1 April begins on 26 March, and so on.
    assert [value.value for value in found.whole.now.buckets] == [3, 2, 1, 1]
    assert found.whole.now.total.value == 1
