"""All evaluators of some answered cases: those that look at the text, then those that ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from causerie.answer_checks import (
    Guesses,
    Material,
    attempted,
    check,
    contrast,
    inconclusive,
    outcome_of,
)
from causerie.cases import Case
from causerie.errors import CauserieError
from causerie.evaluation_questions import closeness, question_about
from causerie.evaluation_runs import Evaluation, Outcome, Reason, Response, reason_of
from causerie.evaluators import (
    BUILT_IN,
    CustomEvaluator,
    EvaluatorUse,
    Known,
    SemanticMatch,
    options_of,
)
from causerie.judge import Judge
from causerie.judging import UNREADABLE, Inquiry, Verdict
from causerie.meaning_settings import MeaningSettings, Service
from causerie.semantic_topics import threshold_of
from causerie.store.verdicts import Asked, Verdicts
from causerie.wording import say

NO_EVALUATOR = say("There is no such evaluator any more.")
ROUNDS_MAX = 20
"""A judge that is slow is asked so many rounds of a minute."""
NO_MODEL = say("No language model is configured to judge it.")
Embed = Callable[[str, Sequence[str]], tuple[str, list[tuple[float, ...]]]]
"""Of a project: the name of its model, and a vector for each text. Raises CauserieError."""


@dataclass(frozen=True)
class _Question:
    """Something that is asked of a judge: for which answer and which use, and of whom."""

    place: tuple[int, int]
    use: EvaluatorUse
    inquiry: Inquiry
    service: Service


class Examining:
    """Called by a worker in a thread, never in an event loop. Raises Unavailable when the state
    store cannot be reached.
    """

    def __init__(
        self,
        judge: Judge,
        verdicts: Verdicts,
        settings: Callable[[str], MeaningSettings],
        embed: Embed,
        guess: Guesses,
    ) -> None:
        self._judge = judge
        self._verdicts = verdicts
        self._settings = settings
        self._embed = embed
        self._guess = guess

    def evaluate(
        self,
        project: str,
        answered: Sequence[tuple[Case, Response]],
        uses: Sequence[EvaluatorUse],
        known: Known,
    ) -> list[tuple[Evaluation, ...]]:
        """For each answer what each evaluator says: those of the set, then those of the case."""
        settings = self._settings(project)
        found: dict[tuple[int, int], Evaluation] = {}
        questions: list[_Question] = []
        near: list[tuple[tuple[int, int], EvaluatorUse, Material]] = []
        wanted = [(*uses, *case.evaluators) for case, _ in answered]
        for row, (case, response) in enumerate(answered):
            material = Material(case, response, self._guess)
            for column, use in enumerate(wanted[row]):
                place, custom = (row, column), known.get(use.evaluator)
                service = _service(settings, custom)
                if response.trouble:
                    why = say("There is no answer: %(reason)s", reason=response.why)
                    found[place] = inconclusive(use, why)
                elif custom is None and use.evaluator not in BUILT_IN:
                    found[place] = inconclusive(use, NO_EVALUATOR)
                elif custom is None and not BUILT_IN[use.evaluator].asks:
                    found[place] = check(use, material)
                elif service:
                    inquiry = _of_service(question_about(use, custom, material), service)
                    questions.append(_Question(place, use, inquiry, service))
                elif custom is None and use.evaluator == "semantic_match":
                    near.append((place, use, material))
                else:
                    found[place] = _without_judge(use, custom, material)
        found |= self._judged(project, settings, questions)
        found |= self._measured(project, near)
        return [
            tuple(found[row, column] for column in range(len(wanted[row])))
            for row in range(len(answered))
        ]

    # ---- by a language model -------------------------------------------------------------------

    def _judged(
        self, project: str, settings: MeaningSettings, questions: Sequence[_Question]
    ) -> dict[tuple[int, int], Evaluation]:
        found: dict[tuple[int, int], Evaluation] = {}
        for service in {one.service for one in questions}:
            mine = [one for one in questions if one.service == service]
            asked = msgspec.structs.replace(settings, judge=service)
            verdicts, trouble = self._ask(project, asked, [one.inquiry for one in mine])
            for one in mine:
                verdict = verdicts.get((one.inquiry.question, one.inquiry.digest))
                found[one.place] = _told(one.use, verdict, trouble)
        return found

    def _ask(
        self, project: str, settings: MeaningSettings, inquiries: Sequence[Inquiry]
    ) -> tuple[dict[Asked, Verdict], str]:
        """Verdicts by what was asked: what is kept, else by asking; and why some are missing."""
        by_key = {(one.question, one.digest): one for one in inquiries}
        known = self._verdicts.find(project, by_key)
        trouble = ""
        for _ in range(ROUNDS_MAX):
            left = [one for key, one in by_key.items() if key not in known]
            if not left or trouble:
                break
            answers, trouble = self._judge.ask(project, settings, left)
            known |= answers
        return known, trouble or say("The judge did not answer in time.")

    # ---- without one ---------------------------------------------------------------------------

    def _measured(
        self,
        project: str,
        near: Sequence[tuple[tuple[int, int], EvaluatorUse, Material]],
    ) -> dict[tuple[int, int], Evaluation]:
        if not near:
            return {}
        pairs = [(_reference(use), material.response.text) for _, use, material in near]
        texts = sorted({text for pair in pairs for text in pair})
        try:
            model, rows = self._embed(project, texts)
        except CauserieError as error:
            why = say("Closeness is not known either: %(reason)s", reason=error.wording)
            return {place: inconclusive(use, NO_MODEL, why) for place, use, _ in near}
        vectors = dict(zip(texts, rows, strict=True))
        return {
            place: _measured(
                use, reference, text, _cosine(vectors[reference], vectors[text]), model
            )
            for (place, use, _), (reference, text) in zip(near, pairs, strict=True)
        }


def _service(settings: MeaningSettings, custom: CustomEvaluator | None) -> Service:
    if custom is not None and custom.endpoint:
        return Service(endpoint=custom.endpoint)
    return settings.judge


def _of_service(inquiry: Inquiry, service: Service) -> Inquiry:
    """The same, kept apart by whom it is asked: another model may think otherwise."""
    of = service.endpoint or f"{service.url} {service.model}"
    return msgspec.structs.replace(inquiry, question=f"{inquiry.question}@{of}")


def _told(use: EvaluatorUse, verdict: Verdict | None, trouble: str) -> Evaluation:
    if verdict is None:
        return inconclusive(use, trouble)
    if verdict == UNREADABLE:
        return inconclusive(use, say("The judge's answer could not be read."))
    outcome = Outcome.POSITIVE if verdict.verdict else Outcome.NEGATIVE
    reasons = (Reason(verdict=verdict.verdict, reason=verdict.reason),)
    return Evaluation(evaluator=use.evaluator, outcome=outcome, reasons=reasons)


def _without_judge(
    use: EvaluatorUse, custom: CustomEvaluator | None, material: Material
) -> Evaluation:
    if custom is not None:
        return inconclusive(use, NO_MODEL)
    reasons = tuple(reason_of(one.verdict, NO_MODEL, *one.sentences) for one in attempted(material))
    return Evaluation(evaluator=use.evaluator, outcome=outcome_of(reasons), reasons=reasons)


def _reference(use: EvaluatorUse) -> str:
    options = options_of(use)
    assert isinstance(options, SemanticMatch)
    return options.semantic_match_string


def _measured(
    use: EvaluatorUse, reference: str, text: str, cosine: float, model: str
) -> Evaluation:
    options = options_of(use)
    assert isinstance(options, SemanticMatch)
    is_near, told = closeness(options, cosine, model, threshold_of(model))
    differing = contrast(reference, text) if is_near else None
    if differing is not None:
        # A "not", or another day, hardly moves an embedding.
        only = say(
            "It differs in a few words alone, of which closeness cannot tell what they change:"
            " %(has)s instead of %(wanted)s.",
            has=differing[1],
            wanted=differing[0],
        )
        return msgspec.structs.replace(inconclusive(use, told, only), score=cosine)
    reasons = (reason_of(is_near, told),)
    return Evaluation(
        evaluator=use.evaluator, outcome=outcome_of(reasons), reasons=reasons, score=cosine
    )


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = sum(a * a for a in one) ** 0.5 * sum(b * b for b in other) ** 0.5
    return product / lengths if lengths else 0.0
