"""Runs of test sets and their results, in the state store.

A run is held by the process that works on it; after a kill another takes it over when that time is
up. Its results stay, so that it goes on where it was.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)

from causerie.errors import NotFound
from causerie.evaluation_runs import CaseResult, Run, RunStatus, Tally
from causerie.store.evaluation_schema import (
    evaluation_results,
    evaluation_runs,
    set_cases,
    set_versions,
)
from causerie.store.state import insert_into, slices, transaction

HOLD = timedelta(seconds=30)
RUNS_SHOWN = 500
RESULTS_AT_ONCE = 1_000
encode = msgspec.json.Encoder(decimal_format="string").encode
decode_tally = msgspec.json.Decoder(Tally).decode
decode_result = msgspec.json.Decoder(CaseResult).decode
FIELDS = tuple(Run.__struct_fields__)


class EvaluationRuns:
    """Safe in threads; every method is one transaction, and raises Unavailable when the store
    cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, run: Run) -> Run:
        """Keep a run, unless there is one of the same version, iterations and model: then that. One
        that ended in an error, or with answers that did not come, begins again with what is
        missing: its other results stay. Raises NotFound where the version has gone.
        """
        row = {name: getattr(run, name) for name in FIELDS} | {"status": run.status.value}
        same = {name: row[name] for name in ("project", "name", "version", "iterations", "model")}
        query = select(evaluation_runs).filter_by(**same)
        versions = set_versions.c
        of = (
            versions.project == run.project,
            versions.name == run.name,
            versions.version == run.version,
        )
        with transaction(self._engine) as connection:
            put = insert_into(connection, evaluation_runs).values(**row, holder="")
            connection.execute(put.on_conflict_do_nothing())
            # After the insert, with which SQLite holds the database: a set is not deleted between.
            there = select(set_versions.c.version).where(*of).with_for_update(read=True)
            if connection.execute(there).first() is None:
                raise NotFound(f"no version {run.version} of a test set {run.name[:100]!r}")
            found = connection.execute(query.with_for_update()).one()
            if _run(found).is_over and _lacks(found):
                _reopen(connection, found.id)
                found = connection.execute(query).one()
            return _run(found)

    def get(self, project: str, id: str) -> Run:
        """One run. Raises NotFound."""
        of = (evaluation_runs.c.project == project, evaluation_runs.c.id == id)
        with transaction(self._engine) as connection:
            row = connection.execute(select(evaluation_runs).where(*of)).first()
        if row is None:
            raise NotFound(f"no run {id[:100]!r}", field="id")
        return _run(row)

    def list(self, project: str, name: str = "") -> list[Run]:
        """Runs of a project, or of one of its sets, the newest first, at most `RUNS_SHOWN`."""
        query = select(evaluation_runs).where(evaluation_runs.c.project == project)
        if name:
            query = query.where(evaluation_runs.c.name == name)
        order = query.order_by(evaluation_runs.c.created_at.desc()).limit(RUNS_SHOWN)
        with transaction(self._engine) as connection:
            return [_run(row) for row in connection.execute(order)]

    def remove(self, project: str, id: str) -> int:
        """Forget a run with its results; how many those were. Whoever works on it finds that it is
        gone. Raises NotFound.
        """
        mine = (evaluation_runs.c.project == project, evaluation_runs.c.id == id)
        with transaction(self._engine) as connection:
            # Held first, so that nobody keeps another result meanwhile.
            held = update(evaluation_runs).where(*mine).values(holder="")
            if not connection.execute(held).rowcount:
                raise NotFound(f"no run {id[:100]!r}", field="id")
            its = evaluation_results.c.run == id
            count = connection.execute(delete(evaluation_results).where(its)).rowcount
            connection.execute(delete(evaluation_runs).where(*mine))
        return count

    # ---- who works on it ---------------------------------------------------------------------

    def take(self, holder: str, now: datetime) -> Run | None:
        """The oldest run that nobody works on, held for a while; None where there is none."""
        columns = evaluation_runs.c
        query = select(columns.id).where(_is_free(now)).order_by(columns.created_at).limit(1)
        with transaction(self._engine) as connection:
            id = connection.execute(query).scalar()
            if id is None:
                return None
            taken = (
                update(evaluation_runs)
                .where(columns.id == id, _is_free(now))
                .values(
                    status=RunStatus.RUNNING.value,
                    holder=holder,
                    held_until=now + HOLD,
                    started_at=func.coalesce(columns.started_at, now),
                )
            )
            if not connection.execute(taken).rowcount:
                return None
            query = select(evaluation_runs).where(columns.id == id)
            return _run(connection.execute(query).one())

    def free_all(self) -> None:
        """Let go of every run: for a process that knows that it is alone."""
        freed = update(evaluation_runs).where(evaluation_runs.c.status == RunStatus.RUNNING.value)
        with transaction(self._engine) as connection:
            connection.execute(freed.values(held_until=None))

    def hold(self, run: Run, holder: str, now: datetime) -> bool:
        """Hold it for longer; False where it is another's by now."""
        held = update(evaluation_runs).where(*_mine(run, holder)).values(held_until=now + HOLD)
        with transaction(self._engine) as connection:
            return bool(connection.execute(held).rowcount)

    def done(self, run: Run) -> set[tuple[int, int]]:
        """Case and iteration of every result that there is."""
        columns = evaluation_results.c
        query = select(columns.position, columns.iteration).where(columns.run == run.id)
        with transaction(self._engine) as connection:
            return {(row.position, row.iteration) for row in connection.execute(query)}

    def keep(self, run: Run, holder: str, results: Iterable[CaseResult], now: datetime) -> bool:
        """Keep results and hold the run for longer; False, and nothing kept, where it is another's
        by now or has gone.
        """
        columns = set_cases.c
        there = select(columns.position).where(
            columns.project == run.project,
            columns.name == run.name,
            columns.version == run.version,
        )
        results = list(results)
        there = there.where(columns.position.in_({result.case for result in results}))
        rows = [
            {
                "run": run.id,
                "position": result.case,
                "iteration": result.iteration,
                "document": encode(result).decode(),
            }
            for result in results
        ]
        with transaction(self._engine) as connection:
            count = select(func.count()).where(evaluation_results.c.run == run.id)
            held = update(evaluation_runs).where(*_mine(run, holder))
            if not connection.execute(held.values(held_until=now + HOLD)).rowcount:
                return False
            # A case may have gone, with its conversation, while it was answered.
            present = set(connection.execute(there.with_for_update(read=True)).scalars())
            for row in rows:
                if row["position"] not in present:
                    continue
                put = insert_into(connection, evaluation_results).values(**row)
                connection.execute(put.on_conflict_do_nothing())
            completed = connection.execute(count).scalar()
            mine = update(evaluation_runs).where(evaluation_runs.c.id == run.id)
            connection.execute(mine.values(completed=completed))
        return True

    def end(
        self,
        run: Run,
        holder: str,
        status: RunStatus,
        trouble: str,
        tally: Tally,
        now: datetime,
    ) -> None:
        """Write down that it is over, and what came of it."""
        ended = (
            update(evaluation_runs)
            .where(*_mine(run, holder))
            .values(status=status.value, trouble=trouble, ended_at=now, holder="", held_until=None)
            .values(tally=encode(tally).decode())
        )
        with transaction(self._engine) as connection:
            connection.execute(ended)

    def let_go(self, run: Run, holder: str) -> None:
        """Let another, or the next start, go on at once."""
        freed = update(evaluation_runs).where(*_mine(run, holder)).values(held_until=None)
        with transaction(self._engine) as connection:
            connection.execute(freed)

    # ---- what came of it ---------------------------------------------------------------------

    def results(self, run: Run) -> Iterator[CaseResult]:
        """Every result, by case, then iteration."""
        columns = evaluation_results.c
        last = (-1, 0)
        while True:
            after = or_(
                columns.position > last[0],
                and_(columns.position == last[0], columns.iteration > last[1]),
            )
            query = select(evaluation_results).where(columns.run == run.id, after)
            order = query.order_by(columns.position, columns.iteration).limit(RESULTS_AT_ONCE)
            with transaction(self._engine) as connection:
                rows = connection.execute(order).all()
            yield from (decode_result(row.document) for row in rows)
            if len(rows) < RESULTS_AT_ONCE:
                return
            last = (rows[-1].position, rows[-1].iteration)

    def some(self, run: Run, places: Sequence[tuple[int, int]]) -> builtins.list[CaseResult]:
        """The results of these cases and iterations, in that order, where there are such."""
        columns = evaluation_results.c
        positions = sorted({place for place, _ in places})
        found: dict[tuple[int, int], CaseResult] = {}
        with transaction(self._engine) as connection:
            for part in slices(positions):
                of = (columns.run == run.id, columns.position.in_(part))
                for row in connection.execute(select(evaluation_results).where(*of)):
                    found[row.position, row.iteration] = decode_result(row.document)
        return [found[place] for place in places if place in found]

    def tallies(self, project: str, ids: Iterable[str]) -> dict[str, Tally]:
        """What came of runs that are over, by run."""
        columns = evaluation_runs.c
        found: dict[str, Tally] = {}
        with transaction(self._engine) as connection:
            for part in slices(sorted(ids)):
                of = (columns.project == project, columns.id.in_(part))
                query = select(columns.id, columns.tally).where(*of, columns.tally.is_not(None))
                for row in connection.execute(query):
                    found[row.id] = decode_tally(row.tally)
        return found


def _run(row: Row[tuple[object, ...]]) -> Run:
    return msgspec.convert({name: getattr(row, name) for name in FIELDS}, Run)


def _lacks(row: Row[Any]) -> bool:
    tally = decode_tally(row.tally) if row.tally else Tally()
    return row.status == RunStatus.ERRORED.value or tally.failed > 0


def _reopen(connection: Connection, run: str) -> None:
    results = evaluation_results.c
    kept = select(results.position, results.iteration, results.document).where(results.run == run)
    failed = [
        (row.position, row.iteration)
        for row in connection.execute(kept)
        if decode_result(row.document).response.trouble
    ]
    for position, iteration in failed:
        gone = (results.position == position, results.iteration == iteration)
        connection.execute(delete(evaluation_results).where(results.run == run, *gone))
    left = select(func.count()).where(results.run == run).scalar_subquery()
    again = update(evaluation_runs).where(evaluation_runs.c.id == run)
    pending = {"status": RunStatus.PENDING.value, "trouble": "", "tally": None, "ended_at": None}
    connection.execute(again.values(**pending, completed=left))


def _is_free(now: datetime) -> ColumnElement[bool]:
    columns = evaluation_runs.c
    left = or_(columns.held_until.is_(None), columns.held_until < now)
    running = and_(columns.status == RunStatus.RUNNING.value, left)
    return or_(columns.status == RunStatus.PENDING.value, running)


def _mine(run: Run, holder: str) -> tuple[ColumnElement[bool], ...]:
    columns = evaluation_runs.c
    return columns.id == run.id, columns.holder == holder, columns.status == "running"
