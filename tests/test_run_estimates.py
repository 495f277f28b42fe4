"""What a run would cost at most, held against what a provider then says it took."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from causerie.answering import Answering
from causerie.cases import REMOVED, Case, Line, Version
from causerie.clock import utc_now
from causerie.endpoints import Endpoint, Price, Upstream
from causerie.prices import Prices
from causerie.run_estimates import Estimates
from causerie.tokens import Tokens
from causerie.upstream import Upstreams
from tests.made_calls import NOON

DOLLARS = Price(input=Decimal(2), output=Decimal(10))
EUROS = Price(input=Decimal(1), output=Decimal(1), currency="EUR")
ESTIMATES = Estimates(Tokens(), Prices(tables=[]), lambda: NOON)
QUESTION = "Where is my card, which I ordered nine days ago?"


def endpoint(id: str, *models: str, url: str = "http://127.0.0.1:9/v1", **given: Any) -> Endpoint:
    upstreams = tuple(Upstream(base_url=url, model=model) for model in models)
    return Endpoint(project="mine", id=id, name=id, upstreams=upstreams, created_at=NOON, **given)


def case(name: str, model: str = "ep-one", **given: Any) -> Case:
    return Case(name=name, messages=(Line("user", QUESTION),), model=model, **given)


def version(*cases: Case) -> Version:
    return Version(project="mine", name="set", version=1, cases=cases, created_at=NOON)


def test_an_estimate_is_never_less_than_what_a_run_costs(openai_url: str) -> None:
    one = endpoint("ep-one", "scripted-1", url=openai_url, price=DOLLARS, output_tokens=50)
    cases = [case(f"case {at}", model_config={"temperature": 0}) for at in range(3)]
    answering = Answering(lambda project, name: one, Prices(tables=[]), utc_now)

    async def answered() -> list[Decimal]:
        pool = Upstreams()
        pool.open()
        try:
            given = [await answering.answer(pool, "mine", case, "") for case in cases]
        finally:
            await pool.close()
        assert [answer.trouble for answer in given] == [""] * 3
        return [answer.cost for answer in given if answer.cost is not None]

    costs = asyncio.run(answered())
    estimate = ESTIMATES.of(version(*cases), 1, "", [one])
    assert len(costs) == 3 and 0 < sum(costs) <= estimate.costs["USD"]


def test_each_answer_is_as_long_as_it_may_be() -> None:
    free_input = Price(input=Decimal(0), output=Decimal(10))
    one = endpoint("ep-one", "m", price=free_input, output_tokens=1_000)
    two = endpoint("ep-two", "m", price=free_input, defaults={"max_tokens": 500})
    cases = [
        case("of the endpoint"),
        case("of its own", model_config={"max_completion_tokens": 100}),
        case("of the defaults", "ep-two"),
    ]
    estimate = ESTIMATES.of(version(*cases), 3, "", [one, two])
    assert estimate.costs == {"USD": Decimal(10) * (1_000 + 100 + 500) * 3 / 1_000_000}
    assert (estimate.answers, estimate.asked, estimate.given) == (9, 9, 0)


def test_what_is_given_costs_nothing_unless_a_model_is_to_answer_it() -> None:
    one = endpoint("ep-one", "m", price=DOLLARS)
    cases = [case("given", "", pregenerated_response="Tomorrow."), case("asked"), REMOVED]
    estimate = ESTIMATES.of(version(*cases), 5, "", [one])
    assert (estimate.answers, estimate.given, estimate.asked) == (10, 5, 5)
    both = ESTIMATES.of(version(*cases), 5, "ep-one", [one])
    assert (both.answers, both.given) == (10, 0)
    assert both.costs["USD"] == estimate.costs["USD"] * 2


def test_currencies_are_not_added_and_unknown_prices_are_not_nothing() -> None:
    found = [
        endpoint("ep-one", "m", price=DOLLARS),
        endpoint("ep-two", "m", price=EUROS),
        endpoint("ep-three", "a-model-without-a-price"),
    ]
    cases = [case(f"of {one.id}", one.id) for one in found]
    estimate = ESTIMATES.of(version(*cases), 3, "", found)
    assert set(estimate.costs) == {"USD", "EUR"}
    assert estimate.unpriced == 3


def test_of_several_providers_the_dearest_may_be_the_one() -> None:
    prices = Estimates(Tokens(), Prices(), lambda: NOON)

    def cost(*models: str) -> Decimal:
        url = "https://api.openai.com/v1"
        given = [endpoint("ep-one", *models, url=url)]
        return prices.of(version(case("one")), 1, "", given).costs["USD"]

    cheap, dear = cost("gpt-4.1-mini"), cost("gpt-4.1")
    assert cheap < dear == cost("gpt-4.1-mini", "gpt-4.1")


@pytest.mark.parametrize("model", ["", "ep-nobody"])
def test_names_that_no_endpoint_answers_to_are_told_once(model: str) -> None:
    one = endpoint("ep-one", "m", price=DOLLARS)
    off = endpoint("ep-off", "m", price=DOLLARS, disabled=True)
    cases = [case("a", "gpt-none"), case("b", "gpt-none"), case("c", "ep-off")]
    estimate = ESTIMATES.of(version(*cases), 1, model, [one, off])
    assert estimate.missing == ((model,) if model else ("gpt-none", "ep-off"))
    assert estimate.costs == {}
