"""The sample world's test set: questions that people of Brume ask, with the answers of two prompts.

The same seed gives the same cases. The second prompt is meant to be warmer: it helps with a little
more, no longer with sign-in, and apologises where it does not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from causerie.cases import Case, Line
from causerie.conversations import Kind
from causerie.evaluators import EvaluatorUse
from causerie.world_talk import Said, Subject, Talk, Voice, subjects

SET_NAME = "Support, before a new prompt"
COUNT = 60
LANGUAGES = ("en", "fr", "en", "es", "en", "zh")
SHIFTS = (-0.1, 0.05)
"""How much more often than the app's the answers of each prompt help."""
BROKEN = "login"
SORRY = {
    "en": "I apologise for the inconvenience.",
    "fr": "Je vous présente mes excuses.",
    "es": "Lamento las molestias.",
    "zh": "很抱歉给您带来不便。",
}
AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
"""Some morning: answers name days."""
USES = (
    EvaluatorUse("attempts_answer"),
    EvaluatorUse("no_apology"),
    EvaluatorUse("language_match"),
    EvaluatorUse("length", {"max": 60, "unit": "words"}),
)


def sample_cases(seed: int, prompt: int) -> list[Case]:
    """The questions with the answers of a prompt, 0 or 1. They have the same names for both."""
    known = subjects()
    found: list[Case] = []
    for number in range(3 * COUNT):
        subject = known[number % len(known)]
        language = LANGUAGES[number % len(LANGUAGES)]
        of = (f"{seed}-{number}", subject, language)
        quality = subject.quality + SHIFTS[prompt]
        if prompt and subject.name == BROKEN:
            quality = 0.0
        # What is asked is drawn before what decides on the answer: it is the same for all.
        asked, answer, helps = _talk(*of, quality)
        _, best, _ = _talk(*of, 1.0)
        if not answer or len(found) == COUNT:
            continue
        if prompt and not helps:
            answer = f"{SORRY[language]} {answer}"
        meant = EvaluatorUse("semantic_match", {"semantic_match_string": best})
        found.append(
            Case(
                name=f"{subject.name}-{number}",
                messages=(Line("user", asked),),
                metadata={"subject": subject.name, "language": language},
                pregenerated_response=answer,
                evaluators=(meant,),
            )
        )
    return found


def _talk(seed: str, subject: Subject, language: str, quality: float) -> tuple[str, str, bool]:
    """A question, its answer, and whether that helps."""
    random = Random(seed)
    voice = Voice(random, language, AT, "4.7.0")
    said = [one for one in Talk(random, voice, subject, quality).run() if one.kind is Kind.MESSAGE]
    answer = next((one for one in said if one.role == "assistant"), Said())
    return next(one.text for one in said if one.role == "user"), answer.text, bool(answer.helps)
