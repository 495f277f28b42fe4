"""Test sets and runs are deleted, whatever else happens at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select

from causerie.cases import Case, CopyFrom, Version
from causerie.errors import NotFound
from causerie.evaluation_runs import CaseResult, Response, Run, RunStatus, Tally
from causerie.store.accounts import Accounts
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.evaluation_schema import evaluation_results, set_cases
from causerie.store.state import transaction
from causerie.store.state_removals import StateRemovals
from causerie.store.test_sets import Extent, TestSets
from tests.made_calls import NOON
from tests.test_case_removals import case

ROUNDS = 12
TALK = ("", "talk")


@dataclass(frozen=True)
class Shelf:
    """A project with test sets."""

    engine: Engine
    project: str

    @property
    def sets(self) -> TestSets:
        return TestSets(self.engine)

    @property
    def runs(self) -> EvaluationRuns:
        return EvaluationRuns(self.engine)

    def fill(self, name: str, *cases: Case) -> None:
        given = cases or (case("a"), case("b"))
        self.sets.add(self.project, name, given, (), CopyFrom.NONE, "", NOON)

    def run(self, name: str, id: str = "", version: int = 1) -> Run:
        return Run(
            id=f"{self.project} {id or name}",
            project=self.project,
            name=name,
            version=version,
            iterations=1,
            total=2,
            created_at=NOON,
        )

    def rows(self) -> tuple[int, int]:
        """All cases and results that there are."""
        with transaction(self.engine) as connection:
            cases, results = (
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (set_cases, evaluation_results)
            )
        return cases, results


@pytest.fixture
def shelf(engine: Engine, project_id: str) -> Shelf:
    Accounts(engine).create_project("Mine", NOON, project_id)
    return Shelf(engine, project_id)


def results(*places: int) -> list[CaseResult]:
    return [
        CaseResult(case=at, iteration=1, response=Response(text="x"), evaluations=(), at=NOON)
        for at in places
    ]


def at_once(*works: Callable[[], Any]) -> list[BaseException]:
    """Do it all in the same moment; what was raised."""
    gate = threading.Barrier(len(works))

    def do(work: Callable[[], Any]) -> None:
        gate.wait()
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        errors = [one.exception() for one in [pool.submit(do, work) for work in works]]
    return [error for error in errors if error is not None]


def test_a_set_goes_with_all_that_is_its_own_and_nothing_else(shelf: Shelf) -> None:
    shelf.fill("set", case("a"), case("b"))
    shelf.fill("set", case("c"))
    shelf.sets.add(shelf.project, "copy", [], (), ("set", 1), "", NOON)
    for name in ("set", "copy"):
        shelf.runs.begin(shelf.run(name))
        taken = shelf.runs.take("me", NOON)
        assert taken is not None and shelf.runs.keep(taken, "me", results(0, 1), NOON)
    gone = shelf.sets.remove(shelf.project, "set")
    assert gone == Extent(versions=2, runs=1, results=2, under_way=1)
    assert {one.name for one in shelf.sets.versions(shelf.project)} == {"copy"}
    assert [one.name for one in shelf.sets.version(shelf.project, "copy", 1).cases] == ["a", "b"]
    assert [one.name for one in shelf.runs.list(shelf.project)] == ["copy"]
    assert shelf.rows() == (2, 2)
    for name, project in (("set", shelf.project), ("copy", "another")):
        with pytest.raises(NotFound):
            shelf.sets.remove(project, name)
    shelf.fill("set", case("d"))
    assert [one.version for one in shelf.sets.versions(shelf.project, "set")] == [1]


def test_a_run_goes_with_its_results_and_can_begin_again(shelf: Shelf) -> None:
    shelf.fill("set")
    begun = shelf.runs.begin(shelf.run("set", "first"))
    taken = shelf.runs.take("me", NOON)
    assert taken is not None and shelf.runs.keep(taken, "me", results(0), NOON)
    with pytest.raises(NotFound):
        shelf.runs.remove("another", begun.id)
    assert shelf.runs.remove(shelf.project, begun.id) == 1
    # Who works on it finds that it is gone, and leaves nothing behind.
    assert not shelf.runs.hold(taken, "me", NOON)
    assert not shelf.runs.keep(taken, "me", results(1), NOON)
    shelf.runs.end(taken, "me", RunStatus.COMPLETED, "", Tally(), NOON)
    assert shelf.rows() == (2, 0) and not shelf.runs.list(shelf.project)
    assert shelf.runs.begin(shelf.run("set", "second")).id != begun.id
    with pytest.raises(NotFound):
        shelf.runs.remove(shelf.project, begun.id)


def test_no_run_is_left_of_a_set_that_goes_while_it_begins(shelf: Shelf) -> None:
    for number in range(ROUNDS):
        name = f"set {number}"
        shelf.fill(name)
        raised = at_once(
            partial(shelf.runs.begin, shelf.run(name)),
            partial(shelf.sets.remove, shelf.project, name),
        )
        assert all(isinstance(error, NotFound) for error in raised), raised
        assert shelf.runs.list(shelf.project) == []
        assert shelf.rows() == (0, 0)


def test_no_result_is_left_of_a_set_that_goes_while_it_is_kept(shelf: Shelf) -> None:
    for number in range(ROUNDS):
        name = f"set {number}"
        shelf.fill(name)
        shelf.runs.begin(shelf.run(name))
        taken = shelf.runs.take("me", NOON)
        assert taken is not None
        raised = at_once(
            partial(shelf.runs.keep, taken, "me", results(0, 1), NOON),
            partial(shelf.sets.remove, shelf.project, name),
        )
        assert raised == []
        assert shelf.rows() == (0, 0)


def test_a_set_that_goes_while_its_next_version_is_made_is_whole_or_new(shelf: Shelf) -> None:
    for number in range(ROUNDS):
        name = f"set {number}"
        shelf.fill(name)

        given, copy = [case("c")], CopyFrom.PRIOR_VERSION
        raised = at_once(
            partial(shelf.sets.add, shelf.project, name, given, (), copy, "", NOON),
            partial(shelf.sets.remove, shelf.project, name),
        )
        assert raised == []
        found = shelf.sets.versions(shelf.project, name)
        assert [(one.version, one.cases) for one in found] in ([], [(1, 1)])


def test_a_removal_that_is_cut_off_has_removed_nothing(shelf: Shelf) -> None:
    shelf.fill("set")
    shelf.runs.begin(shelf.run("set"))
    taken = shelf.runs.take("me", NOON)
    assert taken is not None and shelf.runs.keep(taken, "me", results(0, 1), NOON)
    before = shelf.sets.extent(shelf.project, "set")

    def cut_off(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE FROM set_cases"):
            raise KeyboardInterrupt

    event.listen(shelf.engine, "before_cursor_execute", cut_off)
    with pytest.raises(KeyboardInterrupt):
        shelf.sets.remove(shelf.project, "set")
    event.remove(shelf.engine, "before_cursor_execute", cut_off)
    assert shelf.sets.extent(shelf.project, "set") == before
    assert shelf.rows() == (2, 2)
    assert shelf.sets.remove(shelf.project, "set") == before


# ---- a conversation goes while a version is made of it -----------------------------------------


def removed_meanwhile(shelf: Shelf) -> threading.Thread:
    """The cases of the conversation go, begun at this moment."""
    drop = StateRemovals(shelf.engine).drop_cases
    thread = threading.Thread(target=drop, args=(shelf.project, {TALK}))
    thread.start()
    # Long enough for a removal that does not wait.
    thread.join(0.3)
    return thread


def test_a_case_does_not_come_back_with_one_that_is_left_out(shelf: Shelf) -> None:
    shelf.fill("set", case("of talk", conversation_id="talk"), case("left out"), case("kept"))
    threads = []

    def change(latest: Version) -> Sequence[Case]:
        threads.append(removed_meanwhile(shelf))
        return [one for one in latest.cases if one.name != "left out"]

    shelf.sets.revise(shelf.project, "set", change, "", NOON)
    threads[0].join()
    for version in (1, 2):
        cases = shelf.sets.version(shelf.project, "set", version).cases
        assert "of talk" not in {one.name for one in cases}
        assert cases[-1].name == "kept"


def test_a_case_does_not_come_back_by_a_copy_or_of_what_was_read_before(shelf: Shelf) -> None:
    shelf.fill("set", case("of talk", conversation_id="talk"), case("kept"))
    copies: list[tuple[str, Any]] = [
        ("set", CopyFrom.PRIOR_VERSION),
        ("copy", ("set", 1)),
        ("read before", CopyFrom.NONE),
    ]
    threads = []
    for name, copy in copies:

        def still(made: Sequence[Case]) -> Sequence[Case]:
            threads.append(removed_meanwhile(shelf))
            return made

        given = [case("new"), case("again of talk", conversation_id="talk")]
        shelf.sets.add(shelf.project, name, given, (), copy, "", NOON, still)
        threads[-1].join()
        version = shelf.sets.latest(shelf.project, name)
        names = {one.name for one in shelf.sets.version(shelf.project, name, version).cases}
        assert "new" in names and not names & {"of talk", "again of talk"}
