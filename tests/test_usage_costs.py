"""Costs: what track() says of each model is what one reckons by hand from its price list.

Each row is asked for real, by LangChain's model whole and in pieces and by the plain client, at
the provider's own address. Beside it stands what LangChain's own callback says of the same call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openai import DefaultHttpxClient
from openai import OpenAI as Client

from causerie.usage import Scope, track
from tests.clients import apps
from tests.clients.usage_costs_app import ask, model_of
from tests.usage_provider import UsageProvider

OPENAI = "http://api.openai.com/v1"
AZURE = "http://acme.openai.azure.com"
ANTHROPIC = "http://api.anthropic.com"
GOOGLE = "http://generativelanguage.googleapis.com/v1beta/openai"
DEEPSEEK = "http://api.deepseek.com/v1"
ARK = "http://ark.cn-beijing.volces.com/api/v3"
QWEN = "http://dashscope-intl.aliyuncs.com/compatible-mode/v1"
XAI = "http://api.x.ai/v1"
MISTRAL = "http://api.mistral.ai/v1"
MOONSHOT = "http://api.moonshot.cn/v1"
GROQ = "http://api.groq.com/openai/v1"
OPENROUTER = "http://openrouter.ai/api/v1"
OWN_MACHINE = "http://gpu.example:11434/v1"


@dataclass(frozen=True)
class Row:
    """One call. `cost` is None where no price is known; `theirs` is what LangChain's callback
    says, and `wrong` why it is not the cost.
    """

    model: str
    """As the app asks for it."""
    usage: dict[str, Any]
    """As the provider reports it."""
    cost: str | None
    theirs: str
    wrong: str = ""
    address: str = OPENAI
    answers: str = ""
    """The model's name in the answer, where it is another."""
    currency: str = "USD"
    kind: str = "openai"
    busy: str = ""
    """The cost at DeepSeek's busy hours."""

    def asked(self) -> dict[str, Any]:
        answer = {"model": self.answers or self.model, "usage": self.usage}
        return {
            "kind": self.kind,
            "address": self.address,
            "model": self.model,
            "answer": answer,
        }

    def reckoned(self) -> Decimal | None:
        hour = datetime.now(UTC).hour
        if self.busy and (1 <= hour < 4 or 6 <= hour < 10):
            return Decimal(self.busy)
        return None if self.cost is None else Decimal(self.cost)


def took(prompt: int, said: int, cached: int | None = None, thought: int = 0) -> dict[str, Any]:
    """A usage in OpenAI's words."""
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": said,
        "total_tokens": prompt + said,
        "completion_tokens_details": {"reasoning_tokens": thought},
    }
    if cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    return usage


# Prices are dollars for a million tokens, or yuan at Ark.
ROWS = [
    # 6000 * 15 + 4000 * 7.5 + 2000 * 60; most of the output is reasoning
    Row("o1", took(10_000, 2_000, 4_000, 1_500), "0.24", "0.15", "output at the price of input"),
    Row("o1-2024-12-17", took(10_000, 2_000, 4_000, 1_500), "0.24", "0.24"),
    # 6000 * 2 + 4000 * 0.5 + 2000 * 8
    Row("o3", took(10_000, 2_000, 4_000, 1_500), "0.03", "0.018", "output at the price of input"),
    Row("o3-2025-04-16", took(10_000, 2_000, 4_000), "0.03", "0.03"),
    # 6000 * 1.1 + 4000 * 0.55 + 2000 * 4.4
    Row("o3-mini-2025-01-31", took(10_000, 2_000, 4_000), "0.0176", "0.0176"),
    # 6000 * 1.1 + 4000 * 0.275 + 2000 * 4.4
    Row("o4-mini-2025-04-16", took(10_000, 2_000, 4_000), "0.0165", "0.0165"),
    # 6000 * 2.5 + 4000 * 1.25 + 500 * 10
    Row("gpt-4o-2024-08-06", took(10_000, 500, 4_000), "0.025", "0.025"),
    # 1000 * 0.15 + 200 * 0.6
    Row("gpt-4o-mini-2024-07-18", took(1_000, 200), "0.00027", "0.00027"),
    # 6000 * 2 + 4000 * 0.5 + 500 * 8
    Row("gpt-4.1-2025-04-14", took(10_000, 500, 4_000), "0.018", "0.018"),
    # 6000 * 0.1 + 4000 * 0.025 + 500 * 0.4
    Row("gpt-4.1-nano-2025-04-14", took(10_000, 500, 4_000), "0.0009", "0.0009"),
    # 1000 * 1.25 + 3000 * 10
    Row("gpt-5-2025-08-07", took(1_000, 3_000, 0, 2_816), "0.03125", "0.03125"),
    # 6000 * 0.25 + 4000 * 0.025 + 500 * 2
    Row("gpt-5-mini-2025-08-07", took(10_000, 500, 4_000, 448), "0.0026", "0.0026"),
    # 6000 * 1.25 + 4000 * 0.125 + 500 * 10
    Row("gpt-5.1-2025-11-13", took(10_000, 500, 4_000), "0.013", "0", "unknown, called free"),
    # 300_000 * 5 + 1000 * 22.5: above 272,000 the whole call is dearer
    Row("gpt-5.4", took(300_000, 1_000), "1.5225", "0", "unknown, called free"),
    # 1000 * 0.5 + 1000 * 1.5
    Row("gpt-3.5-turbo-0125", took(1_000, 1_000), "0.002", "0.002"),
    # 1000 * 30 + 100 * 60
    Row("gpt-4-0613", took(1_000, 100), "0.036", "0.036"),
    # Tuned models: 1000 * 0.3 + 200 * 1.2, and 1000 * 3 + 200 * 6
    Row("ft:gpt-4o-mini-2024-07-18:acme::a1", took(1_000, 200), "0.00054", "0.00054"),
    Row("ft:gpt-3.5-turbo-0125:acme::a1", took(1_000, 200), "0.0042", "0.0042"),
    # A deployment at Azure: the answer names the model. 6000 * 2.5 + 4000 * 1.25 + 500 * 10
    Row(
        "our-chat",
        took(10_000, 500, 4_000),
        "0.025",
        "0.025",
        address=AZURE,
        answers="gpt-4o-2024-11-20",
        kind="azure",
    ),
    # 1000 * 0.02
    Row(
        "text-embedding-3-small",
        {"prompt_tokens": 1_000, "total_tokens": 1_000},
        "0.00002",
        "0",
        "does not hear of embeddings",
        kind="embeddings",
    ),
    # 50 * 3 + 1800 * 0.3 + 50 * 3.75 + 100 * 6 + 500 * 15: written for 5 minutes and for an hour
    Row(
        "claude-sonnet-4-5-20250929",
        {
            "input_tokens": 50,
            "cache_read_input_tokens": 1_800,
            "cache_creation_input_tokens": 150,
            "cache_creation": {"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 100},
            "output_tokens": 500,
        },
        "0.0089775",
        "0",
        "unknown, called free",
        address=ANTHROPIC,
        kind="anthropic",
    ),
    # 50 * 15 + 1000 * 18.75 + 100 * 75: a first call, all of it written to the cache
    Row(
        "claude-opus-4-1-20250805",
        {"input_tokens": 50, "cache_creation_input_tokens": 1_000, "output_tokens": 100},
        "0.027",
        "0",
        "unknown, called free",
        address=ANTHROPIC,
        kind="anthropic",
    ),
    # 50 * 3 + 1800 * 0.3 + 150 * 3.75 + 500 * 15
    Row(
        "anthropic/claude-sonnet-4.5",
        {
            **took(2_000, 500),
            "prompt_tokens_details": {"cached_tokens": 1_800, "cache_write_tokens": 150},
        },
        "0.0087525",
        "0",
        "unknown, called free",
        address=OPENROUTER,
    ),
    # 200_001 * 2.5 + 10 * 15: the step at 200,000
    Row("gemini-2.5-pro", took(200_001, 10), "0.5001525", "0", "unknown, called free", GOOGLE),
    # 20 * 0.3 + 533 * 2.5: 382 tokens of thought stand in the total alone
    Row(
        "gemini-2.5-flash",
        {"prompt_tokens": 20, "completion_tokens": 151, "total_tokens": 553},
        "0.0013385",
        "0",
        "unknown, called free",
        GOOGLE,
    ),
    # 6000 * 0.66 + 4000 * 0.022 + 500 * 1.98; twice that when Beijing works
    Row(
        "deepseek-v4-pro",
        {**took(10_000, 500), "prompt_cache_hit_tokens": 4_000, "prompt_cache_miss_tokens": 6_000},
        "0.005038",
        "0",
        "unknown, called free",
        DEEPSEEK,
        busy="0.010076",
    ),
    # 6000 * 0.8 + 4000 * 0.16 + 500 * 8 in CNY
    Row(
        "doubao-seed-1-6-250615",
        took(10_000, 500, 4_000),
        "0.00944",
        "0",
        "unknown, called free",
        ARK,
        currency="CNY",
    ),
    # 10_000 * 0.8 + 200 * 2: an answer of no more than 200 tokens
    Row(
        "doubao-seed-1-6-250615",
        took(10_000, 200),
        "0.0084",
        "0",
        "unknown, called free",
        ARK,
        currency="CNY",
    ),
    # 200_000 * 2.4 + 300 * 24: above 128,000
    Row(
        "doubao-seed-1-6-250615",
        took(200_000, 300),
        "0.4872",
        "0",
        "unknown, called free",
        ARK,
        currency="CNY",
    ),
    # An endpoint at Ark; the answer names the model. 1000 * 0.15 + 1000 * 1.5
    Row(
        "ep-20261120-demo1",
        took(1_000, 1_000),
        "0.00165",
        "0",
        "unknown, called free",
        ARK,
        answers="doubao-seed-1-6-flash-250828",
        currency="CNY",
    ),
    # 1000 * 0.4 + 100 * 1.2
    Row("qwen-plus", took(1_000, 100), "0.00052", "0", "unknown, called free", QWEN),
    # 32 * 3 + 103 * 15: 94 tokens of thought beside the 9 that were said
    Row(
        "grok-4-0709",
        {
            "prompt_tokens": 32,
            "completion_tokens": 9,
            "total_tokens": 135,
            "completion_tokens_details": {"reasoning_tokens": 94},
        },
        "0.001641",
        "0",
        "unknown, called free",
        XAI,
    ),
    # 1000 * 2 + 100 * 6
    Row("mistral-large-latest", took(1_000, 100), "0.0026", "0", "unknown, called free", MISTRAL),
    # 26 * 0.6 + 64 * 0.15 + 10 * 2.5
    Row(
        "kimi-k2-0905-preview",
        {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100, "cached_tokens": 64},
        "0.0000502",
        "0",
        "unknown, called free",
        MOONSHOT,
    ),
    # 1000 * 0.59 + 100 * 0.79
    Row("llama-3.3-70b-versatile", took(1_000, 100), "0.000669", "0", "unknown, called free", GROQ),
    # Nobody knows what these cost.
    Row("a-model-of-our-own", took(1_000, 100), None, "0", "unknown, called free"),
    Row("deepseek-r1", took(1_000, 100), None, "0", "unknown, called free", OWN_MACHINE),
    Row(
        "our-chat",
        took(1_000, 100),
        None,
        "0",
        "unknown, called free",
        OWN_MACHINE,
        answers="gpt-oss-20b",
    ),
]


def named(row: Row) -> str:
    return f"{row.model}-{row.usage.get('total_tokens', '')}"


@pytest.fixture(scope="module")
def provider() -> Iterator[UsageProvider]:
    with UsageProvider() as provider:
        yield provider


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_langchain_model_costs_what_one_reckons_by_hand(
    provider: UsageProvider, row: Row
) -> None:
    with model_of(row.asked(), provider.proxy) as model:
        with track() as whole:
            ask(model, row.asked())
        check(whole, row)
        if row.kind in ("openai", "azure"):
            with track() as pieces:
                list(model.stream(json.dumps(row.asked()["answer"])))
            check(pieces, row)


PLAIN = [row for row in ROWS if row.kind in ("openai", "embeddings")]


@pytest.mark.parametrize("row", PLAIN, ids=named)
def test_the_plain_client_costs_what_one_reckons_by_hand(provider: UsageProvider, row: Row) -> None:
    text = json.dumps(row.asked()["answer"])
    with (
        DefaultHttpxClient(proxy=provider.proxy, trust_env=False) as http,
        Client(api_key="none", base_url=row.address, http_client=http) as client,
        track() as usage,
    ):
        if row.kind == "embeddings":
            client.embeddings.create(model=row.model, input=text, encoding_format="float")
        else:
            client.chat.completions.create(
                model=row.model, messages=[{"role": "user", "content": text}]
            )
    check(usage, row)


def check(usage: Scope, row: Row) -> None:
    reckoned = row.reckoned()
    assert usage.successful_requests == 1
    assert usage.total_cost == reckoned
    if reckoned is None:
        assert usage.unpriced_models == [row.answers or row.model]
    else:
        assert usage.costs == {row.currency: reckoned}


def test_the_rows_go_where_they_say(provider: UsageProvider) -> None:
    row = next(row for row in ROWS if row.address == ARK)
    with model_of(row.asked(), provider.proxy) as model:
        ask(model, row.asked())
    assert provider.hosts[-1] == "ark.cn-beijing.volces.com"


def test_langchain_s_own_callback_says_what_stands_beside(
    provider: UsageProvider, tmp_path: Path
) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([row.asked() for row in ROWS]))
    theirs = apps.langchain_costs(provider.proxy, file).answer["costs"]
    said = {named(row): cost for row, cost in zip(ROWS, theirs, strict=True)}
    assert said == {named(row): pytest.approx(float(row.theirs), abs=1e-12) for row in ROWS}
    for row in ROWS:
        right = row.currency == "USD" and row.cost is not None
        assert bool(row.wrong) != (right and Decimal(row.theirs) == Decimal(row.cost or 0)), row


def test_costs_in_two_currencies_are_not_added(provider: UsageProvider) -> None:
    with track() as usage:
        for address, model in ((ARK, "doubao-seed-1-6-250615"), (OPENAI, "gpt-4o-2024-08-06")):
            row = Row(model, took(10_000, 500, 4_000), "", "", address=address).asked()
            with model_of(row, provider.proxy) as asked:
                ask(asked, row)
    assert usage.total_cost is None
    assert usage.costs == {"CNY": Decimal("0.00944"), "USD": Decimal("0.025")}
    assert "0.00944 CNY + 0.025 USD" in str(usage)
