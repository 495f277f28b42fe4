"""Hints to providers: each in its own words, never over those of the caller."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from causerie.dialects import Prefix, hinted
from causerie.endpoints import Dialect, Upstream

SAID = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "One"},
    {"role": "assistant", "content": [{"type": "text", "text": "Two"}]},
    {"role": "user", "content": "Three"},
]
PREFIX = Prefix("ctx-1", "mine", initial=1, history=3)


def hints(dialect: Dialect, prefix: Prefix = PREFIX, slots: int = 0, **body: Any) -> Any:
    upstream = Upstream(base_url="http://x/v1", model="m", dialect=dialect, slots=slots)
    messages = [Raw(msgspec.json.encode(said)) for said in SAID]
    found, headers = hinted(body, messages, upstream, prefix)
    return msgspec.json.decode(msgspec.json.encode(found)), headers


def test_a_plain_provider_gets_the_messages_alone() -> None:
    assert hints(Dialect.PLAIN) == ({"messages": SAID}, {})


def test_openai_is_told_which_calls_belong_together() -> None:
    assert hints(Dialect.OPENAI)[0]["prompt_cache_key"] == "ctx-1"
    assert hints(Dialect.OPENAI, prompt_cache_key="mine")[0]["prompt_cache_key"] == "mine"
    assert "prompt_cache_key" not in hints(Dialect.OPENAI, Prefix())[0]


def test_vllm_keeps_projects_apart_and_their_contexts_together() -> None:
    salts = {
        hints(Dialect.VLLM, prefix)[0]["cache_salt"]
        for prefix in (PREFIX, Prefix("ctx-2", "mine"), Prefix("ctx-1", "theirs"))
    }
    assert len(salts) == 2


def test_llamacpp_keeps_a_context_in_its_slot() -> None:
    slots = {
        hints(Dialect.LLAMACPP, Prefix(f"ctx-{number}"), 4)[0]["id_slot"] for number in range(50)
    }
    assert slots == {0, 1, 2, 3}
    one, again = (hints(Dialect.LLAMACPP, PREFIX, 4)[0] for _ in range(2))
    assert one == again and one["cache_prompt"] is True
    assert "id_slot" not in hints(Dialect.LLAMACPP, Prefix(), 4)[0]


def test_xai_is_told_in_a_header() -> None:
    assert hints(Dialect.XAI)[1] == {"x-grok-conv-id": "ctx-1"}


def test_marks_stand_at_the_end_of_what_was_read_before() -> None:
    for dialect in (Dialect.ANTHROPIC, Dialect.DASHSCOPE):
        system, first, second, third = hints(dialect)[0]["messages"]
        mark = {"cache_control": {"type": "ephemeral"}}
        assert system["content"] == [{"type": "text", "text": "Be brief.", **mark}]
        assert second["content"] == [{"type": "text", "text": "Two", **mark}]
        assert (first, third) == (SAID[1], SAID[3])
