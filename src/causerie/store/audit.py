"""Entries of the audit in the state store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Engine, Row, and_, delete, insert, or_, select

from causerie.audit import Action, By, Entry, How
from causerie.store.privacy_schema import audit
from causerie.store.state import transaction

PAGE_ENTRIES = 100


@dataclass(frozen=True)
class Sought:
    """Which entries of a project; what is empty does not matter."""

    project: str
    by: str = ""
    """Of a member or key the id."""
    action: Action | None = None
    objects: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    """Exclusive."""
    before: int = 0
    """Older than the entry of that number."""


class AuditLog:
    """Safe in threads; every method is one transaction, and raises Unavailable when the store
    cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep entries, all or none."""
        if entries:
            with transaction(self._engine) as connection:
                connection.execute(insert(audit), [_row(entry) for entry in entries])

    def page(self, sought: Sought, limit: int = PAGE_ENTRIES) -> list[Entry]:
        """The latest, the newest first."""
        query = select(audit).where(*_conditions(sought))
        query = query.order_by(audit.c.at.desc(), audit.c.seq.desc()).limit(limit)
        with transaction(self._engine) as connection:
            if sought.before:
                of = (audit.c.project == sought.project, audit.c.seq == sought.before)
                last = connection.execute(select(audit.c.at).where(*of)).scalar()
                if last is None:
                    return []
                older = and_(audit.c.at == last, audit.c.seq < sought.before)
                query = query.where(audit.c.at <= last, or_(audit.c.at < last, older))
            return [_entry(row) for row in connection.execute(query)]

    def retire(self, project: str, before: datetime) -> int:
        """Forget what is older; how many entries that were."""
        old = delete(audit).where(audit.c.project == project, audit.c.at < before)
        with transaction(self._engine) as connection:
            return int(connection.execute(old).rowcount)


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    found = [audit.c.project == sought.project]
    if sought.by:
        found.append(audit.c.by_id == sought.by)
    if sought.action is not None:
        found.append(audit.c.action == sought.action.value)
    if sought.objects:
        # By themselves: engines would go through all entries rather than look up several ids.
        of = (audit.c.project == sought.project, audit.c.object.in_(sought.objects))
        found.append(audit.c.seq.in_(select(audit.c.seq).where(*of)))
    if sought.since is not None:
        found.append(audit.c.at >= sought.since)
    if sought.until is not None:
        found.append(audit.c.at < sought.until)
    return found


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "project": entry.project,
        "at": entry.at,
        "by_kind": entry.by.kind,
        "by_id": entry.by.id,
        "by_name": entry.by.name,
        "action": entry.action.value,
        "place": entry.place,
        "object_kind": entry.object_kind,
        "object": entry.object,
        "address": entry.address,
        "how": entry.how.value,
        "detail": msgspec.json.encode(entry.detail).decode(),
    }


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        project=row.project,
        at=row.at,
        by=By(row.by_kind, row.by_id, row.by_name),
        action=Action(row.action),
        place=row.place,
        object_kind=row.object_kind,
        object=row.object,
        address=row.address,
        how=How(row.how),
        detail=msgspec.json.decode(row.detail),
        seq=row.seq,
    )
