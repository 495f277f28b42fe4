"""Test sets with their versions, and the evaluators that projects made, in the state store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, select, update

from causerie.cases import CASES_MAX, REMOVED, Case, CopyFrom, Summary, Version, carried
from causerie.errors import Conflict, Invalid, NotFound
from causerie.evaluation_runs import OVER
from causerie.evaluators import CUSTOM_MAX, CustomEvaluator, EvaluatorUse
from causerie.store.evaluation_schema import (
    evaluation_results,
    evaluation_runs,
    evaluators,
    set_cases,
    set_versions,
)
from causerie.store.state import insert_into, transaction
from causerie.store.state_schema import projects
from causerie.wording import say

SETS_MAX = 1_000
"""Of one project."""
encode = msgspec.json.Encoder().encode
decode_case = msgspec.json.Decoder(Case).decode
decode_uses = msgspec.json.Decoder(tuple[EvaluatorUse, ...]).decode
decode_custom = msgspec.json.Decoder(CustomEvaluator).decode
Source = tuple[str, int]
"""A set and a version of it."""
Cases = Sequence[Case]
runs = evaluation_runs.c


@dataclass(frozen=True)
class Extent:
    """What goes with a set."""

    versions: int
    runs: int
    results: int
    under_way: int = 0
    """Of the runs, those that are not over."""


class TestSets:
    """Safe in threads; every method is one transaction, and raises Unavailable when the store
    cannot be reached.
    """

    __test__ = False
    """No test of ours, whatever it is called."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # ---- sets ----------------------------------------------------------------------------------

    def add(
        self,
        project: str,
        name: str,
        cases: Cases,
        uses: Sequence[EvaluatorUse],
        copy: CopyFrom | Source,
        by: str,
        now: datetime,
        still: Callable[[Cases], Cases] = lambda cases: cases,
    ) -> Summary:
        """Make the next version of a set, the first if there is none. `copy` may be a version of
        another set. `still` leaves out cases of what has gone since they were made, asked while no
        removal takes cases out. Raises Invalid for too many cases, Conflict for none or for too
        many sets, NotFound where there is no such version to copy.
        """
        with transaction(self._engine) as connection:
            hold_sets(connection, project)
            before = _latest(connection, project, name)
            if before == 0:
                self._check_room(connection, project)
            cases = still(cases)
            source = (name, before) if copy is CopyFrom.PRIOR_VERSION else copy
            if not isinstance(source, CopyFrom) and source[1]:
                kept = _version(connection, project, *source).cases
                cases = carried(kept, cases, CopyFrom.PRIOR_VERSION)
            return _make(connection, (project, name, before + 1), cases, uses, by, now)

    def revise(
        self,
        project: str,
        name: str,
        change: Callable[[Version], Cases],
        by: str,
        now: datetime,
    ) -> Summary:
        """Make the next version of a set of what the latest has at this moment, so that no case
        comes back that has gone with its conversation. Raises NotFound, and what `change` raises.
        """
        with transaction(self._engine) as connection:
            hold_sets(connection, project)
            latest = _latest(connection, project, name)
            version = _version(connection, project, name, latest)
            made = (project, name, latest + 1)
            return _make(connection, made, change(version), version.evaluators, by, now)

    def extent(self, project: str, name: str) -> Extent:
        """What would go with a set."""
        with transaction(self._engine) as connection:
            return _extent(connection, project, name)

    def remove(self, project: str, name: str) -> Extent:
        """Forget a set with its versions, runs and results; what that was. Whoever works on a run
        of it finds that it is gone. Raises NotFound.
        """
        versions, cases = set_versions.c, set_cases.c
        of = (runs.project == project, runs.name == name)
        with transaction(self._engine) as connection:
            hold_sets(connection, project)
            found = _extent(connection, project, name)
            # Versions first: who begins a run at this moment finds that there is none.
            gone = delete(set_versions).where(versions.project == project, versions.name == name)
            if not connection.execute(gone).rowcount:
                raise _missing(name, 1)
            # Then runs are held, so that nobody keeps another result.
            connection.execute(select(runs.id).where(*of).with_for_update())
            mine = evaluation_results.c.run.in_(select(runs.id).where(*of))
            connection.execute(delete(evaluation_results).where(mine))
            connection.execute(delete(evaluation_runs).where(*of))
            its = (cases.project == project, cases.name == name)
            connection.execute(delete(set_cases).where(*its))
        return found

    def _check_room(self, connection: Connection, project: str) -> None:
        of = select(func.count(func.distinct(set_versions.c.name)))
        count = connection.execute(of.where(set_versions.c.project == project)).scalar() or 0
        if count >= SETS_MAX:
            raise Conflict(f"a project has at most {SETS_MAX} test sets (SETS_MAX)")

    def version(self, project: str, name: str, version: int) -> Version:
        """One version with its cases. Raises NotFound."""
        with transaction(self._engine) as connection:
            return _version(connection, project, name, version)

    def versions(self, project: str, name: str = "") -> list[Summary]:
        """Every version of a project's sets, or of one, the newest first."""
        query = select(set_versions).where(set_versions.c.project == project)
        if name:
            query = query.where(set_versions.c.name == name)
        order = query.order_by(set_versions.c.created_at.desc(), set_versions.c.version.desc())
        with transaction(self._engine) as connection:
            return [
                Summary(
                    name=row.name,
                    version=row.version,
                    cases=row.cases,
                    by=row.by,
                    created_at=row.created_at,
                )
                for row in connection.execute(order)
            ]

    def latest(self, project: str, name: str) -> int:
        """The number of the last version. Raises NotFound."""
        with transaction(self._engine) as connection:
            found = _latest(connection, project, name)
        if not found:
            raise _missing(name, 1)
        return found

    # ---- evaluators ----------------------------------------------------------------------------

    def evaluators(self, project: str) -> dict[str, CustomEvaluator]:
        """The evaluators that a project made, by identifier."""
        query = select(evaluators.c.document).where(evaluators.c.project == project)
        with transaction(self._engine) as connection:
            found = [decode_custom(text) for text in connection.execute(query).scalars()]
        return {one.identifier: one for one in sorted(found, key=lambda one: one.identifier)}

    def put_evaluator(self, custom: CustomEvaluator) -> None:
        """Make or change one. Raises Conflict when there are too many."""
        of = evaluators.c.project == custom.project
        with transaction(self._engine) as connection:
            others = select(func.count()).where(of, evaluators.c.identifier != custom.identifier)
            if (connection.execute(others).scalar() or 0) >= CUSTOM_MAX:
                raise Conflict(say("a project has at most %(most)s evaluators", most=CUSTOM_MAX))
            values = {"document": encode(custom).decode()}
            put = insert_into(connection, evaluators).values(
                project=custom.project, identifier=custom.identifier, **values
            )
            same = ["project", "identifier"]
            connection.execute(put.on_conflict_do_update(index_elements=same, set_=values))

    def remove_evaluator(self, project: str, identifier: str) -> None:
        """Forget one; what it said stays in the results. Raises NotFound."""
        one = (evaluators.c.project == project, evaluators.c.identifier == identifier)
        with transaction(self._engine) as connection:
            if not connection.execute(evaluators.delete().where(*one)).rowcount:
                raise NotFound(say("There is no such evaluator in this project."))


def hold_sets(connection: Connection, project: str) -> None:
    """Until the transaction ends nobody else makes, removes or takes cases out of the test sets of
    a project: what one has read of them stands until it has written.
    """
    # A row of its own is locked by being written as it is, on SQLite with all of the database.
    same = update(projects).where(projects.c.id == project).values(name=projects.c.name)
    connection.execute(same)


def _make(
    connection: Connection,
    made: tuple[str, str, int],
    cases: Cases,
    uses: Sequence[EvaluatorUse],
    by: str,
    now: datetime,
) -> Summary:
    project, name, version = made
    if not cases:
        raise Conflict(say("A version has one case at least."))
    if len(cases) > CASES_MAX:
        most = f"{CASES_MAX} (CASES_MAX)"
        raise Invalid(f"test_cases: with those before, more than {most}", field="test_cases")
    row = {
        "project": project,
        "name": name,
        "version": version,
        "evaluators": encode(list(uses)).decode(),
        "cases": len(cases),
        "by": by,
        "created_at": now,
    }
    connection.execute(set_versions.insert().values(**row))
    connection.execute(set_cases.insert(), _rows(row, cases))
    return Summary(name=name, version=version, cases=len(cases), by=by, created_at=now)


def _missing(name: str, version: int) -> NotFound:
    return NotFound(f"no version {version} of a test set {name[:100]!r}", field="test_set_name")


def _version(connection: Connection, project: str, name: str, version: int) -> Version:
    columns = set_versions.c
    of = (columns.project == project, columns.name == name, columns.version == version)
    row = connection.execute(select(set_versions).where(*of)).first()
    if row is None:
        raise _missing(name, version)
    return Version(
        project=project,
        name=name,
        version=version,
        cases=tuple(_cases(connection, project, name, version)),
        evaluators=decode_uses(row.evaluators),
        by=row.by,
        created_at=row.created_at,
    )


def _extent(connection: Connection, project: str, name: str) -> Extent:
    versions = set_versions.c
    of = (runs.project == project, runs.name == name)

    def count(table: Table, *where: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(table).where(*where)
        return connection.execute(query).scalar_one()

    return Extent(
        versions=count(set_versions, versions.project == project, versions.name == name),
        runs=count(evaluation_runs, *of),
        results=count(evaluation_results, evaluation_results.c.run.in_(select(runs.id).where(*of))),
        under_way=count(evaluation_runs, *of, runs.status.not_in([one.value for one in OVER])),
    )


def _latest(connection: Connection, project: str, name: str) -> int:
    columns = set_versions.c
    query = select(func.max(columns.version)).where(
        columns.project == project, columns.name == name
    )
    return connection.execute(query).scalar() or 0


def _cases(connection: Connection, project: str, name: str, version: int) -> list[Case]:
    columns = set_cases.c
    query = select(columns.position, columns.document).where(
        columns.project == project, columns.name == name, columns.version == version
    )
    cases: list[Case] = []
    for row in connection.execute(query.order_by(columns.position)):
        cases += [REMOVED] * (row.position - len(cases))
        cases.append(decode_case(row.document))
    return cases


def _rows(row: dict[str, object], cases: Sequence[Case]) -> list[dict[str, object]]:
    of = {key: row[key] for key in ("project", "name", "version")}
    return [
        {
            **of,
            "position": place,
            "document": encode(case).decode(),
            "tenant": case.conversation[0],
            "conversation": case.conversation[1],
        }
        for place, case in enumerate(cases)
    ]
