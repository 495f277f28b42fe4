"""What came of a run: which answers passed, what is wrong with the others, JUnit's XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from causerie.wire.evaluations import EvaluationOut, ResultOut, RunOut

POSITIVE, INCONCLUSIVE = "positive", "inconclusive"
SHOWN_MAX = 20
TEXT_CHARS_MAX = 500
UNPRINTABLE = {sign: None for sign in range(32) if sign not in (9, 10, 13)}
"""What XML cannot hold."""


@dataclass(frozen=True)
class Answer:
    """One answer to one case, and what evaluators said of it."""

    case: str
    iteration: int
    text: str
    evaluations: Sequence[EvaluationOut]

    @property
    def passed(self) -> bool:
        """Whether there is an evaluator, and all are content."""
        return bool(self.evaluations) and not self.complaints

    @property
    def complaints(self) -> list[EvaluationOut]:
        """What is not positive: an inconclusive one is no pass."""
        return [one for one in self.evaluations if one.outcome != POSITIVE]

    @property
    def undecided(self) -> bool:
        """Whether nothing is wrong with it but that it could not be judged."""
        return bool(self.complaints) and all(one.outcome == INCONCLUSIVE for one in self.complaints)


@dataclass(frozen=True)
class Report:
    """A run that is over."""

    run: RunOut

    @property
    def answers(self) -> list[Answer]:
        """Every answer, by case, then iteration."""
        return [_answer(result) for result in self.run.results or ()]

    @property
    def share(self) -> float:
        """Answers that passed, of all: 0 to 1; 0 where there is none."""
        answers = self.answers
        return sum(one.passed for one in answers) / len(answers) if answers else 0.0

    def expect(self, least: float = 1.0) -> Report:
        """The same report. Raises AssertionError, naming what failed, where fewer passed, or where
        the run could not go on.
        """
        if self.run.status != "completed":
            error = self.run.error or "no reason is known"
            raise AssertionError(f"the run is {self.run.status}: {error}")
        if self.share < least:
            raise AssertionError(self.told(least))
        return self

    def told(self, least: float = 1.0) -> str:
        """How many passed, and what is wrong with the others."""
        answers = self.answers
        failed = [one for one in answers if not one.passed]
        details = self.run.details
        lines = [
            f"{details.test_set_name}, version {details.version}: {len(answers) - len(failed)} of"
            f" {len(answers)} answers passed ({self.share:.1%}; at least {least:.1%} wanted)"
        ]
        lines += [line for one in failed[:SHOWN_MAX] for line in _told(one)]
        if len(failed) > SHOWN_MAX:
            lines.append(f"and {len(failed) - SHOWN_MAX} more")
        return "\n".join(lines)

    def junit(self) -> bytes:
        """The same as JUnit's XML: a failure where an evaluator says no, an error where it could
        not say.
        """
        answers, details = self.answers, self.run.details
        failed = [one for one in answers if not one.passed and not one.undecided]
        undecided = [one for one in answers if one.undecided]
        name = f"{details.test_set_name} {details.version}"
        counted = {"tests": len(answers), "failures": len(failed), "errors": len(undecided)}
        counts = {key: str(count) for key, count in counted.items()}
        suites = Element("testsuites", {"name": "causerie", **counts})
        suite = SubElement(suites, "testsuite", {"name": _xml(name), **counts})
        for one in answers:
            _add_case(suite, one, _xml(name))
        indent(suites)
        return bytes(tostring(suites, encoding="utf-8", xml_declaration=True))


def _answer(result: ResultOut) -> Answer:
    output = result.test_case.output
    text = output[0].message if output else ""
    return Answer(result.test_case.name, result.iteration, text, result.evaluations)


def _reasons(one: EvaluationOut) -> str:
    return " ".join(each.reason for each in one.reasoning.result) if one.reasoning else ""


def _told(answer: Answer) -> list[str]:
    again = f" (iteration {answer.iteration})" if answer.iteration > 1 else ""
    lines = [f"- {answer.case}{again}: {_cut(answer.text)!r}"]
    if not answer.evaluations:
        lines.append("    no evaluator looked at it")
    return [
        *lines,
        *(f"    {one.evaluator_name}: {one.outcome}. {_reasons(one)}" for one in answer.complaints),
    ]


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[:TEXT_CHARS_MAX]}…"


def _add_case(suite: Element, answer: Answer, name: str) -> None:
    title = f"{answer.case} [{answer.iteration}]"
    case = SubElement(suite, "testcase", {"name": _xml(title), "classname": name})
    if answer.passed:
        return
    words = "\n".join(_told(answer))
    message = "; ".join(f"{one.evaluator_name}: {one.outcome}" for one in answer.complaints)
    found = SubElement(case, "error" if answer.undecided else "failure")
    found.set("message", _xml(message or "no evaluator looked at it"))
    found.text = _xml(words)


def _xml(text: str) -> str:
    """What XML can hold of a text."""
    return text.translate(UNPRINTABLE).encode("utf-8", "replace").decode()
