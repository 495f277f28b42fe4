"""Notes in the state store."""

from __future__ import annotations

from datetime import date

import msgspec
from sqlalchemy import Engine, func, select

from causerie.errors import Conflict, NotFound
from causerie.notes import NOTES_MAX, Note
from causerie.store.state import transaction
from causerie.store.state_schema import notes
from causerie.wording import say


class Notes:
    """Safe in threads; every method is one transaction, and raises Unavailable when the store
    cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def between(self, project: str, first: date, last: date) -> list[Note]:
        """The notes of some days, both included, in order."""
        query = select(notes).where(notes.c.project == project, notes.c.day.between(first, last))
        order = query.order_by(notes.c.day, notes.c.created_at, notes.c.id)
        with transaction(self._engine) as connection:
            return [msgspec.convert(row._mapping, Note) for row in connection.execute(order)]

    def get(self, project: str, id: str) -> Note:
        """One note. Raises NotFound."""
        query = select(notes).where(notes.c.project == project, notes.c.id == id)
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(say("There is no such note in this project."), field="note")
        return msgspec.convert(row._mapping, Note)

    def add(self, note: Note) -> None:
        """Keep a note. Raises Conflict when the project has too many."""
        with transaction(self._engine) as connection:
            of = select(func.count()).where(notes.c.project == note.project)
            if (connection.execute(of).scalar() or 0) >= NOTES_MAX:
                raise Conflict(say("a project has at most %(most)s notes", most=NOTES_MAX))
            connection.execute(notes.insert().values(**msgspec.structs.asdict(note)))

    def remove(self, project: str, id: str) -> None:
        """Forget a note. Raises NotFound."""
        gone = notes.delete().where(notes.c.project == project, notes.c.id == id)
        with transaction(self._engine) as connection:
            if not connection.execute(gone).rowcount:
                raise NotFound(say("There is no such note in this project."), field="note")
