"""Usage on an older LangChain: the same scenes come to the same numbers."""

from __future__ import annotations

import pytest

from tests.clients import apps
from tests.usage_provider import UsageProvider

ONE = 0.000075
"""10 tokens of input at 2.5 and 5 of output at 10 dollars a million."""


def calls(number: int) -> list[object]:
    return [number, number * 10, number * 5, pytest.approx(number * ONE), 0]


def test_langchain_0_3_and_langgraph_0_6_are_counted_alike() -> None:
    with UsageProvider() as provider:
        told = apps.langchain_usage("langgraph06", provider.proxy).answer
    assert told["versions"]["langchain-core"].startswith("0.3.")
    assert told["versions"]["langgraph"].startswith("0.6.")
    scenes = told["scenes"]
    assert scenes["invoke"] == calls(4)
    assert scenes["stream"] == calls(1)
    assert scenes["broken_off"] == [2, 0, 0, None, 2]
    assert scenes["plain"] == calls(5)
    assert scenes["nested"] == [calls(2), calls(1)]
    assert scenes["threads"] == [calls(2), calls(1)]
    assert scenes["graph"] == calls(4)
    # 10 tokens at 0.02; vectors have no output, but this provider says 5 in all it answers
    assert scenes["embeddings"][:3] == [1, 10, 5]
    assert scenes["responses"] == calls(2)
    # Of twenty tasks seven call 0 times, seven 3 times and six 6 times.
    assert scenes["awaited"] == [calls(57), calls(0), calls(3), calls(6)]
    assert scenes["callback"] == calls(1)
