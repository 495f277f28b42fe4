"""Evaluation's part of the map: what runs test sets, and what it asks."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from causerie.answering import Answering, FindEndpoint
from causerie.clock import Clock
from causerie.config import Settings
from causerie.delivery import Named
from causerie.discretion import Discretion
from causerie.evaluating import Evaluating
from causerie.examining import Examining
from causerie.judge import Judge, Patience
from causerie.languages import Guess, LanguageDetector
from causerie.model_processes import ModelProcesses
from causerie.observing import Observing
from causerie.prices import Prices
from causerie.run_estimates import Estimates
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.online_evaluators import OnlineEvaluators
from causerie.store.test_sets import TestSets
from causerie.stores import Stores
from causerie.tokens import Tokens
from causerie.understanding import embedded
from causerie.web.online_filters import narrowed
from causerie.workshop import Workshop

JUDGED_AT_ONCE = 8
Delivered = Callable[[Sequence[Named]], None]


@dataclass(frozen=True)
class Laboratory:
    """What is opened for evaluations."""

    sets: TestSets
    runs: EvaluationRuns
    evaluating: Evaluating
    estimates: Estimates
    online: OnlineEvaluators
    observing: Observing
    processes: ModelProcesses
    is_alone: bool
    """No other process has these stores."""

    def start(self) -> None:
        """Begin to work, first on what a kill left."""
        if self.is_alone:
            self.runs.free_all()
        self.evaluating.start()
        self.observing.start()

    def stop(self) -> None:
        """End; what is half done goes on after the next start."""
        self.evaluating.stop()
        self.observing.stop()
        self.processes.stop()


def open_laboratory(
    settings: Settings,
    stores: Stores,
    workshop: Workshop,
    find_endpoint: FindEndpoint,
    find_judge: FindEndpoint,
    tokens: Tokens,
    discretion: Discretion,
    clock: Clock,
) -> Laboratory:
    """Everything over open stores; nothing runs yet. `find_endpoint` finds by any name that cases
    have, `find_judge` by id.
    """
    engine = stores.engine
    sets, runs, processes = TestSets(engine), EvaluationRuns(engine), ModelProcesses(1)

    def embed(project: str, texts: Sequence[str]) -> tuple[str, list[tuple[float, ...]]]:
        return processes.run(embedded, workshop.settings.get(project), texts)

    patience = Patience(at_once=JUDGED_AT_ONCE)
    judge = Judge(workshop.verdicts, find_judge, clock, patience)
    examining = Examining(judge, workshop.verdicts, workshop.settings.get, embed, _guess)
    prices = Prices()
    answering = Answering(find_endpoint, prices, clock)
    evaluating = Evaluating(sets, runs, answering, examining, secrets.token_hex(8), clock)
    online = OnlineEvaluators(engine)
    delivery = stores.delivery
    observing = Observing(
        stores.accounts,
        online,
        sets,
        stores.events,
        examining,
        workshop.verdicts,
        delivery,
        lambda online, now: narrowed(online, now, discretion.tree(online.project)),
        clock,
    )
    delivery.delivered = _both(delivery.delivered, observing.delivered)
    is_alone = settings.embedded and not settings.state_url
    estimates = Estimates(tokens, prices, clock)
    return Laboratory(sets, runs, evaluating, estimates, online, observing, processes, is_alone)


def _both(one: Delivered, other: Delivered) -> Delivered:
    def told(names: Sequence[Named]) -> None:
        one(names)
        other(names)

    return told


@cache
def _detector() -> LanguageDetector:
    return LanguageDetector()


def _guess(texts: Sequence[str]) -> list[Guess]:
    return _detector().guess(texts)
