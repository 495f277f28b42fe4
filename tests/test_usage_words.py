"""LangChain's words: whatever a provider's package tells of a run, it means what it means."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.callbacks import CallbackManager
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult

from causerie.token_usage import Usage
from causerie.usage import Scope, track
from causerie.usage.langchain_words import SOMEWHERE, address_of, model_of, usage_of_result


def answered(metadata: Any, raw: Any = None, model: str = "m") -> LLMResult:
    message = AIMessage("Hi", response_metadata={"model_name": model}, usage_metadata=metadata)
    return LLMResult(
        generations=[[ChatGeneration(message=message)]],
        llm_output=None if raw is None else {"token_usage": raw},
    )


def counted(taken: int, said: int, total: int | None = None, **details: Any) -> dict[str, Any]:
    return {
        "input_tokens": taken,
        "output_tokens": said,
        "total_tokens": taken + said if total is None else total,
        **details,
    }


@pytest.mark.parametrize(
    ("metadata", "raw", "meant"),
    [
        (counted(20, 5), None, Usage(input_tokens=20, output_tokens=5)),
        (
            counted(
                20,
                5,
                input_token_details={"cache_read": 8, "cache_creation": 4},
                output_token_details={"reasoning": 3},
            ),
            None,
            Usage(
                input_tokens=20,
                cached_tokens=8,
                cache_written_tokens=4,
                output_tokens=5,
                reasoning_tokens=3,
            ),
        ),
        # Newer packages for Anthropic tell how long it is kept, and 0 for the sum of that.
        (
            counted(
                20,
                5,
                input_token_details={
                    "cache_read": 8,
                    "cache_creation": 0,
                    "ephemeral_5m_input_tokens": 3,
                    "ephemeral_1h_input_tokens": 2,
                },
            ),
            None,
            Usage(
                input_tokens=20,
                cached_tokens=8,
                cache_written_tokens=5,
                cache_written_1h_tokens=2,
                output_tokens=5,
            ),
        ),
        # What LangChain leaves out is taken from the provider's own words.
        (
            counted(20, 5),
            {"prompt_tokens": 20, "completion_tokens": 5, "prompt_cache_hit_tokens": 16},
            Usage(input_tokens=20, cached_tokens=16, output_tokens=5),
        ),
        (
            counted(20, 5, total=35),
            None,
            Usage(input_tokens=20, output_tokens=15, reasoning_tokens=10),
        ),
        (
            None,
            {"prompt_tokens": 20, "completion_tokens": 5},
            Usage(input_tokens=20, output_tokens=5),
        ),
        (None, {}, None),
        (None, None, None),
    ],
)
def test_a_usage_is_understood(metadata: Any, raw: Any, meant: Usage | None) -> None:
    assert usage_of_result(answered(metadata, raw)) == meant


def test_of_prompts_answered_together_only_the_first_tells_the_usage() -> None:
    text = LLMResult(generations=[[Generation(text="Hi")]], llm_output={"token_usage": {}})
    assert usage_of_result(text, shared=True) == Usage()
    assert usage_of_result(text) is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4ogpt-4o", "gpt-4o"),
        ("qwen-plusqwen-plusqwen-plus", "qwen-plus"),
        ("o1", "o1"),
        ("", ""),
    ],
)
def test_a_model_that_every_piece_names_is_named_once(said: str, meant: str) -> None:
    assert model_of(answered(counted(1, 1), model=said)) == meant


def test_an_address_is_the_given_one_or_the_maker_s_or_unknown() -> None:
    openai = {"metadata": {"ls_provider": "openai"}}
    own = {"kwargs": {"openai_api_base": "https://models.example/v1"}}
    assert address_of(own, openai) == "https://models.example/v1"
    assert address_of({"kwargs": {"base_url": None}}, openai) == "https://api.openai.com/v1"
    assert address_of(None, {"metadata": {"ls_provider": "ollama"}}) == SOMEWHERE
    assert address_of(None, {}) == SOMEWHERE


def ran(provider: str, model: str) -> Scope:
    """A run that a package for that provider tells of."""
    with track() as usage:
        manager = CallbackManager.configure(
            inheritable_metadata={"ls_provider": provider, "ls_model_name": model}
        )
        (run,) = manager.on_chat_model_start({}, [[]])
        run.on_llm_end(answered(counted(1_000_000, 0), model=model))
    return usage


def test_the_same_open_model_has_its_maker_s_price_there_and_none_elsewhere() -> None:
    assert ran("openrouter", "deepseek/deepseek-r1").total_cost is not None
    at_home = ran("ollama", "deepseek-r1")
    assert at_home.total_cost is None
    assert at_home.unpriced_models == ["deepseek-r1"]
    # Nobody but its maker can run this one, whoever asks.
    assert ran("some-proxy", "claude-3-5-haiku-20241022").total_cost is not None


def test_a_run_that_ends_twice_or_never_began_counts_once_or_not_at_all() -> None:
    with track() as usage:
        manager = CallbackManager.configure(inheritable_metadata={"ls_model_name": "gpt-4o"})
        (run,) = manager.on_chat_model_start({}, [[]])
        run.on_llm_end(answered(counted(10, 5)))
        run.on_llm_end(answered(counted(10, 5)))
    (outside,) = manager.on_chat_model_start({}, [[]])
    outside.on_llm_end(answered(counted(10, 5)))
    assert (usage.successful_requests, usage.total_tokens) == (1, 15)


def test_what_cannot_be_understood_is_logged_and_not_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with track() as usage:
        manager = CallbackManager.configure(inheritable_metadata={})
        (run,) = manager.on_chat_model_start({}, [[]])
        run.on_llm_end(LLMResult.model_construct(generations=[[object()]], llm_output=3))
        (run,) = manager.on_chat_model_start({}, [[]])
        run.on_llm_end(LLMResult.model_construct(generations=7))
    assert usage.successful_requests == usage.unreported_requests == 2
    assert usage.total_cost is None
    assert "is not understood" in caplog.text
