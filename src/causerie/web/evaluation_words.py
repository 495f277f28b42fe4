"""What pages about evaluations call things, where they are, and what each of them knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.accounts import Role
from causerie.cases import SET_NAME_CHARS_MAX
from causerie.evaluation_runs import ITERATIONS, WORST_FIRST, Outcome, RunStatus
from causerie.evaluators import BUILT_IN, Known, Where
from causerie.store.test_sets import TestSets
from causerie.web.signin import Visitor
from causerie.web.user_addresses import user_part
from causerie.wording import say, say_in

ROOT = "/p/{project}/evaluations"
OUTCOME_WORDS = {
    Outcome.POSITIVE: say("passed"),
    Outcome.PARTIALLY_PASSED: say("passed in part"),
    Outcome.NEGATIVE: say_in("an answer", "failed"),
    Outcome.INCONCLUSIVE: say("could not be judged"),
}
OUTCOME_LOOKS = {
    Outcome.POSITIVE: "good",
    Outcome.PARTIALLY_PASSED: "bad",
    Outcome.NEGATIVE: "bad",
    Outcome.INCONCLUSIVE: "",
}
"""Classes of badges: what is inconclusive is grey."""
STATUS_WORDS = {
    RunStatus.PENDING: say_in("a run", "waits for its turn"),
    RunStatus.RUNNING: say_in("a run", "is under way"),
    RunStatus.COMPLETED: say_in("a run", "is over"),
    RunStatus.ERRORED: say_in("a run", "could not go on"),
}
CONTEXT_WORDS = {
    Where.MODEL_RESPONSE_ONLY: say("Model response only"),
    Where.CONTEXT_WINDOW: say("Full context"),
}
EXPLAINED = {
    "golden_response": say(
        "The answer is this text. Capitals, punctuation and spaces do not count unless an option"
        " says “full”."
    ),
    "context_contains_phrase": say(
        "The phrase is there; of several, all of them, else it passes in part. It is looked for"
        " in the messages and the answer, or in the answer alone."
    ),
    "semantic_match": say("The answer means the same as this text, in any words and language."),
    "attempts_answer": say("The answer tries to do what was asked, even where it is wrong."),
    "no_refusal": say("The answer does not refuse outright at its beginning."),
    "no_apology": say("The answer does not apologise at its beginning."),
    "language_match": say(
        "The answer is in this language, or in that of the user’s last message if none is named."
    ),
    "json_schema": say("The whole answer is JSON, of this schema if one is given."),
    "regex": say("The expression matches in the answer, or with “absent” nowhere in it."),
    "length": say("The answer has so many characters or words."),
    "latency": say("The answer came within so many milliseconds."),
    "cost": say("The answer cost at most so much."),
}
WITHOUT_JUDGE = {
    "semantic_match": say(
        "Here nobody is asked: without a judge, embeddings on this server say how close both texts"
        " are. They cannot tell a yes from a no."
    ),
    "attempts_answer": say(
        "Here nobody is asked: without a judge, words that refuse outright are looked for."
    ),
}
"""How those that ask a judge do without one."""
OPTIONS = {
    "golden_response": '{"golden_response": "…", "capitalization": "full"}',
    "context_contains_phrase": '{"phrase": "…", "context": "model_response_only"}',
    "semantic_match": '{"semantic_match_string": "…"}',
    "language_match": '{"language": "fr"}',
    "json_schema": '{"schema": {"type": "object"}}',
    "regex": '{"pattern": "…", "absent": true}',
    "length": '{"min": 1, "max": 80, "unit": "words"}',
    "latency": '{"max_ms": 2000}',
    "cost": '{"max": 0.01, "currency": "USD"}',
}
"""An example of the options of each that has some."""
TICKED = ("attempts_answer", "no_refusal", "no_apology", "language_match")
"""Built-in evaluators that need no option: a form offers them to tick."""


def titles(known: Known) -> Mapping[str, str]:
    """What each evaluator is called."""
    return {
        **{name: one.title for name, one in BUILT_IN.items()},
        **{name: one.name for name, one in known.items()},
    }


def common(visitor: Visitor, sets: TestSets) -> dict[str, Any]:
    """What every page about evaluations knows."""
    known = sets.evaluators(visitor.project.id)
    return {
        "section": "evaluations",
        "root": ROOT.replace("{project}", visitor.project.id),
        "may_manage": visitor.role.covers(Role.MEMBER),
        "fault": "",
        "field": None,
        "done": "",
        "known": known,
        "titles": titles(known),
        "set_address": lambda name: set_address(visitor.project.id, name),
        "case_address": lambda name: set_address(visitor.project.id, name, "cases"),
        "OUTCOMES": tuple(reversed(WORST_FIRST)),
        "OUTCOME_WORDS": OUTCOME_WORDS,
        "OUTCOME_LOOKS": OUTCOME_LOOKS,
        "STATUS_WORDS": STATUS_WORDS,
        "ITERATIONS": ITERATIONS,
        "TICKED": TICKED,
        "EXPLAINED": EXPLAINED,
        "OPTIONS": OPTIONS,
        "SET_NAME_CHARS_MAX": SET_NAME_CHARS_MAX,
    }


def set_address(project: str, name: str, of: str = "sets") -> str:
    """The page of a set, or with `cases` that of one of its cases. Its name may be anything."""
    return f"/p/{project}/evaluations/{of}/{user_part(name)}"


def number_of(text: str, otherwise: int) -> int:
    """A whole number from 1 on in an address."""
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    return found or otherwise
