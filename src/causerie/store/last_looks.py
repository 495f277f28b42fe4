"""When members last looked at what changed in a project."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, select

from causerie.store.state import insert_into, transaction
from causerie.store.state_schema import last_looks
from causerie.zones import DEFAULT_ZONE, day_of


class LastLooks:
    """One row per member and project. Safe in threads; raises Unavailable when the store cannot be
    reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def come(
        self, project: str, member: str, now: datetime, zone: str = DEFAULT_ZONE
    ) -> datetime | None:
        """Note a visit. Returned is the latest one on an earlier day, by the days of that zone: a
        page that is loaded again says the same. None for the first.
        """
        with transaction(self._engine) as connection:
            earlier = _earlier(connection, project, member, now, zone)
            values = {"at": now, "earlier_at": earlier}
            put = insert_into(connection, last_looks).values(
                project=project, member=member, **values
            )
            connection.execute(
                put.on_conflict_do_update(index_elements=["project", "member"], set_=values)
            )
        return earlier

    def last(
        self, project: str, member: str, now: datetime, zone: str = DEFAULT_ZONE
    ) -> datetime | None:
        """The same without a visit."""
        with transaction(self._engine) as connection:
            return _earlier(connection, project, member, now, zone)


def _earlier(
    connection: Connection, project: str, member: str, now: datetime, zone: str
) -> datetime | None:
    one = (last_looks.c.project == project, last_looks.c.member == member)
    row = connection.execute(select(last_looks).where(*one)).first()
    if row is None:
        return None
    found: datetime | None = row.earlier_at
    return row.at if day_of(row.at, zone) < day_of(now, zone) else found
