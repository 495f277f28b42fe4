"""The worker that has answers of live conversations judged by online evaluators.

It follows what is delivered, and never stands in its way: an evaluator has looked at every answer
up to a version of the rows, and of what came after, what it has said is the proof of what it has
judged. A kill in between leaves answers to judge again that have no row, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from causerie.cases import Case, Line
from causerie.clock import Clock
from causerie.conversations import Kind, Message
from causerie.delivery import Delivery, Named
from causerie.evaluation_runs import Evaluation, Response
from causerie.examining import Examining
from causerie.online_evaluators import LiveOutcome, OnlineEvaluator, live_outcome
from causerie.reports import Question, messages_of
from causerie.rounds import Rounds
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore, lookups
from causerie.store.online_evaluators import OnlineEvaluators, Work
from causerie.store.outcomes import NEVER, Answer, Judged, Key, Outcomes, Took
from causerie.store.test_sets import TestSets
from causerie.store.verdicts import Verdicts

AT_ONCE, ASKED_AT_ONCE = 400, 64
"""Answers that are judged together: by rules, and where a judge may be asked."""
PROBED = 4
"""Of them while the judge has been failing at all that it was asked."""
CONTEXT_MESSAGES, CONTEXT_CHARS = 50, 4_000
"""What an evaluator sees of what was said before: the last messages, and of each so much."""
REASON_CHARS_MAX = 2_000
AGAIN_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=24),
    timedelta(hours=24),
)
"""When a judge is asked again after its first failure at an answer, and so on: over the end of a
day's budget. After the last it stays inconclusive.
"""
REST_S, REST_S_MAX = 60.0, 3_600.0
"""How long an evaluator rests whose judge failed at everything; twice as long each further time."""
SCAN_INTERVAL_S = 60.0
IDLE_INTERVAL_S = 2.0
MEASURED = ("latency", "cost")
"""Evaluators that look at the call, not at the words."""
Narrow = Callable[[OnlineEvaluator, datetime], Question | None]
"""The question that the filters of an evaluator ask, of any span; None while they name what is not
there.
"""


@dataclass
class Rest:
    """That an evaluator's judge fails at everything. On the clock of `monotonic`."""

    until: float
    seconds: float


class Observing:
    """Works in a thread of its own, or by the caller's hand (`drain`). Of many processes the one
    that writes to the analytics store does it.
    """

    def __init__(
        self,
        accounts: Accounts,
        online: OnlineEvaluators,
        sets: TestSets,
        events: EventStore,
        examining: Examining,
        verdicts: Verdicts,
        delivery: Delivery,
        narrow: Narrow,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._online = online
        self._sets = sets
        self._events = events
        self._outcomes = Outcomes(events)
        self._examining = examining
        self._verdicts = verdicts
        self._delivery = delivery
        self._narrow = narrow
        self._clock = clock
        self._fresh: set[str] = set()
        """Projects in which there is something to look at."""
        self._scanned: dict[str, float] = {}
        self._rests: dict[tuple[str, str, int], Rest] = {}
        self._rounds = Rounds(
            "observing", self.step, rest_s=IDLE_INTERVAL_S, failed_s=SCAN_INTERVAL_S
        )

    def start(self) -> None:
        """Begin, first with what a kill left."""
        self._rounds.start()

    def stop(self) -> None:
        """Stop after what is being judged: the rest is done after the next start."""
        self._rounds.stop()

    def delivered(self, names: Sequence[Named]) -> None:
        """Something has come in."""
        self._fresh |= {project for project, _, _ in names}
        self._rounds.wake()

    def wake(self, project: str) -> None:
        """The evaluators of a project have changed."""
        self._fresh.add(project)
        self._rounds.wake()

    def drain(self) -> None:
        """Judge all that can be judged now, in the caller's thread."""
        self._scanned.clear()
        while self.step():
            pass

    def step(self) -> bool:
        """Judge some answers of each project; whether there may be more. Raises Unavailable."""
        steps = [self._project(project.id) for project in self._accounts.projects()]
        return any(steps)

    # ---- one project ---------------------------------------------------------------------------

    def _project(self, project: str) -> bool:
        passed = monotonic() - self._scanned.get(project, -SCAN_INTERVAL_S)
        if project not in self._fresh and passed < SCAN_INTERVAL_S:
            return False
        # Noted before the look, so that what comes meanwhile is looked at again.
        self._scanned[project] = monotonic()
        self._fresh.discard(project)
        works = self._online.work(project)
        written = self._delivery.written() if works else None
        if written is None:
            return False
        steps = [self._advance(work, written) for work in works]
        if any(steps):
            self._fresh.add(project)
        return any(steps)

    def _advance(self, work: Work, written: int) -> bool:
        """Have an evaluator judge some answers; whether it has more. All rows up to `written` are
        there to be read.
        """
        online = work.online
        if work.removed:
            self._take_out(online)
            return False
        if not online.enabled or self._rounds.stopping:
            return False
        rest = self._rests.get(_named(online))
        if rest and monotonic() < rest.until:
            return False
        most = ASKED_AT_ONCE if online.asks else AT_ONCE
        most = PROBED if rest else most
        due = self._outcomes.due(online, self._clock(), most) if online.asks else []
        question = self._narrow(online, self._clock()) if online.query else None
        if question is None and online.query:
            # What its filters name is not there: to judge without them would be to judge others.
            return self._judge(online, due) > 0
        asked = question.parameters() if question else None
        lacking = self._outcomes.lacking(online, work.reached, most, asked)
        if not lacking:
            self._online.reach(work, written)
        return self._judge(online, [*due, *lacking]) > 0

    def _take_out(self, online: OnlineEvaluator) -> None:
        def work(renewed: Callable[[], int]) -> None:
            self._outcomes.hide(online, renewed())

        if self._delivery.rewrite(work):
            self._online.forget(online)

    # ---- some answers --------------------------------------------------------------------------

    def _judge(self, online: OnlineEvaluator, answers: Sequence[Answer]) -> int:
        """Have answers judged and keep what was said; of how many."""
        said = self._said(online.project, {answer.talk for answer in answers})
        took = self._took(online, said)
        found: list[tuple[Answer, Message]] = []
        given: list[tuple[Case, Response]] = []
        for answer in answers:
            messages = said.get(answer.talk, [])
            place = next((at for at, one in enumerate(messages) if one.id == answer.id), None)
            if place is not None:
                found.append((answer, messages[place]))
                given.append(_material(messages, place, took.get(answer.talk, ())))
        if not found:
            return 0
        known = self._sets.evaluators(online.project)
        evaluations = self._examining.evaluate(online.project, given, [online.use], known)
        now = self._clock()
        judged = [
            _judged(online, answer, message.at, evaluation, now)
            for (answer, message), (evaluation,) in zip(found, evaluations, strict=True)
        ]
        self._rest(online, judged)
        return self._keep(online, judged)

    def _said(self, project: str, talks: Collection[Key]) -> dict[Key, list[Message]]:
        """What users and assistants said in some conversations, in order."""
        found: dict[Key, list[Message]] = {}
        for some in lookups(sorted(talks)):
            for talk, messages in messages_of(self._events, project, some).items():
                found[talk] = [one for one in messages if one.kind is Kind.MESSAGE]
        return found

    def _took(self, online: OnlineEvaluator, said: Mapping[Key, object]) -> dict[Key, list[Took]]:
        found: dict[Key, list[Took]] = {}
        for some in lookups(sorted(said)) if online.evaluator in MEASURED else ():
            for one in self._outcomes.took(online.project, set(some)):
                found.setdefault(one.talk, []).append(one)
        return found

    def _rest(self, online: OnlineEvaluator, judged: Sequence[Judged]) -> None:
        """Where a judge fails at everything it is not asked about ever more answers."""
        before = self._rests.pop(_named(online), None)
        if all(one.failures for one in judged):
            seconds = min(before.seconds * 2, REST_S_MAX) if before else REST_S
            self._rests[_named(online)] = Rest(monotonic() + seconds, seconds)

    def _keep(self, online: OnlineEvaluator, judged: Sequence[Judged]) -> int:
        """Write what was said of conversations that are still there; of how many answers."""
        kept: list[Judged] = []
        talks = {one.answer.talk for one in judged}

        def work(renewed: Callable[[], int]) -> None:
            present = self._outcomes.present(online.project, talks)
            if online.asks and present != talks:
                # Removed while a judge was asked, whose answers came too late to go with them.
                self._verdicts.forget_judged(online.project)
            if present and self._online.stands(online):
                kept.extend(one for one in judged if one.answer.talk in present)
                self._outcomes.keep(online, kept, renewed())

        self._delivery.rewrite(work)
        return len(kept)


def _named(online: OnlineEvaluator) -> tuple[str, str, int]:
    return online.project, online.name, online.revision


def _material(
    messages: Sequence[Message], place: int, took: Sequence[Took]
) -> tuple[Case, Response]:
    """An answer and what was said before it, as evaluators see them."""
    answer = messages[place]
    before = messages[max(0, place - CONTEXT_MESSAGES) : place]
    lines = tuple(Line(one.role, one.text[:CONTEXT_CHARS]) for one in before)
    call = None
    # What a caller told of earlier turns has the time of its call too: the last one is the answer.
    if not any(one.at == answer.at and one.role == answer.role for one in messages[place + 1 :]):
        call = next((one for one in took if one.at == answer.at), None)
    response = Response(
        text=answer.text,
        cost=call.cost if call else None,
        currency=call.currency if call else "",
        latency_ms=call.total_ms if call else None,
    )
    return Case(name=answer.id, messages=lines), response


def _judged(
    online: OnlineEvaluator, answer: Answer, at: datetime, evaluation: Evaluation, now: datetime
) -> Judged:
    outcome = live_outcome(evaluation)
    failures, again_at = 0, NEVER
    if outcome is LiveOutcome.INCONCLUSIVE and online.asks:
        failures = answer.failures + 1
        if answer.failures < len(AGAIN_AFTER):
            again_at = now + AGAIN_AFTER[answer.failures]
    reason = " ".join(one.reason for one in evaluation.reasons)[:REASON_CHARS_MAX]
    return Judged(answer, at, outcome, reason, now, evaluation.said, failures, again_at)
