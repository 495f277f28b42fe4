"""Every report on calls, on a few of them that were added up by hand, embedded and over HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from causerie.costs import CallQuestion, Costs, Sums
from causerie.reports import default_since
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from tests.made_calls import NOON, call, keep_calls

ASKED = "the model's provider answered 500"
CALLS = (
    call(
        "a",
        cost="0.25 USD",
        user="ana",
        conversation="talk",
        input_tokens=100,
        cached_tokens=40,
        output_tokens=20,
        total_ms=900,
        first_token_ms=200,
        streamed=True,
    ),
    call(
        "b",
        cost="0.000000001 USD",
        user="ana",
        conversation="talk",
        input_tokens=100,
        cached_tokens=80,
        output_tokens=30,
        total_ms=2_000,
        first_token_ms=400,
        streamed=True,
    ),
    # The provider says nothing of its cache, and no table knows the price.
    call("c", 1, model="odd", user="ben", key="key_b", estimated=True, total_ms=60_000),
    call("d", 3, cost="2 CNY", model="large", endpoint="ep-b", tenant="acme", user="ana"),
    # It did not stream: what it has as its first token is its whole answer.
    call("e", 3, cost="0 USD", key="key_b", endpoint="ep-b", first_token_ms=1_000),
    call(
        "f",
        3,
        status=502,
        error=f"{ASKED}: number 17",
        conversation="sad",
        input_tokens=0,
        output_tokens=0,
        total_ms=90_000,
    ),
    call("g", 3.01, status=502, error=f"{ASKED}: number 16", input_tokens=0, output_tokens=0),
    call("h", 3, status=504, error="too slow", model="odd"),
    call("i", 9, cost="4 USD", user="old"),
)


@pytest.fixture(scope="module")
def worlds() -> dict[int, str]:
    """The project of the calls in each analytics store, once they are there."""
    return {}


@pytest.fixture
def costs(events: EventStore, sqlite_engine: Engine, worlds: dict[int, str]) -> Costs:
    if id(events) not in worlds:
        worlds[id(events)] = f"calls-{id(events)}"
        inbox = Inbox(sqlite_engine)
        first = [exchange for exchange in CALLS if exchange.conversation == "talk"]
        rest = [exchange for exchange in CALLS if exchange.conversation != "talk"]
        keep_calls(inbox, events, worlds[id(events)], first, plan="plus")
        keep_calls(inbox, events, worlds[id(events)], rest)
        keep_calls(inbox, events, f"{worlds[id(events)]}-other", [call("z", cost="9 USD")])
    return Costs(events)


@pytest.fixture
def week(events: EventStore, costs: Costs, worlds: dict[int, str]) -> CallQuestion:
    """The last seven days of every tenant."""
    return CallQuestion(worlds[id(events)], default_since(NOON), NOON, tenant=None)


def ids(costs: Costs, question: CallQuestion, **changed: Any) -> int:
    """How many calls a narrower question is about."""
    return costs.totals(replace(question, **changed)).calls


def test_the_totals_are_those_added_up_by_hand(costs: Costs, week: CallQuestion) -> None:
    sums = costs.totals(week)
    assert (sums.calls, sums.users, sums.conversations, sums.errors) == (8, 3, 2, 3)
    assert (sums.input_tokens, sums.output_tokens, sums.tokens) == (240, 70, 310)
    assert sums.costs == {"USD": Decimal("0.250000001"), "CNY": Decimal(2)}
    assert sums.estimated == 1


def test_a_call_that_took_nothing_lacks_no_price(costs: Costs, week: CallQuestion) -> None:
    # c and h took tokens; f and g were refused before anything was read.
    assert costs.totals(week).unpriced == 2
    found = [(one.model, one.upstream, one.calls, one.tokens) for one in costs.unpriced(week)]
    assert found == [("odd", "models.example", 2, 30)]


def test_the_share_cached_is_of_the_input_that_providers_tell_about(
    costs: Costs, week: CallQuestion
) -> None:
    sums = costs.totals(week)
    assert (sums.cached_tokens, sums.told_tokens) == (120, 200)
    assert sums.share_cached == 0.6
    silent = costs.totals(replace(week, model="odd"))
    assert (silent.cached_tokens, silent.share_cached) == (None, None)


def test_latencies_are_of_calls_that_were_answered(costs: Costs, week: CallQuestion) -> None:
    # 900, 1000, 1000, 2000 and 60,000 ms; the failures took 90,000 and 1,000.
    sums = costs.totals(week)
    assert (sums.total_p50_ms, sums.total_p95_ms) == (1_000, 60_000)
    assert (sums.first_p50_ms, sums.first_p95_ms) == (400, 400)
    none = costs.totals(replace(week, user="nobody"))
    assert (none.total_p50_ms, none.first_p95_ms) == (None, None)


def test_a_cost_nobody_knows_is_not_nothing(costs: Costs, week: CallQuestion) -> None:
    unknown = costs.totals(replace(week, model="odd"))
    assert unknown.costs == {}
    assert (unknown.cost("USD"), unknown.currency) == (None, "")
    free = costs.totals(replace(week, key="key_b", model="small"))
    assert free.costs == {"USD": Decimal(0)}
    assert Sums().cost("USD") == free.cost("USD") == Decimal(0)
    both = costs.totals(week)
    assert (both.currency, both.cost("CNY"), both.cost("EUR")) == ("CNY", Decimal(2), None)


def test_the_span_includes_its_start_and_not_its_end(costs: Costs, week: CallQuestion) -> None:
    made = NOON - timedelta(minutes=10)
    assert ids(costs, week, since=made) == 2
    assert ids(costs, week, since=made + timedelta(microseconds=1)) == 0
    assert ids(costs, week, until=made) == 6


def test_filters_narrow_the_calls(costs: Costs, week: CallQuestion) -> None:
    assert ids(costs, week, user="ana") == 3
    assert ids(costs, week, model="small") == 5
    assert ids(costs, week, key="key_b") == 2
    assert ids(costs, week, tenant="") == 7
    assert ids(costs, week, tenant="acme", user="ana") == 1
    assert ids(costs, week, metadata=(("endpoint", "ep-b"),)) == 2
    assert ids(costs, week, metadata=(("context", "ctx-none"),)) == 0


def test_what_conversations_have_asks_for_their_calls(costs: Costs, week: CallQuestion) -> None:
    assert ids(costs, week, metadata=(("plan", "plus"),)) == 2
    assert ids(costs, week, metadata=(("plan", "plus"), ("endpoint", "ep-b"))) == 0
    assert ids(costs, week, text="SAID IN F") == 1
    assert ids(costs, week, rating="none") == 3
    assert ids(costs, week, rating="up") == 0


def test_another_projects_calls_are_not_counted(costs: Costs, week: CallQuestion) -> None:
    other = costs.totals(replace(week, project=f"{week.project}-other"))
    assert other.calls == 1
    assert other.costs == {"USD": Decimal(9)}
    assert costs.values(week.project).models == ["small", "odd", "large"]


def test_a_series_has_every_day(costs: Costs, week: CallQuestion) -> None:
    series = costs.series(week)
    assert [bucket.sums.calls for bucket in series] == [0, 0, 0, 5, 0, 1, 2]
    assert series[3].start == date(2026, 5, 17)
    assert series[3].sums.costs == {"CNY": Decimal(2), "USD": Decimal(0)}
    assert series[0].sums == Sums()
    weeks = costs.series(replace(week, period="week"))
    assert [(bucket.start, bucket.sums.calls) for bucket in weeks] == [
        (date(2026, 5, 11), 5),
        (date(2026, 5, 18), 3),
    ]


def test_the_span_before_is_told_beside_it(costs: Costs, week: CallQuestion) -> None:
    overview = costs.overview(week)
    assert (overview.now.calls, overview.before.calls) == (8, 1)
    assert overview.before.costs == {"USD": Decimal(4)}
    assert sum(bucket.sums.calls for bucket in overview.series_before) == 1


@pytest.mark.parametrize(
    ("by", "found"),
    [
        ("model", {"small": 5, "odd": 2, "large": 1}),
        ("user", {"ana": 2, "ana/acme": 1, "": 4, "ben": 1}),
        ("key", {"key_a": 6, "key_b": 2}),
        ("endpoint", {"ep-a": 6, "ep-b": 2}),
    ],
)
def test_rows_add_up_to_the_totals(
    costs: Costs, week: CallQuestion, by: str, found: dict[str, int]
) -> None:
    page = costs.rows(replace(week, by=by))
    named = {f"{row.name}/{row.within}".rstrip("/"): row.sums.calls for row in page.rows}
    assert named == found
    assert page.total == len(found)
    total = costs.totals(week)
    assert sum(row.sums.input_tokens for row in page.rows) == total.input_tokens
    assert sum(row.sums.unpriced for row in page.rows) == total.unpriced


@pytest.mark.parametrize(
    ("sort", "first"),
    [("", "small"), ("cost", "small"), ("calls", "small"), ("tokens", "small"), ("slowest", "odd")],
)
def test_rows_come_in_the_order_asked_for(
    costs: Costs, week: CallQuestion, sort: str, first: str
) -> None:
    page = costs.rows(replace(week, sort=sort, currency="USD"))
    assert page.rows[0].name == first


def test_a_cost_sorts_in_its_own_currency(costs: Costs, week: CallQuestion) -> None:
    assert costs.rows(replace(week, currency="CNY")).rows[0].name == "large"


def test_rows_come_in_pages(costs: Costs, week: CallQuestion) -> None:
    second = costs.rows(replace(week, sort="calls", per_page=2, page=2))
    assert [row.name for row in second.rows] == ["large"]
    assert (second.total, second.pages) == (3, 2)


def test_errors_are_told_by_kind_with_the_latest_in_full(costs: Costs, week: CallQuestion) -> None:
    first, second = costs.errors(week)
    assert (first.status, first.kind, first.calls, first.users) == (502, ASKED, 2, 0)
    assert (first.example, first.conversations) == (f"{ASKED}: number 17", 1)
    assert first.latest == NOON - timedelta(days=3, minutes=10)
    assert (second.status, second.kind, second.calls) == (504, "too slow", 1)


def test_a_call_that_is_written_twice_counts_once(
    costs: Costs, week: CallQuestion, events: EventStore, sqlite_engine: Engine
) -> None:
    project = f"{week.project}-twice"
    for _ in range(2):
        # Another inbox each time, which does not know that it had them.
        with sqlite_engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM requests")
        keep_calls(Inbox(sqlite_engine), events, project, [call("one", cost="1 USD")])
    sums = costs.totals(replace(week, project=project))
    assert sums.calls == 1
    assert sums.costs == {"USD": Decimal(1)}


def test_the_extent_tells_the_first_and_the_latest(costs: Costs, week: CallQuestion) -> None:
    extent = costs.extent(week.project)
    assert (extent.calls, extent.first) == (9, NOON - timedelta(days=9, minutes=10))
    assert extent.latest == NOON - timedelta(minutes=10)
    assert costs.extent("nothing").first is None
