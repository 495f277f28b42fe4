"""Forms about evaluations: what is filled in becomes cases, uses of evaluators, an evaluator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from causerie.cases import CASE_NAME_CHARS_MAX, Case, Line, check_cases
from causerie.errors import Invalid
from causerie.evaluators import (
    CustomEvaluator,
    EvaluatorUse,
    Known,
    Where,
    checked_custom,
    identifier_of,
)
from causerie.web.evaluation_words import TICKED
from causerie.web.evaluations_api import case_of, uses_of
from causerie.web.posts import Form
from causerie.wire import evaluations as wire
from causerie.wording import say

TICK = "use_"
PHRASE, LENGTH = "phrase", "length_max"
FAULTS_MAX = 20
"""So many bad lines are told at once."""
REASON_CHARS_MAX = 300
decode_case = msgspec.json.Decoder(wire.CaseIn).decode


@dataclass
class CaseLines:
    """What stands in a field, a case a line, and what is wrong with lines of it."""

    cases: list[Case] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    """The number of a line, from 1 on, and why it is no case; at most `FAULTS_MAX`."""


def read_cases(form: Form, known: Known) -> CaseLines:
    """What is written in the field `cases`: a line each of JSON as the API takes it, or of a
    question; or one JSON array. A case without a model has that of the form.
    """
    text, found = form.get("cases", ""), CaseLines()
    is_json = text.lstrip().startswith(("[", "{"))
    numbers: dict[str, int] = {}
    for number, line in _lines(text):
        try:
            case = _of_model(_case(line, is_json), form.get("model", ""))
            check_cases([case], (), known)
            if case.name in numbers:
                words = say("line %(line)s has a case of that name", line=numbers[case.name])
                raise Invalid(words)
        except Invalid as error:
            found.faults.append((number, plain_reason(error.wording)))
        else:
            numbers[case.name] = number
            found.cases.append(case)
        if len(found.faults) == FAULTS_MAX:
            break
    return found


def _lines(text: str) -> Iterable[tuple[int, str]]:
    if text.lstrip().startswith("["):
        try:
            parts = msgspec.json.decode(text, type=list[msgspec.Raw])
        except (msgspec.DecodeError, RecursionError) as error:
            words = say("cases: %(reason)s", reason=str(error)[:REASON_CHARS_MAX])
            raise Invalid(words, field="cases") from error
        return [(number, bytes(part).decode()) for number, part in enumerate(parts, 1)]
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def _case(line: str, is_json: bool) -> Case:
    if not is_json:
        return Case(name=line[:CASE_NAME_CHARS_MAX], messages=(Line("user", line),))
    try:
        return case_of(decode_case(line))
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(str(error)[:REASON_CHARS_MAX]) from error


def _of_model(case: Case, model: str) -> Case:
    if case.model or case.pregenerated_response is not None:
        return case
    return msgspec.structs.replace(case, model=model)


def plain_reason(reason: str) -> str:
    """A reason without the place of a case among others, which is the line's."""
    return reason.removeprefix("test_cases[0].") if reason.startswith("test_cases[") else reason


def as_line(case: Case) -> str:
    """A case as it is written in the field, on one line."""
    return msgspec.json.encode(case).decode()


def uses_in(form: Form, known: Known) -> list[EvaluatorUse]:
    """The evaluators that a form names. Raises Invalid."""
    found = [EvaluatorUse(one) for one in (*TICKED, *known) if form.get(f"{TICK}{one}") == "on"]
    if phrase := form.get(PHRASE, "").strip():
        options: dict[str, Any] = {"phrase": phrase, "context": Where.MODEL_RESPONSE_ONLY.value}
        found.append(EvaluatorUse("context_contains_phrase", options))
    if longest := form.get(LENGTH, "").strip():
        if not (longest.isascii() and longest.isdigit() and len(longest) < 10):
            raise Invalid(say("longest answer: a number is expected"), field=LENGTH)
        found.append(EvaluatorUse("length", {"max": int(longest), "unit": "words"}))
    if text := form.get("uses", "").strip():
        try:
            found += uses_of(msgspec.json.decode(text, type=list[wire.EvaluatorIn]))
        except (msgspec.DecodeError, RecursionError) as error:
            words = say("evaluators: %(reason)s", reason=str(error)[:REASON_CHARS_MAX])
            raise Invalid(words, field="uses") from error
    return found


def fields_of_uses(uses: Sequence[EvaluatorUse], known: Known) -> dict[str, str]:
    """What a form shows of these uses."""
    plain = (*TICKED, *known)
    ticked = [one for one in uses if one.evaluator in plain and not one.options]
    others = [one for one in uses if one not in ticked]
    fields = {f"{TICK}{one.evaluator}": "on" for one in ticked}
    if others:
        document = msgspec.json.encode(msgspec.to_builtins(others))
        fields["uses"] = msgspec.json.format(document, indent=2).decode()
    return fields


def custom_of(
    form: Mapping[str, str],
    project: str,
    by: str,
    now: datetime,
    before: CustomEvaluator | None = None,
) -> CustomEvaluator:
    """The evaluator that a form describes; its revision grows where it asks something else. Raises
    Invalid.
    """
    name, context = form.get("name", "").strip(), form.get("context", "")
    if context not in set(Where):
        raise Invalid(say("what it sees: choose one"), field="context")
    made = CustomEvaluator(
        project=project,
        identifier=before.identifier if before else identifier_of(name),
        name=name,
        instructions=form.get("instructions", "").strip(),
        context=Where(context),
        endpoint=form.get("endpoint", ""),
        revision=before.revision if before else 1,
        by=by,
        created_at=before.created_at if before else now,
        changed_at=now,
    )
    if before and _asked_of(made) != _asked_of(before):
        made = msgspec.structs.replace(made, revision=before.revision + 1)
    return checked_custom(made)


def _asked_of(custom: CustomEvaluator) -> tuple[str, str, str]:
    return custom.instructions, custom.context, custom.endpoint


def fields_of_custom(custom: CustomEvaluator) -> dict[str, str]:
    """What the form shows of one."""
    return {
        "name": custom.name,
        "instructions": custom.instructions,
        "context": custom.context.value,
        "endpoint": custom.endpoint,
    }
