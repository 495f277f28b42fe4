"""Evaluators: what an answer can be judged by, and the options of each.

Some look at the text alone (`answer_checks`), some have a language model decide
(`evaluation_questions`). The first four and their options are the Context service's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from causerie.errors import Invalid
from causerie.patterns import compiled
from causerie.wording import Wording, say

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,63}")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
INSTRUCTIONS_CHARS_MAX = 10_000
NAME_CHARS_MAX = 64
OPTION_CHARS_MAX = 100_000
PHRASES_MAX = 100
CUSTOM_MAX = 200
"""Evaluators that a project makes itself."""


class EvaluatorUse(msgspec.Struct, frozen=True):
    """An evaluator as a set or a case names it."""

    evaluator: str
    """Its identifier."""
    options: dict[str, Any] = {}


class Care(StrEnum):
    """Whether a difference counts."""

    AGNOSTIC = "agnostic"
    FULL = "full"


class Where(StrEnum):
    """Which part of a case is looked at."""

    CONTEXT_WINDOW = "context_window"
    """What the model was given, and its answer."""
    MODEL_RESPONSE_ONLY = "model_response_only"


class Unit(StrEnum):
    """What a length is counted in."""

    CHARACTERS = "characters"
    WORDS = "words"


class _Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    def check(self) -> None:
        """Raise Invalid for what no value of these types can be."""


class GoldenResponse(_Options, frozen=True):
    """Equal to a text."""

    golden_response: str
    capitalization: Care = Care.AGNOSTIC
    punctuation: Care = Care.AGNOSTIC
    whitespace: Care = Care.AGNOSTIC


class ContextContainsPhrase(_Options, frozen=True):
    """Holds a phrase, or some of several: then `partially_passed` where not all are there."""

    phrase: str = ""
    phrases: tuple[str, ...] = ()
    context: Where = Where.CONTEXT_WINDOW
    capitalization: Care = Care.AGNOSTIC

    def check(self) -> None:
        """At least one phrase."""
        if not all(self.wanted) or not 1 <= len(self.wanted) <= PHRASES_MAX:
            raise Invalid("phrase: a text is expected")

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every phrase that has to be there."""
        return (self.phrase, *self.phrases) if self.phrase or not self.phrases else self.phrases


class SemanticMatch(_Options, frozen=True):
    """Means the same as a text."""

    semantic_match_string: str
    threshold: float | None = None
    """The least closeness, where there is no language model to ask; None for the model's own."""

    def check(self) -> None:
        """A text to compare with, and a possible closeness."""
        if not self.semantic_match_string.strip():
            raise Invalid("semantic_match_string: a text is expected")
        if self.threshold is not None and not -1 <= self.threshold <= 1:
            raise Invalid("threshold: -1 to 1 is expected")


class Nothing(_Options, frozen=True):
    """No options."""


class LanguageMatch(_Options, frozen=True):
    """Is in a language."""

    language: str = ""
    """A code such as `fr` or `fr-CA`, of which `fr` counts; empty for that of the last message of
    the user.
    """

    def check(self) -> None:
        """A code, not a name."""
        if self.language and not LANGUAGE.fullmatch(self.language):
            raise Invalid("language: a code such as fr is expected")


class JSONSchema(_Options, frozen=True):
    """Is JSON, of a schema (draft 2020-12 unless it says otherwise)."""

    schema: dict[str, Any] | bool = True
    """True for any JSON."""
    fenced: bool = True
    """Whether it may stand in a fence of Markdown."""

    def check(self) -> None:
        """A schema that is one."""
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for

        try:
            validator_for(self.schema).check_schema(self.schema)
        except SchemaError as error:
            raise Invalid(f"schema: {error.message[:300]}") from error
        for pattern in _patterns(self.schema):
            # One that may match an empty text is allowed here, so it is looked at with an end.
            compiled(f"(?:{pattern})\0")


def _patterns(schema: Any) -> Iterator[str]:
    """Every expression that stands in a schema."""
    if isinstance(schema, list):
        for part in schema:
            yield from _patterns(part)
    if not isinstance(schema, dict):
        return
    for key, part in schema.items():
        if key == "pattern" and isinstance(part, str):
            yield part
        elif key == "patternProperties" and isinstance(part, dict):
            yield from part
        yield from _patterns(part)


class Regex(_Options, frozen=True):
    """Has a match of an expression whose time grows with the text alone (docs/evaluations.md)."""

    pattern: str
    absent: bool = False
    """Whether there must be none."""

    def check(self) -> None:
        """An expression that ends."""
        compiled(self.pattern)


class Length(_Options, frozen=True):
    """Is so long."""

    min: int = 0
    max: int | None = None
    unit: Unit = Unit.CHARACTERS

    def check(self) -> None:
        """A range that something can be in."""
        if self.min < 0 or (self.max is not None and self.max < self.min):
            raise Invalid("min, max: no length is between them")


class Latency(_Options, frozen=True):
    """Came in time."""

    max_ms: int


class CostLimit(_Options, frozen=True):
    """Cost at most so much."""

    max: float
    currency: str = "USD"


class BuiltIn(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluator that every project has."""

    identifier: str
    title: Wording
    options: type[_Options]
    asks: bool = False
    """Whether a language model decides, where the project has one."""


ALL = (
    BuiltIn(identifier="golden_response", title=say("Golden response"), options=GoldenResponse),
    BuiltIn(
        identifier="context_contains_phrase",
        title=say("Contains a phrase"),
        options=ContextContainsPhrase,
    ),
    BuiltIn(
        identifier="semantic_match",
        title=say("Means the same"),
        options=SemanticMatch,
        asks=True,
    ),
    BuiltIn(
        identifier="attempts_answer", title=say("Attempts an answer"), options=Nothing, asks=True
    ),
    BuiltIn(identifier="no_refusal", title=say("Does not refuse"), options=Nothing),
    BuiltIn(identifier="no_apology", title=say("Does not apologise"), options=Nothing),
    BuiltIn(identifier="language_match", title=say("In the language"), options=LanguageMatch),
    BuiltIn(identifier="json_schema", title=say("JSON of a schema"), options=JSONSchema),
    BuiltIn(identifier="regex", title=say("Matches an expression"), options=Regex),
    BuiltIn(identifier="length", title=say("Length"), options=Length),
    BuiltIn(identifier="latency", title=say("Latency"), options=Latency),
    BuiltIn(identifier="cost", title=say("Cost"), options=CostLimit),
)
BUILT_IN: Mapping[str, BuiltIn] = {one.identifier: one for one in ALL}


class CustomEvaluator(msgspec.Struct, frozen=True, kw_only=True):
    """One that a project made: a language model decides by instructions."""

    project: str
    identifier: str
    """Its name in snake_case, by which sets name it."""
    name: str
    instructions: str
    context: Where = Where.MODEL_RESPONSE_ONLY
    endpoint: str = ""
    """The endpoint that judges; empty for the project's judge."""
    revision: int = 1
    """Grows with each change of what is asked."""
    by: str = ""
    created_at: datetime
    changed_at: datetime


Known = Mapping[str, CustomEvaluator]
"""The evaluators that a project made, by identifier."""


def identifier_of(name: str) -> str:
    """The name of an evaluator in snake_case. Raises Invalid where nothing of it is left."""
    found = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    if not IDENTIFIER.fullmatch(found):
        raise Invalid(say("name: it needs letters from a to z"), field="name")
    return found


def checked_custom(custom: CustomEvaluator) -> CustomEvaluator:
    """The same evaluator. Raises Invalid, which names the field."""
    if not custom.name.strip() or len(custom.name) > NAME_CHARS_MAX:
        raise Invalid(
            say("name: 1 to %(most)s characters are expected", most=NAME_CHARS_MAX), field="name"
        )
    if custom.identifier in BUILT_IN:
        raise Invalid(say("name: every project has an evaluator of that name"), field="name")
    if not custom.instructions.strip() or len(custom.instructions) > INSTRUCTIONS_CHARS_MAX:
        most = INSTRUCTIONS_CHARS_MAX
        raise Invalid(
            say("instructions: 1 to %(most)s characters are expected", most=most),
            field="instructions",
        )
    return custom


def options_of(use: EvaluatorUse) -> _Options:
    """The options of a use of a built-in evaluator, as values. Raises Invalid."""
    try:
        found = msgspec.convert(use.options, BUILT_IN[use.evaluator].options)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error
    found.check()
    return found


def check_uses(uses: Sequence[EvaluatorUse], known: Known, field: str, most: int) -> None:
    """Whether these name evaluators that there are, with options they have. Raises Invalid, which
    names the field.
    """
    if len(uses) > most:
        raise Invalid(f"{field}: at most {most} are expected", field=field)
    for place, use in enumerate(uses):
        here = f"{field}[{place}]"
        if len(msgspec.json.encode(use.options)) > OPTION_CHARS_MAX:
            words = f"at most {OPTION_CHARS_MAX} (OPTION_CHARS_MAX) characters"
            raise Invalid(f"{here}.options: {words}", field=f"{here}.options")
        if use.evaluator in known:
            continue
        if use.evaluator not in BUILT_IN:
            names = ", ".join([*BUILT_IN, *known])
            words = f"no evaluator {use.evaluator[:100]!r}; there are {names}"
            raise Invalid(f"{here}.evaluator: {words}", field=f"{here}.evaluator")
        try:
            options_of(use)
        except Invalid as error:
            raise Invalid(f"{here}.options: {error.message}", field=f"{here}.options") from error
