"""Usage: every provider's report means the same tokens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.token_usage import TOKENS_MAX, Usage, reported, reported_responses, usage_of

REPORTS: dict[str, tuple[dict[str, Any], Usage]] = {
    "openai": (
        {
            "prompt_tokens": 1200,
            "completion_tokens": 300,
            "total_tokens": 1500,
            "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 192},
        },
        Usage(input_tokens=1200, cached_tokens=1024, output_tokens=300, reasoning_tokens=192),
    ),
    "openai responses": (
        {
            "input_tokens": 75,
            "input_tokens_details": {"cached_tokens": 64},
            "output_tokens": 40,
            "output_tokens_details": {"reasoning_tokens": 8},
            "total_tokens": 115,
        },
        Usage(input_tokens=75, cached_tokens=64, output_tokens=40, reasoning_tokens=8),
    ),
    "embeddings": (
        {"prompt_tokens": 8, "total_tokens": 8},
        Usage(input_tokens=8),
    ),
    "ark": (
        {
            "prompt_tokens": 28,
            "completion_tokens": 4,
            "total_tokens": 32,
            "prompt_tokens_details": {"cached_tokens": 18},
        },
        Usage(input_tokens=28, cached_tokens=18, output_tokens=4),
    ),
    "deepseek": (
        {
            "prompt_tokens": 500,
            "completion_tokens": 20,
            "total_tokens": 520,
            "prompt_cache_hit_tokens": 448,
            "prompt_cache_miss_tokens": 52,
        },
        Usage(input_tokens=500, cached_tokens=448, output_tokens=20),
    ),
    "moonshot": (
        {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100, "cached_tokens": 64},
        Usage(input_tokens=90, cached_tokens=64, output_tokens=10),
    ),
    "anthropic": (
        {
            "input_tokens": 50,
            "cache_read_input_tokens": 1800,
            "cache_creation_input_tokens": 150,
            "output_tokens": 503,
        },
        Usage(input_tokens=2000, cached_tokens=1800, cache_written_tokens=150, output_tokens=503),
    ),
    "anthropic's first call": (
        {"input_tokens": 50, "cache_creation_input_tokens": 150, "output_tokens": 5},
        Usage(input_tokens=200, cache_written_tokens=150, output_tokens=5),
    ),
    "anthropic, written for different times": (
        {
            "input_tokens": 50,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 150,
            "cache_creation": {"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 100},
            "output_tokens": 5,
        },
        Usage(
            input_tokens=200,
            cached_tokens=0,
            cache_written_tokens=150,
            cache_written_1h_tokens=100,
            output_tokens=5,
        ),
    ),
    "openrouter, written to a cache": (
        {
            "prompt_tokens": 2000,
            "completion_tokens": 5,
            "total_tokens": 2005,
            "prompt_tokens_details": {"cached_tokens": 1800, "cache_write_tokens": 150},
        },
        Usage(input_tokens=2000, cached_tokens=1800, cache_written_tokens=150, output_tokens=5),
    ),
    "a proxy with words of both": (
        {
            "prompt_tokens": 2000,
            "completion_tokens": 5,
            "total_tokens": 2005,
            "cache_read_input_tokens": 1800,
            "cache_creation_input_tokens": 150,
        },
        Usage(input_tokens=2000, cached_tokens=1800, cache_written_tokens=150, output_tokens=5),
    ),
    "gemini, thinking": (
        {"prompt_tokens": 20, "completion_tokens": 151, "total_tokens": 553},
        Usage(input_tokens=20, output_tokens=533, reasoning_tokens=382),
    ),
    "xai, thinking": (
        {
            "prompt_tokens": 32,
            "completion_tokens": 9,
            "total_tokens": 135,
            "completion_tokens_details": {"reasoning_tokens": 94},
        },
        Usage(input_tokens=32, output_tokens=103, reasoning_tokens=94),
    ),
    "whole numbers as fractions": (
        {"prompt_tokens": 3.0, "completion_tokens": 2.0},
        Usage(input_tokens=3, output_tokens=2),
    ),
    "nothing cached": (
        {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        Usage(input_tokens=3, cached_tokens=0, output_tokens=2),
    ),
    "more cached than there was": (
        {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 9},
            "completion_tokens_details": {"reasoning_tokens": 9},
        },
        Usage(input_tokens=3, cached_tokens=3, output_tokens=2, reasoning_tokens=2),
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_understood(name: str) -> None:
    report, meant = REPORTS[name]
    assert usage_of(report) == meant


def test_llama_cpp_says_beside_the_usage_what_it_had_read() -> None:
    report = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
    read = usage_of(report, {"cache_n": 90, "prompt_n": 10, "predicted_n": 7})
    assert read == Usage(input_tokens=100, cached_tokens=90, output_tokens=7)
    assert usage_of(report, "soon") == Usage(input_tokens=100, output_tokens=7)


@pytest.mark.parametrize(
    "report",
    [
        None,
        [],
        "many",
        {},
        {"prompt_tokens": 5},
        {"completion_tokens": 5, "total_tokens": 6},
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": True, "completion_tokens": 5},
        {"prompt_tokens": "5", "completion_tokens": "5"},
        {"prompt_tokens": 1.5, "completion_tokens": 5},
        {"prompt_tokens": TOKENS_MAX + 1, "completion_tokens": 5},
        {"prompt_tokens": float("inf"), "completion_tokens": 5},
    ],
)
def test_nonsense_is_no_usage(report: Any) -> None:
    assert usage_of(report) is None


WORDS = (
    "prompt_tokens completion_tokens total_tokens input_tokens output_tokens cached_tokens"
    " cache_read_input_tokens cache_creation_input_tokens"
    " prompt_tokens_details completion_tokens_details"
)


@given(
    st.dictionaries(
        st.sampled_from(WORDS.split()),
        st.none()
        | st.integers(-5, 2**40)
        | st.floats()
        | st.text(max_size=3)
        | st.fixed_dictionaries({"cached_tokens": st.integers(-5, 500)})
        | st.fixed_dictionaries({"reasoning_tokens": st.integers(-5, 500)}),
    )
)
@settings(deadline=None)
def test_no_report_contradicts_itself_once_it_is_read(report: dict[str, Any]) -> None:
    usage = usage_of(report)
    if usage is not None:
        from_or_into_cache = (usage.cached_tokens or 0) + usage.cache_written_tokens
        assert 0 <= from_or_into_cache <= usage.input_tokens
        assert 0 <= usage.reasoning_tokens <= usage.output_tokens


def test_a_chat_reports_usage_in_openai_s_words() -> None:
    usage = Usage(input_tokens=28, cached_tokens=18, output_tokens=4, reasoning_tokens=1)
    assert reported(usage) == {
        "prompt_tokens": 28,
        "completion_tokens": 4,
        "total_tokens": 32,
        "prompt_tokens_details": {"cached_tokens": 18},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }


def test_what_nobody_knows_is_not_reported_as_cached() -> None:
    assert "prompt_tokens_details" not in reported(Usage(input_tokens=28, output_tokens=4))
    known = reported(Usage(input_tokens=28, cached_tokens=0, output_tokens=4))
    assert known["prompt_tokens_details"] == {"cached_tokens": 0}


def test_only_our_own_counts_are_reported_as_estimates() -> None:
    for render in (reported, reported_responses):
        assert render(Usage(input_tokens=1, estimated=True))["estimated"] is True
        assert "estimated" not in render(Usage(input_tokens=1))


def test_a_response_reports_usage_in_openai_s_words() -> None:
    usage = Usage(input_tokens=28, cached_tokens=18, output_tokens=4, reasoning_tokens=1)
    assert reported_responses(usage) == {
        "input_tokens": 28,
        "input_tokens_details": {"cached_tokens": 18},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 32,
    }
    # The openai package reads these two without asking whether they are there.
    unknown = reported_responses(Usage(input_tokens=28))
    assert unknown["input_tokens_details"] == {"cached_tokens": 0}
    assert unknown["output_tokens_details"] == {"reasoning_tokens": 0}


@given(
    st.builds(
        Usage,
        input_tokens=st.integers(10, 1000),
        cached_tokens=st.none() | st.integers(0, 10),
        output_tokens=st.integers(10, 1000),
        reasoning_tokens=st.integers(0, 10),
    )
)
@settings(deadline=None)
def test_what_is_reported_is_read_back(usage: Usage) -> None:
    assert usage_of(reported(usage)) == usage
