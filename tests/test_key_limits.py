"""The limits of keys: how they are set on the page of keys, and what it tells of what was spent."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from causerie.accounts import NO_LIMITS, Allowance, Key, KeyKind, Logging, Role
from causerie.allowances import Allowances
from causerie.exchanges import Cost
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.store.spending import Spending
from tests.house import NOW, House, Visit
from tests.made_calls import call, keep_calls
from tests.web_page import Page

ROOT = "/p/mine/settings/keys"
LIMITS = {
    "requests_per_minute": "60",
    "tokens_per_minute": "10000",
    "monthly_budget": "12.50",
    "currency": "cny",
    "logging": "usage",
    "may:ep-a": "on",
    "may:ep-b": "on",
}
LIMITED = Allowance(
    requests_per_minute=60,
    tokens_per_minute=10_000,
    monthly_budget=Decimal("12.50"),
    currency="CNY",
    endpoints=("ep-a", "ep-b"),
    logging=Logging.USAGE,
)


@pytest.fixture
def house(sqlite_engine: Engine, embedded_events: EventStore) -> House:
    return House(sqlite_engine, events=embedded_events)


@pytest.fixture
def mia(house: House) -> Visit:
    """A member, signed in."""
    return house.visitor("mia@example.org", Role.MEMBER)


def make(house: House, kind: KeyKind = KeyKind.GATEWAY, allowance: Allowance = NO_LIMITS) -> Key:
    """A key of the project."""
    return house.accounts.create_key("mine", kind, "shop", NOW, allowance)[0]


def see(visit: Visit) -> Page:
    """The page of keys, which is well made."""
    answer = visit.get(ROOT)
    assert answer.status_code == 200, answer.text
    page = Page(answer.text)
    page.check()
    return page


def spend(house: House, engine: Engine, key: Key, amount: str, currency: str) -> None:
    """As the gateway notes what a call cost."""
    allowances = Allowances(Spending(engine), house.clock)
    allowances.spend(key, 10, Cost(Decimal(amount), currency, "test 1"))
    allowances.flush()


def test_a_gateway_key_is_made_with_its_limits(house: House, mia: Visit) -> None:
    answer = mia.post(ROOT, name="shop", kind="gateway", **LIMITS)
    assert answer.status_code == 200 and "csr_gateway_" in answer.text
    (key,) = house.accounts.keys("mine")
    assert (key.kind, key.allowance) == (KeyKind.GATEWAY, LIMITED)


def test_empty_fields_are_no_limits(house: House, mia: Visit) -> None:
    mia.post(ROOT, name="shop", kind="gateway", **dict.fromkeys(LIMITS, ""))
    (key,) = house.accounts.keys("mine")
    assert key.allowance == NO_LIMITS


def test_other_kinds_have_no_limits(house: House, mia: Visit) -> None:
    mia.post(ROOT, name="shop", kind="ingest", **LIMITS, tokens="x")
    (key,) = house.accounts.keys("mine")
    assert key.allowance == NO_LIMITS
    assert "Set limits" not in see(mia).text


def test_limits_can_be_changed(house: House, mia: Visit) -> None:
    key = make(house)
    answer = mia.post(f"{ROOT}/{key.id}/limits", **LIMITS)
    assert answer.headers["location"] == f"{ROOT}?done=limited"
    assert house.accounts.keys("mine")[0].allowance == LIMITED
    assert house.forgotten == 1
    text = see(mia).text
    assert "60 requests a minute · 10,000 tokens a minute · only ep-a, ep-b" in text
    assert "what is said is not logged" in text
    mia.post(f"{ROOT}/{key.id}/limits")
    assert house.accounts.keys("mine")[0].allowance == NO_LIMITS


def test_an_endpoint_that_is_gone_stays_ticked(house: House, mia: Visit) -> None:
    make(house, allowance=LIMITED)
    ticked = [
        given["name"]
        for given in see(mia).all("input")
        if given.get("type") == "checkbox" and "checked" in given
    ]
    assert ticked == ["may:ep-a", "may:ep-b"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"requests_per_minute": "many"}, "requests_per_minute"),
        ({"requests_per_minute": "0"}, "requests_per_minute"),
        ({"tokens_per_minute": "9" * 5000}, "tokens_per_minute"),
        ({"monthly_budget": "-1"}, "monthly_budget"),
        ({"monthly_budget": "NaN"}, "monthly_budget"),
        ({"monthly_budget": "1E-99999"}, "monthly_budget"),
        ({"monthly_budget": "1E+99999"}, "monthly_budget"),
        ({"currency": "yuan"}, "currency"),
        ({"logging": "sometimes"}, "logging"),
        ({"may:Nonsense!": "on"}, "endpoints"),
    ],
)
def test_limits_that_make_no_sense_are_refused_with_the_reason(
    house: House, mia: Visit, fields: dict[str, str], field: str
) -> None:
    key = make(house)
    made = mia.post(ROOT, name="another", kind="gateway", **{**LIMITS, **fields})
    changed = mia.post(f"{ROOT}/{key.id}/limits", editing=key.id, **{**LIMITS, **fields})
    for answer in (made, changed):
        assert answer.status_code == 400
        page = Page(answer.text)
        page.check()
        marked = [given["name"] for _, given in page.tags if given.get("aria-invalid") == "true"]
        assert marked == ([field] if field.endswith(("minute", "budget", "currency")) else [])
    assert house.accounts.keys("mine") == [key]
    # What was filled in stands in the form that was sent, and in no other.
    assert mia.page.fields["name"] == ""


def test_the_limits_of_another_projects_key_stay(house: House, mia: Visit) -> None:
    house.accounts.create_project("Theirs", NOW)
    theirs, _ = house.accounts.create_key("theirs", KeyKind.GATEWAY, "key", NOW)
    assert mia.post(f"{ROOT}/{theirs.id}/limits", **LIMITS).status_code == 404
    assert house.accounts.keys("theirs") == [theirs]


def test_what_a_key_spent_this_month_is_told(
    sqlite_engine: Engine, embedded_events: EventStore
) -> None:
    house = House(sqlite_engine, events=embedded_events)
    house.clock.now = NOW + timedelta(days=10)
    project = house.accounts.create_project("Shop", NOW, f"shop-{uuid.uuid4().hex[:8]}").id
    key, _ = house.accounts.create_key(project, KeyKind.GATEWAY, "shop", NOW)
    calls = [
        call("a", key=key.id, at=NOW, cost="2 CNY"),
        call("b", key=key.id, at=NOW, cost="0.5 CNY"),
        call("c", key=key.id, at=NOW),
        call("february", key=key.id, at=NOW - timedelta(days=2), cost="9 CNY"),
        call("d", key="key_other", at=NOW, cost="9 CNY"),
    ]
    keep_calls(Inbox(sqlite_engine), embedded_events, project, calls)
    visit = house.visitor("mia@example.org", Role.MEMBER, project)
    page = Page(visit.get(f"/p/{project}/settings/keys").text)
    words = "This month: 3 calls · 45 tokens · 2.50 CNY plus 1 call with no price"
    assert words in page.text
    door = f"/p/{project}/models?gateway_key={key.id}&since=2026-03-01"
    assert page.links["3 calls"] == door


def test_the_budget_tells_what_counts_against_it(
    house: House, mia: Visit, sqlite_engine: Engine
) -> None:
    key = make(house, allowance=LIMITED)
    assert "0 CNY of the budget of 12.50 CNY" in see(mia).text.replace("\u00a0", " ")
    spend(house, sqlite_engine, key, "3.25", "CNY")
    spend(house, sqlite_engine, key, "99", "USD")
    assert "3.25 CNY of the budget of 12.50 CNY" in see(mia).text
    spend(house, sqlite_engine, key, "10", "CNY")
    assert "13.25 CNY of the budget of 12.50 CNY spent" in see(mia).text
    house.clock.move(days=40)
    assert (
        "0 CNY of the budget of 12.50 CNY"
        in see(house.let_in(house.enrol("b@example.org", Role.MEMBER))).text
    )


def test_without_the_analytics_store_the_page_still_answers(sqlite_engine: Engine) -> None:
    house = House(sqlite_engine)
    key = make(house, allowance=LIMITED)
    text = see(house.visitor("mia@example.org", Role.MEMBER)).text
    assert "This month: – · 0 CNY of the budget" in text
    assert key.hint in text


def test_a_viewer_sees_limits_and_cannot_change_them(house: House) -> None:
    make(house, allowance=LIMITED)
    viewer = house.visitor("vic@example.org", Role.VIEWER)
    text = see(viewer).text
    assert "60 requests a minute" in text and "Change its limits" not in text
