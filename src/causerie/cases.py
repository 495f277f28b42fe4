"""Test sets: cases that a model is to answer, in numbered versions that never change.

The first time a set is given it gets version 1, each later time the next. Shapes and words are
those of the Context service (`wire/evaluations.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from causerie.errors import Invalid
from causerie.evaluators import EvaluatorUse, Known, check_uses
from causerie.wording import say

SET_NAME_CHARS_MAX = 200
CASE_NAME_CHARS_MAX = 500
CASES_MAX = 10_000
"""Of one version."""
MESSAGES_MAX = 1_000
"""Of one case."""
TEXT_CHARS_MAX = 400_000
"""Of one message."""
MODEL_CHARS_MAX = 200
EVALUATORS_MAX = 50
"""Of a set, and of a case."""


CONVERSATION_KEY, TENANT_KEY = "conversation_id", "tenant_id"
"""What the metadata of a case says of where it comes from."""


class CopyFrom(StrEnum):
    """Which cases a new version takes over from the one before."""

    NONE = "none"
    """None: it has what it is given."""
    PRIOR_VERSION = "prior_version"
    """All: those of the same name are replaced in their place, others come after."""


class Speaker(StrEnum):
    """Who said a message of a case."""

    SYSTEM = "system"
    ASSISTANT = "assistant"
    USER = "user"


class Line(msgspec.Struct, frozen=True):
    """One message of a case."""

    role: str
    message: str


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One conversation that is to be answered, and by what the answer is judged."""

    name: str
    """Tells it from the others of its set."""
    messages: tuple[Line, ...]
    model: str = ""
    """The endpoint that answers; empty where the answer is given."""
    model_config: dict[str, Any] = {}
    """Parameters of the request, such as `temperature`."""
    metadata: dict[str, Any] = {}
    pregenerated_response: str | None = None
    """An answer to judge instead of asking for one."""
    evaluators: tuple[EvaluatorUse, ...] = ()
    """Beside those of its set."""

    @property
    def conversation(self) -> tuple[str, str]:
        """The tenant and the id of the conversation that it was made of; empty for none."""
        told = self.metadata.get(CONVERSATION_KEY)
        tenant = self.metadata.get(TENANT_KEY)
        id = told if isinstance(told, str) else ""
        return (tenant if id and isinstance(tenant, str) else "", id)

    @property
    def is_removed(self) -> bool:
        """Whether only its place is left: it went with its conversation."""
        return not self.messages


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a test set. It never changes."""

    project: str
    name: str
    """Of the set."""
    version: int
    cases: tuple[Case, ...]
    evaluators: tuple[EvaluatorUse, ...] = ()
    """Of every case."""
    by: str = ""
    """The e-mail of the member, or the name of the key."""
    created_at: datetime


REMOVED = Case(name="", messages=())
"""Keeps the place of a case that went with its conversation, so that results find theirs."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A version without its cases."""

    name: str
    version: int
    cases: int
    by: str
    created_at: datetime


def checked_set_name(name: str) -> str:
    """The name of a set without blanks around it. Raises Invalid."""
    name = name.strip()
    if not name or len(name) > SET_NAME_CHARS_MAX or not name.isprintable():
        most = f"{SET_NAME_CHARS_MAX} (SET_NAME_CHARS_MAX)"
        raise Invalid(say("name: 1 to %(most)s characters are expected", most=most), field="name")
    return name


def check_cases(cases: Sequence[Case], evaluators: Sequence[EvaluatorUse], known: Known) -> None:
    """Whether these can be the cases of a set. `known` are the project's own evaluators. Raises
    Invalid, which names the field.
    """
    if not 1 <= len(cases) <= CASES_MAX:
        raise _invalid("test_cases", f"1 to {CASES_MAX} (CASES_MAX) are expected")
    check_uses(evaluators, known, "evaluators", EVALUATORS_MAX)
    names: set[str] = set()
    for place, case in enumerate(cases):
        field = f"test_cases[{place}]"
        _check_case(case, field, known)
        if case.name in names:
            raise _invalid(f"{field}.name", f"{case.name[:100]!r} is there twice")
        names.add(case.name)


def _check_case(case: Case, field: str, known: Known) -> None:
    if not case.name.strip() or len(case.name) > CASE_NAME_CHARS_MAX:
        most = f"{CASE_NAME_CHARS_MAX} (CASE_NAME_CHARS_MAX)"
        raise _invalid(f"{field}.name", f"1 to {most} characters are expected")
    if not 1 <= len(case.messages) <= MESSAGES_MAX:
        raise _invalid(f"{field}.messages", f"1 to {MESSAGES_MAX} (MESSAGES_MAX) are expected")
    for place, line in enumerate(case.messages):
        if line.role not in set(Speaker):
            words = "system, assistant or user is expected"
            raise _invalid(f"{field}.messages[{place}].role", words)
        if len(line.message) > TEXT_CHARS_MAX:
            most = f"at most {TEXT_CHARS_MAX} (TEXT_CHARS_MAX) characters"
            raise _invalid(f"{field}.messages[{place}].message", most)
    if case.pregenerated_response is None and not case.model:
        raise _invalid(f"{field}.model", "a model is expected, or a pregenerated_response")
    if len(case.model) > MODEL_CHARS_MAX:
        raise _invalid(f"{field}.model", f"at most {MODEL_CHARS_MAX} (MODEL_CHARS_MAX) characters")
    if len(case.pregenerated_response or "") > TEXT_CHARS_MAX:
        most = f"at most {TEXT_CHARS_MAX} (TEXT_CHARS_MAX) characters"
        raise _invalid(f"{field}.pregenerated_response", most)
    check_uses(case.evaluators, known, f"{field}.evaluators", EVALUATORS_MAX)


def _invalid(field: str, words: str) -> Invalid:
    return Invalid(f"{field}: {words}", field=field)


def carried(before: Iterable[Case], given: Iterable[Case], copy: CopyFrom) -> tuple[Case, ...]:
    """The cases of a new version."""
    if copy is CopyFrom.NONE:
        return tuple(given)
    cases: dict[str, Case] = {case.name: case for case in before if not case.is_removed}
    cases.update({case.name: case for case in given})
    return tuple(cases.values())


def fitting(cases: Iterable[Case], wanted: Mapping[str, str]) -> list[Case]:
    """The cases whose metadata says all of that."""
    return [
        case
        for case in cases
        if all(str(case.metadata.get(key)) == value for key, value in wanted.items())
    ]
