"""Evaluators: two hundred answers in four languages, and what must never pass for a pass."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.answer_checks import WORD, Material, check, contrast
from causerie.cases import Case, Line
from causerie.errors import Invalid, Unavailable
from causerie.evaluation_runs import Evaluation, Outcome, Response
from causerie.evaluators import BUILT_IN, CustomEvaluator, EvaluatorUse, options_of
from causerie.examining import Examining
from causerie.languages import Guess
from tests.evaluator_cases import CASES, Judged, Tally, judged, lines, offline, tally

BY_RULE = (
    "golden_response",
    "context_contains_phrase",
    "json_schema",
    "regex",
    "length",
    "latency",
    "cost",
)
# What was measured, of 7, 5, 6, 5 and 6 in each language; English, French, Spanish, Chinese.
MEASURED = {
    "semantic_match": (4, 4, 2, 5),
    "attempts_answer": (4, 4, 3, 3),
    "no_refusal": (5, 6, 5, 6),
    "no_apology": (5, 5, 5, 5),
    "language_match": (5, 6, 6, 6),
}
SLACK = 0.1
"""Less than one answer of any of them."""
GIVEN = Response(text="Your order ships on Monday.", given=True)
CASE = Case(name="order", messages=(Line("user", "When does my order ship?"),))
OPTIONS: dict[str, dict[str, Any]] = {
    "golden_response": {"golden_response": ""},
    "context_contains_phrase": {"phrase": "order"},
    "semantic_match": {"semantic_match_string": "Monday"},
    "regex": {"pattern": "x", "absent": True},
    "latency": {"max_ms": 1_000},
    "cost": {"max": 1},
}
Found = dict[str, list[Evaluation]]


@pytest.fixture(scope="module")
def examining() -> Examining:
    return offline()


@pytest.fixture(scope="module")
def found(examining: Examining) -> Found:
    return {language: judged(examining, rows) for language, rows in CASES.items()}


@pytest.fixture(scope="module")
def table(found: Found) -> Tally:
    return tally(found)


def by_rule() -> Iterator[Any]:
    for language, rows in CASES.items():
        for place, one in enumerate(rows):
            if one.use.evaluator in BY_RULE:
                id = f"{language}-{place}-{one.use.evaluator}"
                yield pytest.param(language, place, one, id=id)


def test_there_are_fifty_cases_in_each_language() -> None:
    assert {language: len(rows) for language, rows in CASES.items()} == dict.fromkeys(CASES, 50)
    assert {one.use.evaluator for rows in CASES.values() for one in rows} == BUILT_IN.keys()
    assert {*BY_RULE, *MEASURED} == BUILT_IN.keys()


@pytest.mark.parametrize(("language", "place", "one"), list(by_rule()))
def test_a_rule_says_what_a_careful_person_says(
    found: Found, language: str, place: int, one: Judged
) -> None:
    evaluation = found[language][place]
    assert evaluation.outcome is one.outcome, evaluation.reasons


@pytest.mark.parametrize("evaluator", MEASURED)
@pytest.mark.parametrize("place", range(len(CASES)), ids=list(CASES))
def test_an_estimate_is_as_good_as_it_was(table: Tally, evaluator: str, place: int) -> None:
    right, of = table[evaluator, list(CASES)[place]]
    assert right / of > MEASURED[evaluator][place] / of - SLACK


def test_an_estimate_is_never_surer_than_it_says(found: Found) -> None:
    for language, rows in CASES.items():
        for one, evaluation in zip(rows, found[language], strict=True):
            if BUILT_IN[one.use.evaluator].asks:
                assert "No language model is configured" in evaluation.reasons[0].reason


def test_the_table_is_shown(table: Tally) -> None:
    shown = list(lines(table))
    print(*shown, sep="\n")  # noqa: T201
    assert len(shown) == 2 + len(BUILT_IN)
    assert shown[2].endswith("24/24 (100%) |")


# ---- one by one --------------------------------------------------------------------------------


def guess(texts: Sequence[str]) -> list[Guess]:
    return [Guess("fr", 0.9) if "bonjour" in text.lower() else Guess("und", 0.0) for text in texts]


def said(evaluator: str, answer: str | Response, *asked: str, **options: Any) -> Evaluation:
    response = Response(text=answer) if isinstance(answer, str) else answer
    case = Case(name="case", messages=tuple(Line("user", line) for line in asked))
    return check(EvaluatorUse(evaluator, options), Material(case, response, guess))


def test_several_phrases_are_partly_there() -> None:
    def outcome(*phrases: str) -> Outcome:
        return said("context_contains_phrase", "red and blue", phrases=list(phrases)).outcome

    assert outcome("red", "blue") is Outcome.POSITIVE
    assert outcome("red", "green") is Outcome.PARTIALLY_PASSED
    assert outcome("grey", "green") is Outcome.NEGATIVE


def test_each_phrase_has_a_reason_of_its_own() -> None:
    mine = said("context_contains_phrase", "red", "blue?", phrase="green", phrases=["red", "blue"])
    assert [(one.verdict, one.reason) for one in mine.reasons] == [
        (False, "It lacks 'green'."),
        (True, "It has 'red'."),
        (True, "It has 'blue'."),
    ]


def test_a_phrase_does_not_reach_from_one_message_into_the_next() -> None:
    mine = said("context_contains_phrase", "within 30 days", "I sent it back", phrase="back within")
    assert mine.outcome is Outcome.NEGATIVE


@pytest.mark.parametrize(
    ("golden", "told", "same"),
    [
        ("3.5", "3,5", True),
        ("3.5", "35", False),
        ("1,234.50", "1.234,50", True),
        ("1,234", "1234", True),
        ("9:30", "9.30", True),
        ("01.02.2026", "01/02/2026", True),
        ("-4", "−4", True),
        ("4", "-$4", False),
        ("2020-2024", "2020–2024", True),
        ("- 4 eggs", "4 eggs", True),
        ("`x`", "x", True),
        ("zero\u200bwidth", "zero width", True),
    ],
)
def test_punctuation_that_makes_another_number_counts(golden: str, told: str, same: bool) -> None:
    for one, other in ((golden, told), (told, golden)):
        mine = said("golden_response", one, golden_response=other)
        assert (mine.outcome is Outcome.POSITIVE) is same


@settings(max_examples=40)
@given(st.text(max_size=30))
def test_every_text_is_its_own_golden_response_in_any_case(text: str) -> None:
    for care in ("agnostic", "full"):
        cares = dict.fromkeys(("capitalization", "punctuation", "whitespace"), care)
        mine = said("golden_response", text, golden_response=text, **cares)
        assert mine.outcome is Outcome.POSITIVE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("3.5 x 1,200 at 10:30", 5),
        ("the end.Then", 3),
        ("使用Python3写", 4),
        ("ひらがな", 4),
        ("rock ’n’ roll", 3),
        ("a - b", 2),
    ],
)
def test_words_are_counted_as_people_count_them(text: str, words: int) -> None:
    assert len(WORD.findall(text)) == words


def test_a_fence_is_one_only_where_it_is_everything() -> None:
    assert said("json_schema", "```\n[]\n```").outcome is Outcome.POSITIVE
    assert said("json_schema", "``` json\n[]```").outcome is Outcome.NEGATIVE
    assert said("json_schema", "```json\n[]\n```\n```json\n[]\n```").outcome is Outcome.NEGATIVE
    assert said("json_schema", "```json\n" + " " * 300_000).outcome is Outcome.NEGATIVE


def test_a_schema_fetches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda *given, **more: asked.append(given))
    for reference in ("http://127.0.0.1:1/schema", "#/$defs/none", "#"):
        mine = said("json_schema", "{}", schema={"$ref": reference})
        assert mine.outcome is Outcome.INCONCLUSIVE
    assert asked == []


def test_an_expression_of_a_schema_is_not_tried_on_long_texts() -> None:
    schema = {"properties": {"id": {"pattern": r"^\w+\w+$"}, "text": {"type": "string"}}}
    other = {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "x+x+y"}
    hidden = {"properties": {"id": other}}
    long = "x" * 200_000

    def outcome(id: str, text: str, schema: Any = schema) -> Outcome:
        answer = json.dumps({"id": id, "text": text})
        return said("json_schema", answer, schema=schema).outcome

    assert outcome("ab", long) is Outcome.POSITIVE
    assert outcome("a-", long) is Outcome.NEGATIVE
    assert outcome(long, "") is Outcome.INCONCLUSIVE
    assert outcome(long, "", hidden) is Outcome.INCONCLUSIVE
    named = {"patternProperties": {"x+x+y": {"type": "string"}}}
    assert said("json_schema", json.dumps({long: 1}), schema=named).outcome is Outcome.INCONCLUSIVE
    assert said("json_schema", f'"{long}"', schema=named).outcome is Outcome.POSITIVE
    closed = {"additionalProperties": False, **named}
    assert said("json_schema", json.dumps({long: 1}), schema=closed).outcome is Outcome.INCONCLUSIVE
    assert said("json_schema", '{"xxy": 1}', schema=named).outcome is Outcome.NEGATIVE


def test_options_that_no_answer_can_be_judged_by_are_refused() -> None:
    for evaluator, options in (
        ("language_match", {"language": "French!"}),
        ("json_schema", {"schema": {"properties": {"a": {"pattern": "(a+)+$"}}}}),
        ("json_schema", {"schema": {"allOf": [{"patternProperties": {"(a|a)*b": True}}]}}),
        ("length", {"min": 3, "max": 2}),
        ("context_contains_phrase", {}),
    ):
        with pytest.raises(Invalid):
            options_of(EvaluatorUse(evaluator, options))
    options_of(EvaluatorUse("json_schema", {"schema": {"pattern": "^[a-z]*$"}}))


# ---- what is not known -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evaluator", "response", "options"),
    [
        ("latency", Response(text="Hi"), {"max_ms": 10**9}),
        ("cost", Response(text="Hi"), {"max": 10**9}),
        ("cost", Response(text="Hi", cost=Decimal(0), currency="CNY"), {"max": 1}),
        ("language_match", Response(text="1 + 1 = 2"), {"language": "fr"}),
        ("language_match", Response(text="Bonjour"), {}),
        ("language_match", Response(text="Bonjour"), {"language": "tlh"}),
    ],
)
def test_what_is_unknown_is_inconclusive(
    evaluator: str, response: Response, options: dict[str, Any]
) -> None:
    mine = said(evaluator, response, **options)
    assert mine.outcome is Outcome.INCONCLUSIVE
    assert [one.verdict for one in mine.reasons] == [False] and mine.reasons[0].reason


def test_a_question_in_no_language_asks_for_none() -> None:
    assert said("language_match", "Bonjour", "2 + 2?").outcome is Outcome.INCONCLUSIVE
    assert said("language_match", "Bonjour", "Bonjour, 2 + 2 ?").outcome is Outcome.POSITIVE


@pytest.mark.parametrize("evaluator", BUILT_IN)
def test_without_an_answer_nothing_is_judged(examining: Examining, evaluator: str) -> None:
    lost = Response(text="", trouble="The provider was slow.", latency_ms=1, cost=Decimal(0))
    use = EvaluatorUse(evaluator, OPTIONS.get(evaluator, {}))
    [[mine]] = examining.evaluate("mine", [(CASE, lost)], [use], {})
    assert mine.outcome is Outcome.INCONCLUSIVE and "slow" in mine.reasons[0].reason


def test_an_evaluator_of_a_project_needs_a_judge(examining: Examining) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    polite = CustomEvaluator(
        project="mine",
        identifier="polite",
        name="Polite",
        instructions="Is it polite?",
        created_at=at,
        changed_at=at,
    )
    uses = [EvaluatorUse("polite"), EvaluatorUse("gone")]
    [evaluations] = examining.evaluate("mine", [(CASE, GIVEN)], uses, {"polite": polite})
    assert [one.outcome for one in evaluations] == [Outcome.INCONCLUSIVE] * 2
    assert "No language model" in evaluations[0].reasons[0].reason
    assert "no such evaluator" in evaluations[1].reasons[0].reason


@pytest.mark.parametrize("language", CASES)
def test_closeness_passes_nothing_that_a_few_words_turn_around(language: str) -> None:
    rows = [one for one in CASES[language] if one.use.evaluator == "semantic_match"]
    wrong = [one for one in rows if one.outcome is Outcome.NEGATIVE]
    found = judged(offline(), wrong)
    assert wrong and Outcome.POSITIVE not in {one.outcome for one in found}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Open on Monday.", "open on MONDAY", None),
        ("Open on Monday.", "Closed on Monday.", ("open", "closed")),
        ("It is covered.", "It is not covered.", ("–", "not")),
        ("It comes on 3 May.", "It comes on 30 May.", ("3", "30")),
        ("Refunds take a week.", "You will have your money in seven days.", None),
        ("含早餐。", "不含早餐。", ("–", "不")),
        ("", "", None),
    ],
)
def test_two_texts_of_mostly_the_same_words_differ_in_the_others(
    one: str, other: str, expected: tuple[str, str] | None
) -> None:
    assert contrast(one, other) == expected


def test_a_meaning_that_cannot_be_measured_is_inconclusive() -> None:
    def embed(project: str, texts: Sequence[str]) -> tuple[str, list[tuple[float, ...]]]:
        raise Unavailable("the model is gone")

    use = EvaluatorUse("semantic_match", OPTIONS["semantic_match"])
    [[mine]] = offline(embed=embed).evaluate("mine", [(CASE, GIVEN)], [use], {})
    assert mine.outcome is Outcome.INCONCLUSIVE and "is gone" in mine.reasons[0].reason


def test_a_threshold_of_its_own_decides(examining: Examining) -> None:
    def outcome(threshold: float) -> Outcome:
        options = {**OPTIONS["semantic_match"], "threshold": threshold}
        use = EvaluatorUse("semantic_match", options)
        [[mine]] = examining.evaluate("mine", [(CASE, GIVEN)], [use], {})
        assert mine.score is not None and 0 < mine.score < 1
        return mine.outcome

    assert (outcome(0.0), outcome(1.0)) == (Outcome.POSITIVE, Outcome.NEGATIVE)


def test_evaluators_of_the_set_come_before_those_of_the_case(examining: Examining) -> None:
    own = Case(name="own", messages=CASE.messages, evaluators=(EvaluatorUse("length"),))
    [[first, second]] = examining.evaluate("mine", [(own, GIVEN)], [EvaluatorUse("no_apology")], {})
    assert (first.evaluator, second.evaluator) == ("no_apology", "length")
