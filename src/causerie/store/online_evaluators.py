"""Online evaluators in the state store, each with how far it has come."""

from __future__ import annotations

import builtins
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Engine, delete, func, select, update

from causerie.errors import Conflict, NotFound
from causerie.online_evaluators import ONLINE_MAX, OnlineEvaluator
from causerie.store.online_schema import online_evaluators
from causerie.store.state import insert_into, transaction
from causerie.wording import say

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(OnlineEvaluator).decode
columns = online_evaluators.c


@dataclass(frozen=True)
class Work:
    """An online evaluator and how far it has come."""

    online: OnlineEvaluator
    reached: int
    """The version of the analytics store's rows up to which every answer has been looked at."""
    removed: bool
    """Nobody has it any more; what it said is still to be taken out."""
    document: str = ""
    """The online evaluator as it is stored."""


class OnlineEvaluators:
    """Safe in threads; every method is one transaction, and raises Unavailable when the store
    cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, project: str) -> list[OnlineEvaluator]:
        """Those of a project, by name."""
        return [work.online for work in self.work(project) if not work.removed]

    def get(self, project: str, name: str) -> OnlineEvaluator:
        """One of them. Raises NotFound."""
        query = select(columns.document).where(*_one(project, name), columns.removed.is_(False))
        with transaction(self._engine) as connection:
            document = connection.execute(query).scalar()
        if document is None:
            raise _missing()
        return decode(document)

    def add(self, online: OnlineEvaluator) -> None:
        """Keep a new one. Raises Conflict where there is one of that name, or too many."""
        row = {"project": online.project, "name": online.name, **_values(online)}
        count = select(func.count()).where(columns.project == online.project)
        with transaction(self._engine) as connection:
            if (connection.execute(count).scalar() or 0) >= ONLINE_MAX:
                raise Conflict(
                    say("a project has at most %(most)s online evaluators", most=ONLINE_MAX)
                )
            put = insert_into(connection, online_evaluators).values(**row).on_conflict_do_nothing()
            if connection.execute(put.returning(columns.name)).first() is None:
                raise Conflict(say("there is an online evaluator of that name"))

    def change(self, before: OnlineEvaluator, after: OnlineEvaluator) -> None:
        """Keep a change of one. Where other answers are to be judged than before, or otherwise, it
        begins again: what it has said under its revision is not asked for again. Raises NotFound
        for one that has gone, Conflict for one that somebody else has changed.
        """
        values = _values(after)
        if _reach(before) == _reach(after):
            del values["reached"]
        of = (*_one(before.project, before.name), columns.removed.is_(False))
        with transaction(self._engine) as connection:
            document = connection.execute(select(columns.document).where(*of)).scalar()
            if document is None:
                raise _missing()
            # As it was written, which may be by a version that knew fewer fields.
            same = update(online_evaluators).where(*of, columns.document == document)
            if decode(document) != before or not connection.execute(same.values(**values)).rowcount:
                raise Conflict(say("somebody else has just changed it"))

    def remove(self, project: str, name: str) -> None:
        """From here on it judges nothing; the worker takes out what it said. Raises NotFound."""
        one = update(online_evaluators).where(*_one(project, name), columns.removed.is_(False))
        with transaction(self._engine) as connection:
            if not connection.execute(one.values(removed=True)).rowcount:
                raise _missing()

    # ---- the worker's --------------------------------------------------------------------------

    def work(self, project: str) -> builtins.list[Work]:
        """What there is to do for a project, by name."""
        query = select(online_evaluators).where(columns.project == project).order_by(columns.name)
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return [Work(decode(row.document), row.reached, row.removed, row.document) for row in rows]

    def stands(self, online: OnlineEvaluator) -> bool:
        """Whether it is still there and asks the same."""
        of = (*_one(online.project, online.name), columns.revision == online.revision)
        query = select(columns.name).where(*of, columns.removed.is_(False))
        with transaction(self._engine) as connection:
            return connection.execute(query).first() is not None

    def reach(self, work: Work, version: int) -> None:
        """Every answer up to a version was looked at, unless it was changed meanwhile."""
        of = _one(work.online.project, work.online.name)
        same = (columns.reached == work.reached, columns.document == work.document)
        with transaction(self._engine) as connection:
            change = update(online_evaluators).where(*of, *same)
            connection.execute(change.values(reached=version))

    def forget(self, online: OnlineEvaluator) -> None:
        """Nothing of one that was removed is left."""
        of = _one(online.project, online.name)
        with transaction(self._engine) as connection:
            connection.execute(delete(online_evaluators).where(*of, columns.removed.is_(True)))


def _one(project: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return columns.project == project, columns.name == name


def _values(online: OnlineEvaluator) -> dict[str, object]:
    return {
        "document": encode(online).decode(),
        "revision": online.revision,
        "reached": 0,
        "removed": False,
    }


def _reach(online: OnlineEvaluator) -> tuple[object, ...]:
    return online.revision, online.percent, online.query, online.since


def _missing() -> NotFound:
    return NotFound(say("There is no such online evaluator in this project."), field="name")
