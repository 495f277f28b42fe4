"""Allowances: limits per minute and budgets, in one process and in several that share a store."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, event, select

from causerie.accounts import Allowance, Key, KeyKind
from causerie.allowances import IDLE, Allowances
from causerie.errors import TooMany, Unavailable
from causerie.exchanges import Cost
from causerie.store.accounts import Accounts
from causerie.store.spending import Amount, Spending, minute_of, month_of
from causerie.store.state import transaction
from causerie.store.state_schema import spending as spending_table
from causerie.testing import Ticking

START = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)
CALLERS = 8


def a_key(engine: Engine, **limits: Any) -> Key:
    """A gateway key of those limits, in the store."""
    accounts = Accounts(engine)
    project = accounts.create_project("Shop", START)
    allowance = Allowance(**limits)
    return accounts.create_key(project.id, KeyKind.GATEWAY, "app", START, allowance)[0]


def dollars(amount: str, currency: str = "USD") -> Cost:
    return Cost(Decimal(amount), currency, "a table")


def opened(engine: Engine, clock: Ticking, key: Key) -> Allowances:
    """What one process knows of the key."""
    allowances = Allowances(Spending(engine), clock)
    if not allowances.known(key):
        allowances.load(key)
    assert allowances.known(key)
    return allowances


def admitted(allowances: Allowances, key: Key, tries: int) -> int:
    """How many of so many requests were let through."""
    return [refusal_of(allowances, key) for _ in range(tries)].count("")


def refusal_of(allowances: Allowances, key: Key) -> str:
    """The limit that refuses, or nothing."""
    try:
        allowances.admit(key)
    except TooMany as error:
        return error.limit
    return ""


def refused(allowances: Allowances, key: Key) -> TooMany:
    with pytest.raises(TooMany) as refusal:
        allowances.admit(key)
    return refusal.value


def kept(engine: Engine) -> dict[str, Amount]:
    """What the store has, by span."""
    with transaction(engine) as connection:
        rows = connection.execute(select(spending_table)).all()
    return {row.span: Amount(row.requests, row.tokens, row.cost_nano) for row in rows}


# ---- one process -------------------------------------------------------------------------------


def test_requests_over_the_limit_wait_for_the_next_minute(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    key = a_key(sqlite_engine, requests_per_minute=3)
    allowances = opened(sqlite_engine, clock, key)
    clock.move(seconds=40.5)
    assert admitted(allowances, key, 5) == 3
    refusal = refused(allowances, key)
    assert (refusal.limit, refusal.retry_after_s) == ("requests", 19.5)
    assert "3 requests per minute" in refusal.message and "20s" in refusal.message
    clock.move(seconds=19.5)
    assert admitted(allowances, key, 5) == 3


def test_tokens_over_the_limit_refuse_the_next_call_not_the_one_that_went_over(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    key = a_key(sqlite_engine, tokens_per_minute=100)
    allowances = opened(sqlite_engine, clock, key)
    for tokens in (60, 60):
        allowances.admit(key)
        allowances.spend(key, tokens, None)
    refusal = refused(allowances, key)
    assert (refusal.limit, refusal.retry_after_s) == ("tokens", 60.0)
    clock.move(minutes=1)
    allowances.admit(key)


def test_the_headers_say_what_is_left_of_the_limits_there_are(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    key = a_key(sqlite_engine, requests_per_minute=2, tokens_per_minute=100)
    allowances = opened(sqlite_engine, clock, key)
    clock.move(seconds=47.2)
    assert allowances.admit(key) == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "1",
        "x-ratelimit-reset-requests": "13s",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "100",
        "x-ratelimit-reset-tokens": "13s",
    }
    allowances.spend(key, 30, None)
    headers = allowances.admit(key)
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert headers["x-ratelimit-remaining-tokens"] == "70"


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"requests_per_minute": 5}, {"requests"}),
        ({"tokens_per_minute": 5}, {"tokens"}),
        ({"monthly_budget": Decimal(5)}, set()),
        ({}, set()),
    ],
)
def test_no_header_names_a_limit_that_is_not_there(
    sqlite_engine: Engine, clock: Ticking, limits: dict[str, Any], named: set[str]
) -> None:
    key = a_key(sqlite_engine, **limits)
    headers = opened(sqlite_engine, clock, key).admit(key)
    assert {name.rpartition("-")[2] for name in headers} == named


def test_a_spent_budget_refuses_until_the_month_is_over(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    key = a_key(sqlite_engine, monthly_budget=Decimal("0.30"))
    allowances = opened(sqlite_engine, clock, key)
    clock.now = datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC)
    for _ in range(3):
        allowances.admit(key)
        allowances.spend(key, 10, dollars("0.10"))
    refusal = refused(allowances, key)
    assert (refusal.limit, refusal.retry_after_s) == ("budget", None)
    assert "0.30 USD" in refusal.message
    clock.move(seconds=1)
    allowances.admit(key)
    allowances.flush()
    assert kept(sqlite_engine)["2026-05 USD"] == Amount(3, 30, 300_000_000)


def test_a_budget_of_nothing_lets_nothing_through(sqlite_engine: Engine, clock: Ticking) -> None:
    key = a_key(sqlite_engine, monthly_budget=Decimal(0))
    assert refused(opened(sqlite_engine, clock, key), key).limit == "budget"


def test_what_costs_another_currency_is_kept_apart_from_the_budget(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    key = a_key(sqlite_engine, monthly_budget=Decimal(1), currency="CNY")
    allowances = opened(sqlite_engine, clock, key)
    allowances.spend(key, 10, dollars("50"))
    allowances.spend(key, 10, None)
    allowances.spend(key, 10, dollars("0.999999999", "CNY"))
    allowances.admit(key)
    allowances.spend(key, 10, dollars("0.000000001", "CNY"))
    assert refused(allowances, key).limit == "budget"
    allowances.flush()
    assert kept(sqlite_engine) == {
        "2026-05 USD": Amount(1, 10, 50 * 10**9),
        "2026-05 CNY": Amount(3, 30, 10**9),
    }


def test_a_refused_call_counts_nothing(sqlite_engine: Engine, clock: Ticking) -> None:
    key = a_key(sqlite_engine, requests_per_minute=10, tokens_per_minute=1)
    allowances = opened(sqlite_engine, clock, key)
    allowances.spend(key, 1, None)
    assert admitted(allowances, key, 5) == 0
    allowances.flush()
    assert kept(sqlite_engine)[minute_of(START)].requests == 0


def test_a_clock_that_goes_back_begins_no_minute_anew(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    key = a_key(sqlite_engine, requests_per_minute=2)
    allowances = opened(sqlite_engine, clock, key)
    assert admitted(allowances, key, 3) == 2
    for flushed in (False, True):
        clock.move(minutes=1)
        admitted(allowances, key, 3)
        if flushed:
            allowances.flush()
        clock.move(minutes=-1)
        assert admitted(allowances, key, 3) == 0
    clock.move(days=-1)
    assert admitted(allowances, key, 3) == 2
    allowances.flush()
    assert admitted(allowances, key, 3) == 0


def test_threads_together_get_no_more_than_the_limit(sqlite_engine: Engine, clock: Ticking) -> None:
    key = a_key(sqlite_engine, requests_per_minute=100)
    allowances = opened(sqlite_engine, clock, key)
    with ThreadPoolExecutor(CALLERS) as pool:
        flushes = [pool.submit(allowances.flush) for _ in range(CALLERS)]
        counts = list(pool.map(lambda _: admitted(allowances, key, 50), range(CALLERS)))
        for flush in flushes:
            flush.result()
    assert sum(counts) == 100
    allowances.flush()
    assert kept(sqlite_engine)[minute_of(START)].requests == 100


def test_a_key_without_limits_never_asks_the_store_and_is_kept_all_the_same(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    key = a_key(sqlite_engine)
    allowances = Allowances(Spending(sqlite_engine), clock)
    statements: list[str] = []
    event.listen(sqlite_engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert allowances.known(key) and allowances.admit(key) == {}
    allowances.spend(key, 12, dollars("0.5"))
    assert statements == []
    allowances.flush()
    assert kept(sqlite_engine) == {"2026-05 USD": Amount(1, 12, 500_000_000)}


def test_an_idle_process_asks_the_store_for_nothing_but_old_minutes(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    key = a_key(sqlite_engine, requests_per_minute=2)
    allowances = opened(sqlite_engine, clock, key)
    clock.move(seconds=IDLE.total_seconds() + 1)
    allowances.flush()
    statements: list[str] = []
    event.listen(sqlite_engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    allowances.flush()
    assert statements == []
    assert not allowances.known(key)


def test_limits_that_change_count_from_the_next_call_on(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    key = a_key(sqlite_engine)
    allowances = opened(sqlite_engine, clock, key)
    allowances.spend(key, 10, dollars("5"))
    Accounts(sqlite_engine).set_allowance(key.project, key.id, Allowance(monthly_budget=Decimal(5)))
    changed = Accounts(sqlite_engine).keys(key.project)[0]
    assert not allowances.known(changed)
    allowances.load(changed)
    assert refused(allowances, changed).limit == "budget"
    allowances.admit(key)


def test_whoever_calls_without_a_key_of_the_store_is_counted_nowhere(
    sqlite_engine: Engine, clock: Ticking
) -> None:
    key = a_key(sqlite_engine)
    anyone = Key(
        id="anyone",
        project=key.project,
        kind=KeyKind.GATEWAY,
        name="anyone",
        hint="",
        created_at=START,
    )
    allowances = opened(sqlite_engine, clock, key)
    for one in (anyone, key):
        allowances.spend(one, 1, None)
    allowances.flush()
    assert kept(sqlite_engine) == {"2026-05 USD": Amount(1, 1, 0)}


# ---- the store -----------------------------------------------------------------------------------


def test_processes_share_limits_after_a_flush(engine: Engine, clock: Ticking) -> None:
    key = a_key(engine, requests_per_minute=10, tokens_per_minute=1000, monthly_budget=Decimal(1))
    one, other = opened(engine, clock, key), opened(engine, clock, key)
    assert admitted(one, key, 6) == 6
    one.flush()
    other.flush()
    assert other.admit(key)["x-ratelimit-remaining-requests"] == "3"
    assert admitted(other, key, 9) == 3
    other.flush()
    one.flush()
    assert refused(one, key).limit == "requests"
    clock.move(minutes=1)
    one.spend(key, 600, dollars("0.4"))
    other.spend(key, 400, dollars("0.6"))
    one.flush()
    other.flush()
    assert refused(other, key).limit == "budget"
    clock.now = datetime(2026, 6, 1, tzinfo=UTC)
    assert admitted(other, key, 1) == 1
    assert kept(engine)["2026-05 USD"] == Amount(2, 1000, 10**9)


def test_a_process_that_starts_knows_what_others_spent(engine: Engine, clock: Ticking) -> None:
    key = a_key(engine, requests_per_minute=5, monthly_budget=Decimal(1))
    one = opened(engine, clock, key)
    admitted(one, key, 5)
    one.flush()
    assert refused(opened(engine, clock, key), key).limit == "requests"
    one.spend(key, 1, dollars("1"))
    one.flush()
    assert refused(opened(engine, clock, key), key).limit == "budget"


def test_a_key_that_was_idle_here_is_read_again(engine: Engine, clock: Ticking) -> None:
    key = a_key(engine, monthly_budget=Decimal(1))
    one, other = opened(engine, clock, key), opened(engine, clock, key)
    clock.move(seconds=IDLE.total_seconds() + 1)
    other.flush()
    one.spend(key, 1, dollars("1"))
    one.flush()
    assert not other.known(key)
    other.load(key)
    assert refused(other, key).limit == "budget"


def test_processes_that_flush_at_once_lose_nothing(engine: Engine, clock: Ticking) -> None:
    key = a_key(engine, tokens_per_minute=10**6)
    others = [
        Accounts(engine).create_key(key.project, KeyKind.GATEWAY, f"key {n}", START)[0]
        for n in range(3)
    ]
    processes = [Allowances(Spending(engine), clock) for _ in range(4)]

    def work(allowances: Allowances) -> None:
        for _ in range(5):
            for one in (*others, key):
                allowances.admit(one)
                allowances.spend(one, 7, dollars("0.001"))
            allowances.flush()

    with ThreadPoolExecutor(len(processes)) as pool:
        list(pool.map(work, processes))
    with transaction(engine) as connection:
        rows = connection.execute(select(spending_table)).all()
    months = {
        row.key: (row.requests, row.tokens, row.cost_nano) for row in rows if "T" not in row.span
    }
    assert months == {one.id: (20, 140, 20_000_000) for one in (*others, key)}
    (minute,) = (row for row in rows if "T" in row.span)
    assert (minute.key, minute.requests, minute.tokens) == (key.id, 20, 140)


def test_a_failed_flush_loses_nothing_and_counts_nothing_twice(
    sqlite_engine: Engine, clock: Ticking, tmp_path: Path
) -> None:
    key = a_key(sqlite_engine, requests_per_minute=4)
    spending = Spending(sqlite_engine)
    allowances = Allowances(spending, clock)
    allowances.load(key)
    assert admitted(allowances, key, 2) == 2
    away = create_engine(f"sqlite:///{tmp_path / 'no folder' / 'state.db'}")
    spending._engine = away
    for _ in range(2):
        with pytest.raises(Unavailable):
            allowances.flush()
        assert admitted(allowances, key, 1) == 1
        allowances.spend(key, 5, None)
    assert refused(allowances, key).limit == "requests"
    spending._engine = sqlite_engine
    for _ in range(2):
        allowances.flush()
        assert kept(sqlite_engine) == {
            minute_of(START): Amount(4, 10, 0),
            month_of(START, "USD"): Amount(2, 10, 0),
        }
        assert refused(allowances, key).limit == "requests"


def test_minutes_that_are_over_are_swept_and_months_kept(engine: Engine, clock: Ticking) -> None:
    key = a_key(engine, requests_per_minute=4)
    allowances = opened(engine, clock, key)
    allowances.admit(key)
    allowances.spend(key, 5, None)
    allowances.flush()
    clock.move(days=40)
    allowances.admit(key)
    allowances.flush()
    assert sorted(kept(engine)) == ["2026-05 USD", minute_of(clock())]


# ---- against a plain model -----------------------------------------------------------------------

ACTS = st.one_of(
    st.just(("admit", 0)),
    st.tuples(st.just("spend"), st.integers(0, 40)),
    st.just(("flush", 0)),
    st.tuples(st.just("move"), st.sampled_from([1, 20, 59, 60, 61, -1, -30, -61, 86_400 * 20])),
    st.just(("restart", 0)),
)


class Model:
    """The same limits, counted in one place and for ever."""

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self.requests: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.cost: Counter[str] = Counter()

    def admit(self, now: datetime) -> str:
        """The limit that refuses, or nothing."""
        minute, month, allowance = f"{now:%F %H:%M}", f"{now:%F}"[:7], self.allowance
        assert allowance.requests_per_minute and allowance.tokens_per_minute
        assert allowance.monthly_budget
        if self.cost[month] >= allowance.monthly_budget * 1000:
            return "budget"
        if self.requests[minute] >= allowance.requests_per_minute:
            return "requests"
        if self.tokens[minute] >= allowance.tokens_per_minute:
            return "tokens"
        self.requests[minute] += 1
        return ""

    def spend(self, now: datetime, tokens: int) -> None:
        """A thousandth of a dollar for each token."""
        self.tokens[f"{now:%F %H:%M}"] += tokens
        self.cost[f"{now:%F}"[:7]] += tokens


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=st.lists(ACTS, max_size=40), processes=st.integers(1, 2))
def test_limits_are_those_of_a_plain_count(
    sqlite_engine: Engine, acts: list[tuple[str, int]], processes: int
) -> None:
    limits = {"requests_per_minute": 3, "tokens_per_minute": 50, "monthly_budget": Decimal("0.2")}
    key, clock = a_key(sqlite_engine, **limits), Ticking(START)
    model = Model(key.allowance)
    running = [Allowances(Spending(sqlite_engine), clock) for _ in range(processes)]
    first = START
    for number, (act, value) in enumerate(acts):
        turn = number % processes
        allowances = running[turn]
        if act == "move":
            # The counts of a minute are forgotten when it is long over.
            clock.now = max(first, clock.now + timedelta(seconds=value))
            first = max(first, clock.now - timedelta(minutes=4))
        elif act == "restart":
            allowances.flush()
            running[turn] = Allowances(Spending(sqlite_engine), clock)
        elif act == "flush":
            allowances.flush()
        else:
            if not allowances.known(key):
                allowances.load(key)
            if act == "spend":
                allowances.spend(key, value, dollars(str(Decimal(value) / 1000)))
                model.spend(clock.now, value)
            else:
                assert refusal_of(allowances, key) == model.admit(clock.now)
        if processes > 1:
            for one in (*running, *running):
                one.flush()
    for one in running:
        one.flush()
    month = Spending(sqlite_engine).totals([(key.id, month_of(clock(), "USD"))])
    spent = month.get((key.id, month_of(clock(), "USD")), Amount())
    assert spent.cost == Decimal(model.cost[f"{clock():%F}"[:7]]) / 1000
