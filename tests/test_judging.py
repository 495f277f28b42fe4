"""Judging: what is asked as the Context service asked it, and what counts as an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.completions import Said
from causerie.judging import (
    HEAD_CHARS,
    TAIL_CHARS,
    Verdict,
    about_title,
    about_topic,
    about_translation,
    title_of,
    translation_of,
    verdict_of,
)
from causerie.topics import Template
from tests.topic_cast import llm


def called(arguments: Any) -> Said:
    return Said(tool_calls=[{"type": "function", "function": {"arguments": arguments}}])


def test_the_prompt_is_the_system_message_and_the_text_the_users() -> None:
    asked = about_topic(llm("t", "Look for {anger}"), "I am fine")
    body = asked.body(plain=False)
    system, user = body["messages"]
    assert system["role"] == "system" and system["content"].startswith("Look for {anger}\n")
    assert user == {"role": "user", "content": "I am fine"}
    function = body["tools"][0]["function"]
    assert body["tool_choice"]["function"]["name"] == function["name"]
    kinds = {name: one["type"] for name, one in function["parameters"]["properties"].items()}
    assert kinds == {"reason": "string", "verdict": "boolean"}


def test_each_template_has_its_own_words_around_the_prompt() -> None:
    told = {
        template: about_topic(llm("t", "to cancel", template=template), "x").system
        for template in Template
    }
    assert len(set(told.values())) == 3 and all("to cancel" in system for system in told.values())
    assert "intent" in told[Template.INTENT]


def test_a_plain_request_holds_only_messages() -> None:
    assert about_topic(llm("t"), "x").body(plain=True).keys() == {"messages"}
    assert "JSON" in about_topic(llm("t"), "x").body(plain=True)["messages"][0]["content"]


def test_a_changed_topic_is_another_question_and_a_text_the_same() -> None:
    one, two = about_topic(llm("t"), "x"), about_topic(llm("t", revision=2), "x")
    assert one.question != two.question and one.digest == two.digest


def test_a_long_text_is_cut_in_the_middle() -> None:
    asked = about_topic(llm("t"), "a" * HEAD_CHARS + "b" * 50_000 + "c" * TAIL_CHARS)
    assert len(asked.text) < HEAD_CHARS + TAIL_CHARS + 10
    assert asked.text.startswith("a") and asked.text.endswith("c") and "b" not in asked.text


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (called('{"reason": "Angry.", "verdict": true}'), Verdict(True, "Angry.")),
        (called({"verdict": False}), Verdict(False)),
        (Said(function_call={"arguments": '{"verdict": true}'}), Verdict(True)),
        (Said(content='{"reason": "x", "verdict": false}'), Verdict(False, "x")),
        (Said(content='```json\n{"verdict": true}\n```'), Verdict(True)),
        (Said(content='{"verdict": true}', tool_calls=[]), Verdict(True)),
        (called('{"verdict": true, "reason": "a\\u0000b"}'), Verdict(True, "ab")),
        (called('{"verdict": true, "reason": 7}'), Verdict(True)),
    ],
)
def test_an_answer_is_read(said: Said, verdict: Verdict) -> None:
    assert verdict_of(said) == verdict


@pytest.mark.parametrize(
    "said",
    [
        Said(),
        Said(content="true"),
        Said(content="Yes, it matches."),
        Said(content=["text"]),
        called('{"verdict": "true"}'),
        called('{"verdict": 1}'),
        called('{"verdict": null}'),
        called('{"verdict": tru'),
        called("[true]"),
        called(None),
        Said(tool_calls="none"),
        Said(tool_calls=[None, {"function": "judge"}]),
        Said(content='I say {"verdict": true} or {"verdict": false}'),
        Said(content="[" * 5_000),
    ],
)
def test_anything_else_is_no_verdict(said: Said) -> None:
    assert verdict_of(said) is None


JSON = st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner))


@given(JSON | st.dictionaries(st.sampled_from(["verdict", "reason"]), JSON))
def test_no_shape_of_an_answer_breaks_it(document: Any) -> None:
    for said in (called(document), called(json.dumps(document)), Said(content=document)):
        assert verdict_of(said) is None or isinstance(document, dict)


def test_a_title_is_short_and_bare() -> None:
    assert title_of(' "Late parcels." ') == "Late parcels"
    assert title_of("「退款申请」") == "退款申请"
    assert title_of("L'argent perdu") == "L'argent perdu"
    for flaw in ("", "...", "two\nlines", 'Titles "and" quotes', "x" * 61, '""'):
        assert title_of(flaw) == ""
    assert "Late" not in about_title(["parcel"], "where is it").system


def test_a_translation_is_about_as_long_as_the_text() -> None:
    assert translation_of(" Hello \0", "Bonjour") == "Hello"
    assert translation_of("x" * 5_000, "Bonjour") == ""
    assert "English" in about_translation("Bonjour", "en").system
