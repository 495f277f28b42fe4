"""Responses in the state store: answers that callers go on from, and may ask for again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Engine, delete, select

from causerie.errors import Conflict, NotFound
from causerie.store.state import insert_new, transaction
from causerie.store.state_schema import responses


class Responses:
    """The responses' SQL, on either engine. Safe in threads; every method is one transaction.

    NotFound is raised for a response that is unknown, of another project or expired, and names the
    field `response_id`. Every method raises Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(
        self,
        id: str,
        project: str,
        context: str,
        turns: int,
        document: bytes,
        now: datetime,
        expires_at: datetime,
    ) -> None:
        """Keep a response, after which its context had so many turns. Raises Conflict when the id
        is taken.
        """
        row = {"id": id, "project": project, "context": context, "turns": turns}
        row |= {"document": document, "created_at": now, "expires_at": expires_at}
        with transaction(self._engine) as connection:
            if not insert_new(connection, responses, row):
                raise Conflict(f"there is a response {id} already", field="response_id")

    def get(self, project: str, id: str, now: datetime) -> tuple[str, int, bytes]:
        """The context, how many turns it had, and the document. Raises NotFound."""
        query = select(responses.c.context, responses.c.turns, responses.c.document)
        query = query.where(*_of(project, id), responses.c.expires_at > now)
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise _missing(id)
        return row.context, row.turns, bytes(row.document)

    def delete(self, project: str, id: str) -> None:
        """Forget a response; its context stays. Raises NotFound."""
        with transaction(self._engine) as connection:
            if connection.execute(delete(responses).where(*_of(project, id))).rowcount == 0:
                raise _missing(id)

    def stands_for(self, project: str, context: str) -> bool:
        """Whether any response is of that context."""
        query = select(responses.c.id).where(responses.c.project == project)
        with transaction(self._engine) as connection:
            found = connection.execute(query.where(responses.c.context == context).limit(1))
            return found.first() is not None

    def sweep(self, now: datetime) -> int:
        """Forget expired responses; how many there were."""
        with transaction(self._engine) as connection:
            gone = connection.execute(delete(responses).where(responses.c.expires_at <= now))
            return gone.rowcount


def _of(project: str, id: str) -> tuple[ColumnElement[bool], ...]:
    # No id holds a NUL, and PostgreSQL takes none.
    return responses.c.project == project, responses.c.id == id.replace("\0", "?")


def _missing(id: str) -> NotFound:
    return NotFound(f"response {id[:100]} not found or expired", field="response_id")
