"""What can be seen of an answer without asking anybody: one function for each such evaluator."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import msgspec

from causerie.cases import Case, Line
from causerie.evaluation_runs import Evaluation, Outcome, Reason, Response
from causerie.evaluators import (
    Care,
    ContextContainsPhrase,
    CostLimit,
    EvaluatorUse,
    GoldenResponse,
    JSONSchema,
    LanguageMatch,
    Latency,
    Length,
    Regex,
    Unit,
    Where,
    options_of,
)
from causerie.languages import UNDETERMINED, Guess
from causerie.patterns import compiled
from causerie.signals import Signal, signals_of

FENCE = re.compile(r"\A\s*```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```\s*\Z", re.DOTALL)
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['’-][^\W_]+)*")
SHOWN_CHARS = 200
SCHEMA_FAULTS_SHOWN = 5
Guesses = Callable[[Sequence[str]], list[Guess]]
"""Says which language each text is in."""


@dataclass(frozen=True)
class Material:
    """What an evaluator sees."""

    case: Case
    response: Response
    guess: Guesses


def check(use: EvaluatorUse, material: Material) -> Evaluation:
    """What a built-in evaluator that asks nobody says of an answer."""
    options = options_of(use)
    verdicts = CHECKS[use.evaluator](options, material)
    if not verdicts:
        return inconclusive(use, UNKNOWN[use.evaluator])
    return Evaluation(evaluator=use.evaluator, outcome=outcome_of(verdicts), reasons=verdicts)


def inconclusive(use: EvaluatorUse, reason: str) -> Evaluation:
    """That an answer could not be judged, and why."""
    given = (Reason(verdict=False, reason=reason),)
    return Evaluation(evaluator=use.evaluator, outcome=Outcome.INCONCLUSIVE, reasons=given)


def outcome_of(verdicts: Sequence[Reason]) -> Outcome:
    """What several verdicts come to; there is at least one."""
    passed = sum(one.verdict for one in verdicts)
    if passed == len(verdicts):
        return Outcome.POSITIVE
    return Outcome.PARTIALLY_PASSED if passed else Outcome.NEGATIVE


Verdicts = tuple[Reason, ...]


def _one(verdict: bool, reason: str) -> Verdicts:
    return (Reason(verdict=verdict, reason=reason),)


# ---- texts -------------------------------------------------------------------------------------


def _golden(options: GoldenResponse, material: Material) -> Verdicts:
    wanted = _plain(options.golden_response, options)
    told = _plain(material.response.text, options)
    if wanted == told:
        return _one(True, "It is the golden response.")
    pairs = enumerate(zip_longest(wanted, told))
    place = next(at for at, (one, other) in pairs if one != other)
    return _one(
        False,
        f"From character {place + 1} on (of what counts) it has {_shown(told[place:])!r}, the"
        f" golden response {_shown(wanted[place:])!r}.",
    )


def _plain(text: str, options: GoldenResponse) -> str:
    """What of a text counts."""
    text = unicodedata.normalize("NFC", text)
    if options.capitalization is Care.AGNOSTIC:
        text = text.casefold()
    if options.punctuation is Care.AGNOSTIC:
        text = "".join(sign for sign in text if not unicodedata.category(sign).startswith("P"))
    if options.whitespace is Care.AGNOSTIC:
        return "".join(text.split())
    return text


def _contains(options: ContextContainsPhrase, material: Material) -> Verdicts:
    fold = options.capitalization is Care.AGNOSTIC

    def folded(text: str) -> str:
        text = unicodedata.normalize("NFC", text)
        return text.casefold() if fold else text

    answer = [Line("assistant", material.response.text)]
    lines = [*(() if options.context is Where.MODEL_RESPONSE_ONLY else material.case.messages)]
    texts = [folded(line.message) for line in (*lines, *answer)]
    there = {phrase: any(folded(phrase) in text for text in texts) for phrase in options.wanted}
    return tuple(
        Reason(verdict=has, reason=f"{'It has' if has else 'It lacks'} {_shown(phrase)!r}.")
        for phrase, has in there.items()
    )


def _expression(options: Regex, material: Material) -> Verdicts:
    found = compiled(options.pattern).search(material.response.text)
    if found is None:
        return _one(options.absent, "The expression matches nothing.")
    return _one(not options.absent, f"The expression matches {_shown(found.group())!r}.")


def _length(options: Length, material: Material) -> Verdicts:
    text = material.response.text
    count = len(text) if options.unit is Unit.CHARACTERS else len(WORD.findall(text))
    fits = count >= options.min and (options.max is None or count <= options.max)
    return _one(fits, f"It has {count} {options.unit.value}.")


def _json(options: JSONSchema, material: Material) -> Verdicts:
    from jsonschema.validators import validator_for

    text = material.response.text
    fenced = FENCE.match(text) if options.fenced else None
    try:
        value: Any = msgspec.json.decode(fenced.group(1) if fenced else text)
    except (msgspec.DecodeError, RecursionError) as error:
        return _one(False, f"It is no JSON: {error}.")
    validator = validator_for(options.schema)(options.schema)
    faults = sorted(validator.iter_errors(value), key=lambda fault: fault.json_path)
    if not faults:
        return _one(True, "It is JSON of the schema.")
    shown = faults[:SCHEMA_FAULTS_SHOWN]
    more = f" and {len(faults) - len(shown)} more" if len(faults) > len(shown) else ""
    told = "; ".join(f"{fault.json_path}: {_shown(fault.message)}" for fault in shown)
    return _one(False, f"{told}{more}.")


# ---- what it says of itself ---------------------------------------------------------------------


def attempted(material: Material) -> Verdicts:
    """Whether it answers at all, by words that say outright that it does not."""
    if not material.response.text.strip():
        return _one(False, "It is empty.")
    return _refusal(None, material)


def _refusal(options: Any, material: Material) -> Verdicts:
    refused = Signal.REFUSED in signals_of(material.response.text, "assistant")
    return _one(not refused, "It refuses outright." if refused else "It does not refuse outright.")


def _apology(options: Any, material: Material) -> Verdicts:
    sorry = Signal.APOLOGISED in signals_of(material.response.text, "assistant")
    return _one(not sorry, "It apologises." if sorry else "It does not apologise.")


def _language(options: LanguageMatch, material: Material) -> Verdicts:
    asked = [line.message for line in material.case.messages if line.role == "user"][-1:]
    guessed = material.guess([material.response.text, *asked])
    found, wanted = guessed[0].language, options.language or guessed[-1].language
    if UNDETERMINED in (found, wanted) or (not options.language and not asked):
        return ()
    return _one(found == wanted, f"It is in {found}; {wanted} is wanted.")


# ---- what it took -------------------------------------------------------------------------------


def _latency(options: Latency, material: Material) -> Verdicts:
    took = material.response.latency_ms
    if took is None:
        return ()
    return _one(took <= options.max_ms, f"It took {took} ms.")


def _cost(options: CostLimit, material: Material) -> Verdicts:
    cost, currency = material.response.cost, material.response.currency
    if cost is None or currency != options.currency:
        return ()
    return _one(cost <= Decimal(str(options.max)), f"It cost {cost} {currency}.")


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


CHECKS: dict[str, Callable[[Any, Material], Verdicts]] = {
    "golden_response": _golden,
    "context_contains_phrase": _contains,
    "no_refusal": _refusal,
    "no_apology": _apology,
    "language_match": _language,
    "json_schema": _json,
    "regex": _expression,
    "length": _length,
    "latency": _latency,
    "cost": _cost,
}
UNKNOWN = {
    "language_match": "The language of the answer, or the one that is wanted, is not clear.",
    "latency": "Nobody waited for it, or nobody knows how long.",
    "cost": "What it cost is not known in that currency.",
}
"""Why there is no verdict."""
