"""What a script takes from the module: the environment's model, turns in a row, prompts at once."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from causerie.sessions import (
    InteractionsFailed,
    ModelFailed,
    ModelSettings,
    NotConfigured,
    Reply,
    SessionError,
    Sessions,
    additional_interactions,
    arun_conversation,
    build_chain,
    build_conversation,
    build_prompt,
    get_message_history,
    read_settings,
    run_conversation,
)
from tests.scripted_upstream import ScriptedUpstream, answer, hold, no_usage, status
from tests.session_cast import KEY, chain_of, contents


@pytest.fixture
def id() -> str:
    """A session that no other test has."""
    return f"s-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing of a model."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


# ---- the environment -----------------------------------------------------------------------------


def test_the_environment_names_key_address_and_model(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("OPENAI_API_KEY", f" {KEY} ")
    assert read_settings() == ModelSettings(key=KEY, base_url=None, model="gpt-4.1-mini")
    bare.setenv("OPENAI_API_BASE", "http://127.0.0.1:1/v1")
    bare.setenv("OPENAI_MODEL", "m")
    assert read_settings() == ModelSettings(key=KEY, base_url="http://127.0.0.1:1/v1", model="m")
    bare.setenv("OPENAI_BASE_URL", "http://127.0.0.1:2/v1")
    assert read_settings().base_url == "http://127.0.0.1:2/v1"
    given = read_settings(key="other", base_url="http://127.0.0.1:3/v1", model="n")
    assert given == ModelSettings(key="other", base_url="http://127.0.0.1:3/v1", model="n")


def test_without_a_key_nothing_is_built(bare: pytest.MonkeyPatch) -> None:
    for build in (read_settings, build_chain, build_conversation):
        with pytest.raises(NotConfigured, match="OPENAI_API_KEY"):
            build()


def test_the_key_is_never_shown(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("OPENAI_API_KEY", KEY)
    for shown in (read_settings(), build_chain(), build_conversation()):
        assert KEY not in repr(shown) and KEY not in str(shown)


# ---- turns in a row ------------------------------------------------------------------------------


def test_turns_are_said_in_a_row_and_each_is_in_the_log(
    upstream: ScriptedUpstream,
    id: str,
    bare: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bare.setenv("OPENAI_API_KEY", KEY)
    bare.setenv("OPENAI_BASE_URL", upstream.url)
    upstream.then(answer("Hello Ada."), answer("Ada.\nOf course."), no_usage())
    with caplog.at_level(logging.INFO, "causerie.sessions"):
        replies = run_conversation(["I am Ada.", "Who am I?", "Sure?"], session_id=id)
    assert [reply.text for reply in replies[:2]] == ["Hello Ada.", "Ada.\nOf course."]
    assert upstream.last.body["model"] == "gpt-4.1-mini"
    first, last = replies[0], replies[2]
    assert None not in (first.prompt_tokens, first.completion_tokens)
    assert first.total_tokens == (first.prompt_tokens or 0) + (first.completion_tokens or 0)
    assert last.total_tokens is None
    said = [one.getMessage() for one in caplog.records if one.name == "causerie.sessions"]
    assert said[1] == f"session {id}: turn 2: Ada. Of course. ({replies[1].total_tokens} tokens)"
    assert len(said) == 3
    assert contents(get_message_history(id).messages)[:2] == ["I am Ada.", "Hello Ada."]


def test_a_turn_that_fails_ends_the_row_and_those_before_are_kept(
    upstream: ScriptedUpstream, id: str
) -> None:
    upstream.then(answer("Hello."), status(500))
    with Sessions() as sessions:
        conversation = sessions.build_conversation(chain_of(upstream.url))
        turns = arun_conversation(["1", "2", "3"], session_id=id, conversation=conversation)
        with pytest.raises(ModelFailed) as raised:
            asyncio.run(turns)
        assert (raised.value.status, raised.value.session) == (500, id)
        assert contents(sessions.get_message_history(id).messages) == ["1", "Hello."]
    assert len(upstream.requests) == 2


# ---- prompts at once -----------------------------------------------------------------------------


def test_prompts_are_answered_in_order_and_what_they_took_is_counted(
    upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    prompts = [f"<<answer text=number-{number}>>" for number in range(5)]
    chain = chain_of(upstream.url)
    with caplog.at_level(logging.INFO, "causerie.sessions"):
        found = asyncio.run(additional_interactions(prompts, chain, concurrency=3))
    assert [reply.text for reply in found.replies] == [f"number-{n}" for n in range(5)]
    assert [reply.input for reply in found.replies] == prompts
    told = sum(reply.total_tokens or 0 for reply in found.replies)
    assert found.used.total_tokens == told > 0
    assert f"5, {told} tokens" in caplog.text


def test_no_more_prompts_are_at_the_model_than_allowed(upstream: ScriptedUpstream) -> None:
    async def ask() -> list[int]:
        upstream.always(hold())
        chain = chain_of(upstream.url)
        asking = asyncio.create_task(additional_interactions("abcdef", chain, concurrency=2))

        def reached(count: int) -> None:
            upstream.until(lambda: len(upstream.requests) >= count)

        seen = []
        for count in (2, 4, 6):
            await asyncio.to_thread(reached, count)
            await asyncio.sleep(0.05)
            seen.append(len(upstream.requests))
            upstream.release()
        assert len((await asking).replies) == 6
        return seen

    assert asyncio.run(ask()) == [2, 4, 6]


def test_what_fails_is_raised_together_after_all_were_asked(
    upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    prompts = ["<<status code=500>>", "<<answer text=fine>>", "<<status code=429>>"]
    with pytest.raises(InteractionsFailed) as raised:
        asyncio.run(additional_interactions(prompts, chain_of(upstream.url)))
    failed = raised.value
    assert isinstance(failed, SessionError)
    assert [one.status for one in failed.exceptions] == [500, 429]  # type: ignore[union-attr]
    first, second, third = failed.interactions.outcomes
    assert isinstance(second, Reply) and second.text == "fine"
    assert (first, third) == failed.exceptions
    assert failed.interactions.used.total_tokens == second.total_tokens
    assert failed.interactions.used.failed_requests == 2
    assert len([one for one in caplog.records if one.levelno == logging.ERROR]) == 2
    busy, rest = failed.split(lambda one: isinstance(one, ModelFailed) and one.status == 429)
    assert busy is not None and rest is not None
    assert (busy.exceptions, rest.exceptions) == ((third,), (first,))


def test_prompts_that_are_cancelled_are_no_failures(upstream: ScriptedUpstream) -> None:
    async def leave() -> None:
        upstream.always(hold())
        asking = asyncio.create_task(additional_interactions("ab", chain_of(upstream.url)))
        await asyncio.to_thread(upstream.until, lambda: len(upstream.requests) == 2)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.to_thread(upstream.until, lambda: all(s.hung_up for s in upstream.requests))

    asyncio.run(leave())


def test_a_prompt_needs_no_history(upstream: ScriptedUpstream) -> None:
    def said(prompt: Any) -> AIMessage:
        return AIMessage(" ".join(contents(prompt.to_messages())))

    chain = build_prompt("Be brief.") | RunnableLambda(said)
    assert chain.invoke({"input": "Hello"}).content == "Be brief. Hello"
    (reply,) = asyncio.run(additional_interactions(["Hello"], chain)).replies
    assert (reply.text, reply.total_tokens) == ("Be brief. Hello", None)
