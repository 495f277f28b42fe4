"""Removals in the state store: what is to be removed, how far that is, and the proofs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Engine, Row, insert, select, update

from causerie.accounts import new_id
from causerie.errors import NotFound
from causerie.removals import Check, Proof, Removal, Scope, Stage, Target
from causerie.store.privacy_schema import removals
from causerie.store.state import transaction
from causerie.vault import Vault

LISTED_MAX = 200


class Removals:
    """Safe in threads; every method is one transaction, and raises Unavailable when the store
    cannot be reached. Targets are encrypted by the vault while they are kept.
    """

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def ask(
        self, project: str, target: Target, subject: str, asked_by: str, now: datetime
    ) -> Removal:
        """Ask for a removal. The same, asked for again before it has begun, is the same one."""
        fresh = Removal(
            id=new_id("rem"),
            project=project,
            scope=target.scope,
            subject=subject,
            asked_by=asked_by,
            asked_at=now,
            target=target,
            before=target.before,
        )
        row = {**_row(fresh), "target": self._encrypted(target)}
        same = (removals.c.project == project, removals.c.subject == subject)
        waits = (removals.c.stage == Stage.HIDE.value, removals.c.versions == "[]")
        with transaction(self._engine) as connection:
            found = connection.execute(select(removals).where(*same, *waits)).first()
            if found is not None:
                return self._read(found)
            connection.execute(insert(removals).values(**row))
        return fresh

    def save(self, removal: Removal) -> None:
        """Keep how far it is. What is done has no target any more."""
        values = _row(removal)
        if removal.target is None:
            values["target"] = None
        change = update(removals).where(removals.c.id == removal.id)
        with transaction(self._engine) as connection:
            connection.execute(change.values(**values))

    def open(self) -> list[Removal]:
        """Those that are not done, the oldest first."""
        query = select(removals).where(removals.c.stage != Stage.DONE.value)
        query = query.order_by(removals.c.asked_at, removals.c.id)
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return [self._read(row) for row in rows]

    def get(self, project: str, id: str) -> Removal:
        """One of a project. Raises NotFound."""
        query = select(removals).where(removals.c.project == project, removals.c.id == id)
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"no removal {id[:100]!r}", field="id")
        return self._read(row)

    def list(self, project: str, subject: str = "", limit: int = LISTED_MAX) -> list[Removal]:
        """Of a project, the latest first; with a subject those of it alone."""
        query = select(removals).where(removals.c.project == project)
        if subject:
            query = query.where(removals.c.subject == subject)
        query = query.order_by(removals.c.asked_at.desc(), removals.c.id).limit(limit)
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return [self._read(row) for row in rows]

    def _encrypted(self, target: Target) -> str:
        return self._vault.encrypt(msgspec.json.encode(target).decode())

    def _read(self, row: Row[Any]) -> Removal:
        target = None
        if row.target is not None:
            target = msgspec.json.decode(self._vault.decrypt(row.target), type=Target)
        return Removal(
            id=row.id,
            project=row.project,
            scope=Scope(row.scope),
            subject=row.subject,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            target=target,
            before=row.before,
            stage=Stage(row.stage),
            versions=msgspec.json.decode(row.versions, type=tuple[int, ...]),
            rounds=row.rounds,
            removed=msgspec.json.decode(row.removed, type=dict[str, int]),
            checked=msgspec.json.decode(row.checked, type=tuple[Check, ...]),
            done_at=row.done_at,
            proof=None if row.proof is None else msgspec.json.decode(row.proof, type=Proof),
            trouble=row.trouble,
        )


def _row(removal: Removal) -> dict[str, Any]:
    """All but the target, which is written once."""
    return {
        "id": removal.id,
        "project": removal.project,
        "scope": removal.scope.value,
        "subject": removal.subject,
        "asked_by": removal.asked_by,
        "asked_at": removal.asked_at,
        "before": removal.before,
        "stage": removal.stage.value,
        "versions": _json(removal.versions),
        "rounds": removal.rounds,
        "removed": _json(removal.removed),
        "checked": _json(removal.checked),
        "done_at": removal.done_at,
        "proof": None if removal.proof is None else _json(removal.proof),
        "trouble": removal.trouble,
    }


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
