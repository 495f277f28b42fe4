"""Test sets with their versions, and the evaluators that projects made, in the state store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, func, select

from causerie.cases import CASES_MAX, REMOVED, Case, CopyFrom, Summary, Version, carried
from causerie.errors import Conflict, Invalid, NotFound
from causerie.evaluators import CUSTOM_MAX, CustomEvaluator, EvaluatorUse
from causerie.store.evaluation_schema import evaluators, set_cases, set_versions
from causerie.store.state import insert_into, transaction
from causerie.wording import say

SETS_MAX = 1_000
"""Of one project."""
encode = msgspec.json.Encoder().encode
decode_case = msgspec.json.Decoder(Case).decode
decode_uses = msgspec.json.Decoder(tuple[EvaluatorUse, ...]).decode
decode_custom = msgspec.json.Decoder(CustomEvaluator).decode


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
        cases: Sequence[Case],
        uses: Sequence[EvaluatorUse],
        copy: CopyFrom,
        by: str,
        now: datetime,
    ) -> Summary:
        """Make the next version of a set, the first if there is none. Raises Invalid for too many
        cases, Conflict for too many sets or for two who do this at the same moment.
        """
        with transaction(self._engine) as connection:
            before = _latest(connection, project, name)
            if before == 0:
                self._check_room(connection, project)
            if before and copy is CopyFrom.PRIOR_VERSION:
                cases = carried(_cases(connection, project, name, before), cases, copy)
            if len(cases) > CASES_MAX:
                most = f"{CASES_MAX} (CASES_MAX)"
                raise Invalid(
                    f"test_cases: with those before, more than {most}", field="test_cases"
                )
            row = {
                "project": project,
                "name": name,
                "version": before + 1,
                "evaluators": encode(list(uses)).decode(),
                "cases": len(cases),
                "by": by,
                "created_at": now,
            }
            made = insert_into(connection, set_versions).values(**row).on_conflict_do_nothing()
            if not connection.execute(made).rowcount:
                raise Conflict(f"version {before + 1} of {name!r} was just made by somebody else")
            connection.execute(set_cases.insert(), _rows(row, cases))
        return Summary(name=name, version=before + 1, cases=len(cases), by=by, created_at=now)

    def _check_room(self, connection: Connection, project: str) -> None:
        of = select(func.count(func.distinct(set_versions.c.name)))
        count = connection.execute(of.where(set_versions.c.project == project)).scalar() or 0
        if count >= SETS_MAX:
            raise Conflict(f"a project has at most {SETS_MAX} test sets (SETS_MAX)")

    def version(self, project: str, name: str, version: int) -> Version:
        """One version with its cases. Raises NotFound."""
        with transaction(self._engine) as connection:
            query = select(set_versions).where(*_of(project, name, version))
            row = connection.execute(query).first()
            if row is None:
                raise _missing(name, version)
            cases = tuple(_cases(connection, project, name, version))
        return Version(
            project=project,
            name=name,
            version=version,
            cases=cases,
            evaluators=decode_uses(row.evaluators),
            by=row.by,
            created_at=row.created_at,
        )

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


def _missing(name: str, version: int) -> NotFound:
    return NotFound(f"no version {version} of a test set {name[:100]!r}", field="test_set_name")


def _of(project: str, name: str, version: int) -> tuple[ColumnElement[bool], ...]:
    columns = set_versions.c
    return columns.project == project, columns.name == name, columns.version == version


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
