"""Conversations that are logged, and online evaluators over them, on whatever engines there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from causerie.answer_checks import Material, check
from causerie.cases import Case
from causerie.conversations import Conversation, Message
from causerie.delivery import Delivery
from causerie.evaluation_runs import Evaluation, Response
from causerie.evaluators import BUILT_IN, EvaluatorUse, Known
from causerie.examining import Examining
from causerie.exchanges import Exchange
from causerie.ingest import How, Ingest, Submission
from causerie.languages import Guess
from causerie.observing import Observing
from causerie.online_evaluators import OnlineEvaluator
from causerie.privacy import PersonalDataFilter
from causerie.store.accounts import Accounts
from causerie.store.arrivals import Arrival, Entry
from causerie.store.events import EventStore
from causerie.store.inbox import Inbox
from causerie.store.online_evaluators import OnlineEvaluators
from causerie.store.test_sets import TestSets
from causerie.store.verdicts import Verdicts
from causerie.testing import Ticking
from causerie.topic_trees import NO_TOPICS
from causerie.web.online_filters import narrowed
from tests.conftest import Cast

Judge = Callable[[str], Evaluation]
"""What a language model would say of an answer."""
WAIT_SECONDS_MAX = 30
Place = tuple[str, str, str]
"""Tenant and id of a conversation, and the text of an answer in it."""


def until(cast: Cast, path: str, is_so: Callable[[Any], bool]) -> Any:
    """What a path of the API says, once it says so."""
    end = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < end:
        found = cast.get(path).json()
        if is_so(found):
            return found
        time.sleep(0.02)
    pytest.fail(f"it still says {found}")


class Judging(Examining):
    """Rules as they are; what asks is answered by `judge`. Notes the answers that were judged."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.seen: list[str] = []

    def evaluate(
        self,
        project: str,
        answered: Sequence[tuple[Case, Response]],
        uses: Sequence[EvaluatorUse],
        known: Known,
    ) -> list[tuple[Evaluation, ...]]:
        self.seen += [response.text for _, response in answered]
        return [tuple(self._one(use, *pair) for use in uses) for pair in answered]

    def _one(self, use: EvaluatorUse, case: Case, response: Response) -> Evaluation:
        if use.evaluator in BUILT_IN and not BUILT_IN[use.evaluator].asks:
            return check(use, Material(case, response, no_guesses))
        return self.judge(response.text)


def no_guesses(texts: Sequence[str]) -> list[Guess]:
    raise AssertionError("nobody asks for a language here")


class Watch:
    """A project whose answers are judged by the caller's hand."""

    def __init__(
        self, project: str, engine: Engine, events: EventStore, clock: Ticking, judge: Judge
    ) -> None:
        self.engine, self.events, self.clock = engine, events, clock
        self.project = Accounts(engine).create_project("P", clock(), project)
        self.delivery = Delivery(Inbox(engine), events, "test", clock, 1)
        self.online = OnlineEvaluators(engine)
        self.judging = Judging(judge)
        self.tree = NO_TOPICS
        self.observing = self.worker()

    def worker(self) -> Observing:
        """A new one, as after a start."""
        return Observing(
            Accounts(self.engine),
            self.online,
            TestSets(self.engine),
            self.events,
            self.judging,
            Verdicts(self.engine),
            self.delivery,
            lambda online, now: narrowed(online, now, self.tree),
            self.clock,
        )

    def evaluator(self, name: str, evaluator: str = "length", **given: Any) -> OnlineEvaluator:
        """A new one that judges all answers, unless told otherwise."""
        now = self.clock()
        usual = {"since": now.replace(year=2000), "created_at": now, "changed_at": now}
        online = OnlineEvaluator(
            project=self.project.id, name=name, evaluator=evaluator, **{**usual, **given}
        )
        self.online.add(online)
        return online

    def say(
        self,
        id: str,
        *texts: str,
        tenant: str = "",
        call: Exchange | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """What a user and an assistant say by turns, logged into a thread."""
        at = call.at if call else self.clock()
        talk = [
            Message(id="", position=0, at=at, role=("user", "assistant")[place % 2], text=text)
            for place, text in enumerate(texts)
        ]
        given = Conversation(
            id=id, tenant=tenant, messages=talk, metadata={"user_id": "u", **(metadata or {})}
        )
        uid = f"{id}-{texts[0]}-{tenant}"
        made = Submission(self.project, How.THREAD, given, uid, at)
        arrivals = [Ingest(PersonalDataFilter()).prepare(made)[0]]
        if call is not None:
            entry = Entry(Conversation(id=""), exchange=call)
            arrivals.append(Arrival(self.project.id, entry, call.id))
        Inbox(self.engine).take(arrivals, at)

    def run(self) -> None:
        """Deliver what waits, and judge what can be judged."""
        self.delivery.drain()
        self.observing.drain()

    def outcomes(self, name: str) -> dict[Place, str]:
        """What an evaluator said of each answer, read without the worker's own statements."""
        query = (
            "SELECT o.tenant, o.conversation, m.text, o.outcome FROM outcomes AS o FINAL"
            " JOIN messages AS m FINAL ON m.project = o.project AND m.tenant = o.tenant"
            " AND m.conversation = o.conversation AND m.id = o.message"
            " WHERE o.project = {project:String} AND o.evaluator = {name:String}"
        )
        given = {"project": self.project.id, "name": name}
        with self.events._client() as client:
            rows = client.query(query, given).result_rows
        found = {(tenant, id, text): outcome for tenant, id, text, outcome in rows}
        assert len(found) == len(rows), "an answer has one outcome"
        return found
