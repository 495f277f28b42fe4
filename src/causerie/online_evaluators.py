"""Online evaluators: what answers of live conversations are judged by, and how many of them are.

A sample is of conversations, not of answers, and follows from a conversation's name alone: whoever
asks again has the same ones, and a larger sample has all of a smaller one.
"""

from __future__ import annotations

import math
import zlib
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from causerie.errors import Invalid
from causerie.evaluation_runs import Evaluation, Outcome
from causerie.evaluators import BUILT_IN, EvaluatorUse, Known, check_uses
from causerie.wording import Wording, say

NAME_CHARS_MAX = 64
ONLINE_MAX = 50
"""Of one project."""
SHARES = 10_000
"""Into which all conversations are dealt; a hundredth of a percent each."""
OFFLINE = ("golden_response", "semantic_match")
"""They compare with an answer that is known beforehand; nobody knows it of what is asked live."""
LIVE = tuple(name for name in BUILT_IN if name not in OFFLINE)
"""The built-in evaluators that can judge any answer."""


class LiveOutcome(StrEnum):
    """What came of judging one answer."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    """It could not be judged, or not yet. Never a pass."""


OUTCOME_WORDS: dict[str, Wording] = {
    LiveOutcome.PASS: say("passed"),
    LiveOutcome.FAIL: say("failed"),
    LiveOutcome.INCONCLUSIVE: say("inconclusive"),
}


class OnlineEvaluator(msgspec.Struct, frozen=True, kw_only=True):
    """One of a project. Its name tells it from the others and stands in reports, so that it never
    changes.
    """

    project: str
    name: str
    evaluator: str
    """The identifier of a built-in one of `LIVE`, or of one that the project made."""
    options: dict[str, Any] = {}
    percent: float = 100.0
    """Of conversations."""
    query: str = ""
    """Filters that they must fit, as pages have them in their address; empty for none."""
    enabled: bool = True
    since: datetime
    """Answers that were given earlier are not judged."""
    revision: int = 1
    """Grows with each change of what is asked: then all is judged anew."""
    by: str = ""
    created_at: datetime
    changed_at: datetime

    @property
    def use(self) -> EvaluatorUse:
        """The evaluator and its options."""
        return EvaluatorUse(self.evaluator, self.options)

    @property
    def asks(self) -> bool:
        """Whether a language model may be asked."""
        built_in = BUILT_IN.get(self.evaluator)
        return built_in is None or built_in.asks

    @property
    def share(self) -> int:
        """Of `SHARES`, how many are judged."""
        return round(self.percent * SHARES / 100)


def is_sampled(tenant: str, conversation: str, share: int) -> bool:
    """Whether a conversation is in a sample; the statements say the same in SQL."""
    return zlib.crc32(f"{tenant}\0{conversation}".encode()) % SHARES < share


def live_outcome(evaluation: Evaluation) -> LiveOutcome:
    """What an evaluation comes to: what passes in part fails."""
    if evaluation.outcome is Outcome.POSITIVE:
        return LiveOutcome.PASS
    if evaluation.outcome is Outcome.INCONCLUSIVE:
        return LiveOutcome.INCONCLUSIVE
    return LiveOutcome.FAIL


def changed(online: OnlineEvaluator, now: datetime, **given: Any) -> OnlineEvaluator:
    """The same with some fields changed; of the next revision where it asks otherwise."""
    after = msgspec.structs.replace(online, **given, changed_at=now)
    asks = online.use != after.use
    return msgspec.structs.replace(after, revision=online.revision + asks)


def checked_online(online: OnlineEvaluator, known: Known) -> OnlineEvaluator:
    """The same. Raises Invalid, which names the field."""
    if not online.name.strip() or len(online.name) > NAME_CHARS_MAX or "\0" in online.name:
        raise Invalid(
            say("name: 1 to %(most)s characters are expected", most=NAME_CHARS_MAX), field="name"
        )
    if online.evaluator in OFFLINE:
        words = say("evaluator: it needs an answer that is known beforehand")
        raise Invalid(words, field="evaluator")
    if not math.isfinite(online.percent) or not 1 <= online.share <= SHARES:
        raise Invalid(say("percent: more than 0, at most 100 is expected"), field="percent")
    try:
        check_uses([online.use], known, "evaluators", 1)
    except Invalid as error:
        # It is one use, not the first of a list.
        field = (error.field or "").removeprefix("evaluators[0].")
        raise Invalid(error.message.removeprefix("evaluators[0]."), field=field) from error
    return online
