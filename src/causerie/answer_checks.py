"""What can be seen of an answer without asking anybody: one function for each such evaluator."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import msgspec

from causerie.cases import Case, Line
from causerie.evaluation_runs import Evaluation, Outcome, Reason, Response, reason_of
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
from causerie.signals import Signal, signals_of, unquoted
from causerie.tongues import CHAT_LANGUAGES
from causerie.wording import Wording, say, say_many

FENCE = re.compile(r"```[\w-]*\s*")
_SIGN = "\\u3040-\\u30ff\\u3400-\\u9fff"
_LETTER = rf"[^\W_{_SIGN}]"
WORD = re.compile(rf"[{_SIGN}]|{_LETTER}+(?:(?:['’-]|(?<=\d)[.,:](?=\d)){_LETTER}+)*")
"""Each sign of Chinese or Japanese counts as one; `1,299.50` and `week-end` are one too."""
MINUS = re.compile(r"(?<![\w-])-(?=[$€£¥]?\d)")
NUMERAL = re.compile(r"\d+(?:[.,:]\d+)+")
POINT = "∙"
"""Stands for what parts the whole of a number from the rest."""
MARKS = frozenset("`´～〜")
"""Punctuation that Unicode calls symbols."""
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
SHAPES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u2011": "-"})
WIDE = {
    wide + place: ord(first) + place
    for wide, first, count in ((0xFF10, "0", 10), (0xFF21, "A", 26), (0xFF41, "a", 26))
    for place in range(count)
}
"""Letters and digits as wide as a Chinese sign."""
SHOWN_CHARS = 200
CONTRAST_SHARE = 0.6
"""Of the words of two texts, how many at least are shared where the others are all that counts."""
SCHEMA_FAULTS_SHOWN = 5
EXPRESSIONS = (
    "pattern",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
)
"""What of a schema tries expressions: the last two, those of `patternProperties`."""
PATTERN_CHARS_MAX = 500
"""Of a text, or the name of a property, that such an expression is tried on."""
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


def inconclusive(use: EvaluatorUse, *sentences: str) -> Evaluation:
    """That an answer could not be judged, and why."""
    given = (reason_of(False, *sentences),)
    return Evaluation(evaluator=use.evaluator, outcome=Outcome.INCONCLUSIVE, reasons=given)


def outcome_of(verdicts: Sequence[Reason]) -> Outcome:
    """What several verdicts come to; there is at least one."""
    passed = sum(one.verdict for one in verdicts)
    if passed == len(verdicts):
        return Outcome.POSITIVE
    return Outcome.PARTIALLY_PASSED if passed else Outcome.NEGATIVE


Verdicts = tuple[Reason, ...]


def _one(verdict: bool, reason: str) -> Verdicts:
    return (reason_of(verdict, reason),)


# ---- texts -------------------------------------------------------------------------------------


def _golden(options: GoldenResponse, material: Material) -> Verdicts:
    wanted = _plain(options.golden_response, options)
    told = _plain(material.response.text, options)
    if wanted == told:
        return _one(True, say("It is the golden response."))
    pairs = enumerate(zip_longest(wanted, told))
    place = next(at for at, (one, other) in pairs if one != other)
    reason = say(
        "From character %(place)s on (of what counts) it has %(has)s, the golden response"
        " %(wanted)s.",
        place=place + 1,
        has=_quoted(told[place:]),
        wanted=_quoted(wanted[place:]),
    )
    return _one(False, reason)


def _plain(text: str, options: GoldenResponse) -> str:
    """What of a text counts."""
    text = unicodedata.normalize("NFC", text)
    if options.capitalization is Care.AGNOSTIC:
        text = _folded(text)
    if options.punctuation is Care.AGNOSTIC:
        text = _unpunctuated(text)
    if options.whitespace is Care.AGNOSTIC:
        return "".join(text.translate(INVISIBLE).split())
    return text


def _folded(text: str) -> str:
    """A text whose letters have one case and one width."""
    return text.translate(WIDE).casefold()


def _unpunctuated(text: str) -> str:
    """A text without punctuation, but for what makes a number another one: 3.5 is not 35, nor -40
    40, but 1.500 is 1500.
    """
    text = NUMERAL.sub(_numeral, MINUS.sub("−", text))
    return "".join(
        sign
        for sign in text
        if sign not in MARKS and not unicodedata.category(sign).startswith("P")
    )


def _numeral(found: re.Match[str]) -> str:
    *whole, last = re.split(r"[.,:]", found.group())
    if len(last) == 3 or any(len(part) != 3 for part in whole[1:]):
        return "".join((*whole, last))
    return f"{''.join(whole)}{POINT}{last}"


def _contains(options: ContextContainsPhrase, material: Material) -> Verdicts:
    fold = options.capitalization is Care.AGNOSTIC
    answer = [Line("assistant", material.response.text)]
    lines = [*(() if options.context is Where.MODEL_RESPONSE_ONLY else material.case.messages)]
    texts = [_read(line.message, fold=fold) for line in (*lines, *answer)]
    # As Markdown writes it and as people see it.
    texts += [text.replace("**", "") for text in texts]
    there = {
        phrase: any(_read(phrase, fold=fold) in text for text in texts) for phrase in options.wanted
    }
    return tuple(
        reason_of(has, _found(phrase) if has else _lacking(phrase)) for phrase, has in there.items()
    )


def _found(phrase: str) -> Wording:
    return say("It has %(phrase)s.", phrase=_quoted(phrase))


def _lacking(phrase: str) -> Wording:
    return say("It lacks %(phrase)s.", phrase=_quoted(phrase))


def _read(text: str, *, fold: bool) -> str:
    """A text as it is read: however it is broken into lines, and whichever quotes it has."""
    text = unicodedata.normalize("NFC", text).translate(SHAPES).translate(INVISIBLE)
    text = re.sub(r"\s+", " ", text)
    return _folded(text) if fold else text


def contrast(one: str, other: str) -> tuple[str, str] | None:
    """The words in which two texts differ that share most of theirs, up to case and order; None for
    texts that are the same, or that are put in other words altogether.
    """
    left, right = (Counter(WORD.findall(_read(text, fold=True))) for text in (one, other))
    shared = 2 * (left & right).total()
    if left == right or shared < CONTRAST_SHARE * (left.total() + right.total()):
        return None
    return _listed(left - right), _listed(right - left)


def _listed(words: Counter[str]) -> str:
    return _shown(" ".join(words)) or "–"


def _expression(options: Regex, material: Material) -> Verdicts:
    expression = compiled(unicodedata.normalize("NFC", options.pattern))
    found = expression.search(unicodedata.normalize("NFC", material.response.text))
    if found is None:
        return _one(options.absent, say("The expression matches nothing."))
    reason = say("The expression matches %(found)s.", found=_quoted(found.group()))
    return _one(not options.absent, reason)


def _length(options: Length, material: Material) -> Verdicts:
    text = unicodedata.normalize("NFC", material.response.text)
    count = len(text) if options.unit is Unit.CHARACTERS else len(WORD.findall(text))
    fits = count >= options.min and (options.max is None or count <= options.max)
    if options.unit is Unit.CHARACTERS:
        return _one(
            fits, say_many("It has %(num)s character.", "It has %(num)s characters.", count)
        )
    return _one(fits, say_many("It has %(num)s word.", "It has %(num)s words.", count))


def _json(options: JSONSchema, material: Material) -> Verdicts:
    text = material.response.text
    try:
        value: Any = msgspec.json.decode(_unfenced(text) if options.fenced else text)
    except (msgspec.DecodeError, RecursionError) as error:
        return _one(False, say("It is no JSON: %(reason)s.", reason=str(error)))
    faults = _faults(options.schema, value)
    if faults is None:
        return ()
    if not faults:
        return _one(True, say("It is JSON of the schema."))
    shown, more = "; ".join(faults[:SCHEMA_FAULTS_SHOWN]), len(faults) - SCHEMA_FAULTS_SHOWN
    if more <= 0:
        return _one(False, f"{shown}.")
    return _one(False, say("%(faults)s and %(more)s more.", faults=shown, more=more))


def _unfenced(text: str) -> str:
    """What stands in a fence, where nothing stands outside of it."""
    first, _, rest = text.strip().partition("\n")
    return rest[:-3] if FENCE.fullmatch(first) and rest.endswith("```") else text


def _faults(schema: dict[str, Any] | bool, value: Any) -> list[str] | None:
    """Where a value is not of a schema; None where that cannot be told."""
    from jsonschema.validators import extend, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(schema)
    tried = {name: kind.VALIDATORS[name] for name in EXPRESSIONS if name in kind.VALIDATORS}
    limited = extend(kind, {name: _limited(name, check) for name, check in tried.items()})
    # A registry of its own, or a reference to an address would be fetched.
    validator = limited(
        _plain_schema(schema), registry=Registry(), format_checker=kind.FORMAT_CHECKER
    )
    try:
        faults = sorted(validator.iter_errors(value), key=lambda fault: fault.json_path)
    except (Unresolvable, RecursionError, _TooLong):
        return None
    return [f"{fault.json_path}: {_shown(fault.message)}" for fault in faults]


class _TooLong(Exception):
    """A text that an expression of a schema could take for ever with."""


def _limited(keyword: str, tried: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    kind = str if keyword == "pattern" else dict

    def check(validator: Any, expected: Any, instance: Any, schema: Any) -> Iterator[Any]:
        texts = [instance] if isinstance(instance, str) else instance
        if isinstance(instance, kind) and max(map(len, texts), default=0) > PATTERN_CHARS_MAX:
            raise _TooLong
        yield from tried(validator, expected, instance, schema)

    return check


def _plain_schema(schema: Any) -> Any:
    """A schema whose parts do not choose another draft: it would come without the limits."""
    if isinstance(schema, list):
        return [_plain_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _plain_schema(part)
        for key, part in schema.items()
        if key != "$schema" or not isinstance(part, str)
    }


# ---- what it says of itself ---------------------------------------------------------------------


def attempted(material: Material) -> Verdicts:
    """Whether it answers at all, by words that say outright that it does not."""
    if not material.response.text.strip():
        return _one(False, say("It is empty."))
    return _refusal(None, material)


def _refusal(options: Any, material: Material) -> Verdicts:
    refused = Signal.REFUSED in signals_of(material.response.text, "assistant")
    words = say("It refuses outright.") if refused else say("It does not refuse outright.")
    return _one(not refused, words)


def _apology(options: Any, material: Material) -> Verdicts:
    sorry = Signal.APOLOGISED in signals_of(material.response.text, "assistant")
    return _one(not sorry, say("It apologises.") if sorry else say("It does not apologise."))


def _language(options: LanguageMatch, material: Material) -> Verdicts:
    wanted = options.language.lower().partition("-")[0]
    asked = [line.message for line in material.case.messages if line.role == "user"][-1:]
    if not wanted and asked:
        wanted = _spoken(asked[0], material.guess)
    found = _spoken(material.response.text, material.guess)
    if found == UNDETERMINED or wanted not in CHAT_LANGUAGES:
        return ()
    reason = say("It is in %(found)s; %(wanted)s is wanted.", found=found, wanted=wanted)
    return _one(found == wanted, reason)


def _spoken(text: str, guess: Guesses) -> str:
    """The language of a text, by what it does not quote where that is enough to tell."""
    own, whole = guess([unquoted(text), text])
    return whole.language if own.language == UNDETERMINED else own.language


# ---- what it took -------------------------------------------------------------------------------


def _latency(options: Latency, material: Material) -> Verdicts:
    took = material.response.latency_ms
    if took is None:
        return ()
    return _one(took <= options.max_ms, say("It took %(took)s ms.", took=took))


def _cost(options: CostLimit, material: Material) -> Verdicts:
    cost, currency = material.response.cost, material.response.currency
    if cost is None or currency != options.currency:
        return ()
    reason = say("It cost %(cost)s %(currency)s.", cost=str(cost), currency=currency)
    return _one(cost <= Decimal(str(options.max)), reason)


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


def _quoted(text: str) -> str:
    return repr(_shown(text))


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
    "json_schema": say(
        "The schema refers to what is not there or to itself, or has an expression for a text of"
        " more than %(most)s characters.",
        most=PATTERN_CHARS_MAX,
    ),
    "language_match": say("The language of the answer, or the one that is wanted, is not clear."),
    "latency": say("Nobody waited for it, or nobody knows how long."),
    "cost": say("What it cost is not known in that currency."),
}
"""Why there is no verdict."""
