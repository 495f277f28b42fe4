"""The worker that runs test sets: answers cases, has the answers judged, keeps both as they come.

A run is worked on in portions. What is kept of it stays, so that a killed one goes on where it was
and comes to the same results.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from causerie.answering import Answering
from causerie.cases import Case, Version
from causerie.clock import Clock
from causerie.errors import CauserieError, Unavailable
from causerie.evaluation_runs import CaseResult, Response, Run, RunStatus, tally_of
from causerie.examining import Examining
from causerie.rounds import Rounds
from causerie.store.evaluation_runs import HOLD, EvaluationRuns
from causerie.store.test_sets import TestSets
from causerie.upstream import Upstreams

INTERVAL_S = 2.0
AT_ONCE = 16
"""Cases that are answered at the same time."""
PORTION = 64
log = logging.getLogger(__name__)
Left = tuple[int, int]
"""The place of a case and an iteration, from 1 on."""


class _Taken(Exception):
    """Another process works on the run by now, or it was deleted."""


class Evaluating:
    """Works in a thread of its own, or by the caller's hand (`step`)."""

    def __init__(
        self,
        sets: TestSets,
        runs: EvaluationRuns,
        answering: Answering,
        examining: Examining,
        holder: str,
        clock: Clock,
    ) -> None:
        self._sets = sets
        self._runs = runs
        self._answering = answering
        self._examining = examining
        self._holder = holder
        self._clock = clock
        self._rounds = Rounds("evaluating", self.step, rest_s=INTERVAL_S, failed_s=INTERVAL_S)

    def start(self) -> None:
        """Begin, first with what a kill left half done."""
        self._rounds.start()

    def stop(self) -> None:
        """Stop after this portion: the rest is done after the next start."""
        self._rounds.stop()

    def wake(self) -> None:
        """There is something to do."""
        self._rounds.wake()

    def step(self) -> bool:
        """Work on one run to its end; whether there was one."""
        run = self._runs.take(self._holder, self._clock())
        if run is None:
            return False
        try:
            self._work(run)
        except _Taken:
            log.warning("run %s was deleted, or is worked on elsewhere", run.id)
        except Unavailable:
            raise
        except CauserieError as error:
            self._end(run, RunStatus.ERRORED, error.message)
        except Exception:  # what nobody foresaw ends this run, not the others
            log.exception("run %s failed", run.id)
            self._end(run, RunStatus.ERRORED, "Something went wrong here; the log has it.")
        return True

    def _work(self, run: Run) -> None:
        version = self._sets.version(run.project, run.name, run.version)
        left = iter(self._left(run, version))
        while portion := list(islice(left, PORTION)):
            if self._rounds.stopping:
                return self._runs.let_go(run, self._holder)
            with _Holding(lambda: self._hold(run)):
                results = self._results(run, version, portion)
            if not self._runs.keep(run, self._holder, results, self._clock()):
                raise _Taken
        self._end(run, RunStatus.COMPLETED, "")

    def _left(self, run: Run, version: Version) -> Iterator[Left]:
        done = self._runs.done(run)
        for iteration in range(1, run.iterations + 1):
            for place in range(len(version.cases)):
                if (place, iteration) not in done and not version.cases[place].is_removed:
                    yield place, iteration

    def _hold(self, run: Run) -> None:
        self._runs.hold(run, self._holder, self._clock())

    def _results(self, run: Run, version: Version, portion: Sequence[Left]) -> list[CaseResult]:
        cases = [version.cases[place] for place, _ in portion]
        responses = asyncio.run(self._answers(run, cases))
        known = self._sets.evaluators(run.project)
        answered = list(zip(cases, responses, strict=True))
        found = self._examining.evaluate(run.project, answered, version.evaluators, known)
        now = self._clock()
        return [
            CaseResult(case=place, iteration=number, response=response, evaluations=said, at=now)
            for (place, number), response, said in zip(portion, responses, found, strict=True)
        ]

    async def _answers(self, run: Run, cases: Sequence[Case]) -> list[Response]:
        pool, free = Upstreams(), asyncio.Semaphore(AT_ONCE)
        pool.open()

        async def answer(case: Case) -> Response:
            async with free:
                return await self._answering.answer(pool, run.project, case, run.model)

        try:
            return await asyncio.gather(*map(answer, cases))
        finally:
            await pool.close()

    def _end(self, run: Run, status: RunStatus, trouble: str) -> None:
        tally = tally_of(self._runs.results(run))
        self._runs.end(run, self._holder, status, trouble, tally, self._clock())


class _Holding:
    """Holds a run for as long as something takes: a slow provider must not cost the work."""

    def __init__(self, hold: Callable[[], None]) -> None:
        self._hold = hold
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="holding", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._over.wait(HOLD.total_seconds() / 3):
            try:
                self._hold()
            except CauserieError as error:
                log.warning("the hold on a run could not be renewed: %s", error)
