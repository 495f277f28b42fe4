"""Reasons of verdicts: English for programs, and on pages the language of who looks."""

from __future__ import annotations

import re

import msgspec
import pytest

from causerie.cases import Case, Line
from causerie.evaluation_runs import (
    CaseResult,
    Evaluation,
    Outcome,
    Reason,
    Response,
    reason_of,
    unanswered,
)
from causerie.evaluators import CustomEvaluator, EvaluatorUse
from causerie.store.evaluation_runs import decode_result, encode
from causerie.web.speech import OFFERED, speaking
from causerie.wording import Wording, kept, said_again, say, say_many, tell
from tests.conftest import Cast
from tests.evaluator_cases import CASES, judged, offline
from tests.made_calls import NOON
from tests.test_dashboard import home, sign_in
from tests.test_evaluation_pages import act, given, look, run

LANGUAGES = [code for code in OFFERED if code != "en"]


@pytest.fixture(scope="module")
def reasons() -> list[Reason]:
    """All that evaluators say of two hundred answers without a judge, and of some more."""
    examining, found = offline(), []
    for rows in CASES.values():
        found += [reason for one in judged(examining, rows) for reason in one.reasons]
    empty = Case(name="empty", messages=(Line("user", "Hello?"),))
    uses = [EvaluatorUse("attempts_answer"), EvaluatorUse("own"), EvaluatorUse("gone")]
    own = CustomEvaluator(
        project="p",
        identifier="own",
        name="Own",
        instructions="Be kind.",
        created_at=NOON,
        changed_at=NOON,
    )
    for response in (Response(text=" "), unanswered(say("The judge did not answer in time."))):
        [said] = examining.evaluate("p", [(empty, response)], uses, {"own": own})
        found += [reason for one in said for reason in one.reasons]
    return found


def stored(reason: Reason) -> Reason:
    """The same after it was kept with a result."""
    evaluation = Evaluation(evaluator="x", outcome=Outcome.POSITIVE, reasons=(reason,))
    result = CaseResult(
        case=0, iteration=1, response=Response(text="x"), evaluations=(evaluation,), at=NOON
    )
    return decode_result(encode(result)).evaluations[0].reasons[0]


def test_a_stored_reason_is_the_english_that_it_was(reasons: list[Reason]) -> None:
    templates = {kept.message for reason in reasons for kept in reason.said}
    assert len(templates) > 20
    for reason in reasons:
        assert stored(reason) == reason
        assert type(reason.reason) is str
        assert " ".join(map(str, reason.sentences)) == reason.reason


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_reason_of_ours_is_said_in_the_language_of_the_page(
    reasons: list[Reason], code: str
) -> None:
    of_a_library = re.compile(r"\$.*: ")
    with speaking(code):
        for reason in map(stored, reasons):
            for sentence in reason.sentences:
                if not of_a_library.match(sentence):
                    assert isinstance(sentence, Wording), sentence
                    assert tell(sentence) != str(sentence), sentence


def test_numbers_and_sentences_within_are_of_the_language_too() -> None:
    inner = say("There is no endpoint %(name)s in this project.", name="'x'")
    outer = stored(reason_of(False, say("There is no answer: %(reason)s", reason=inner)))
    one, many = (
        reason_of(True, say_many("It has %(num)s word.", "It has %(num)s words.", count))
        for count in (1, 12_000)
    )
    with speaking("fr"):
        assert tell(outer.sentences[0]) == (
            "Il n’y a pas de réponse\u00a0: Il n’y a pas de point d’accès 'x' dans ce projet."
        )
        assert tell(stored(one).sentences[0]) == "Elle fait 1 mot."
        assert tell(stored(many).sentences[0]) == "Elle fait 12\u202f000 mots."
    assert outer.reason == "There is no answer: There is no endpoint 'x' in this project."


@pytest.mark.parametrize("text", ["Both say Monday, 100 % sure. %(name)s {x}", ""])
def test_what_a_judge_says_stays_as_it_is(text: str) -> None:
    reason = stored(reason_of(True, text))
    mixed = stored(reason_of(True, text, say("It is empty.")))
    with speaking("zh"):
        assert [tell(one) for one in reason.sentences] == [text]
        assert [tell(one) for one in mixed.sentences] == [text, "回答为空。"]
    assert said_again(kept(text)) == text


def test_what_was_stored_before_is_read_as_it_was_written() -> None:
    reason = {"verdict": False, "reason": "It has 9 characters."}
    said = {"evaluator": "length", "outcome": "negative", "reasons": [reason]}
    before = {
        "case": 0,
        "iteration": 1,
        "response": {"text": "", "trouble": "Gone."},
        "evaluations": [said],
        "at": "2026-05-20T12:00:00Z",
    }
    result = decode_result(msgspec.json.encode(before))
    assert result.evaluations[0].reasons[0].sentences == ("It has 9 characters.",)
    assert result.response.why == "Gone."


def test_a_page_says_it_in_its_language_and_a_download_in_english(cast: Cast) -> None:
    csrf = sign_in(cast)
    uses = [{"evaluator": "length", "options": {"max": 3}}]
    lines = given("one", "A long <b>answer</b>", evaluators=uses)
    lost = {"name": "lost", "messages": [{"role": "user", "message": "?"}], "model": "<none>"}
    lines += "\n" + msgspec.json.encode({**lost, "evaluators": uses}).decode()
    act(cast, csrf, "/new", name="support", cases=lines)
    id = run(cast, csrf, "support", 1)
    assert "It has 20 characters." in look(cast, f"/runs/{id}").text
    cast.client.post("/language", data={"csrf": csrf, "language": "zh", "next": home(cast)})
    page = look(cast, f"/runs/{id}").text
    assert "共 20 个字符。" in page
    assert page.count("此项目中没有接入点 '<none>'。") == 2
    rows = cast.client.get(f"{home(cast)}/evaluations/runs/{id}?format=csv").text
    assert "It has 20 characters." in rows and "共 20" not in rows
    told = cast.get(f"/api/v1/evaluations/run/{id}").text
    assert "It has 20 characters." in told and '"said"' not in told
