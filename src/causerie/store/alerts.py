"""Alerts, what they remember, and what they fired for, in the state store.

A judgement is kept together with the notices that follow from it, if nobody else has judged the
same periods meanwhile: so nothing that fired is lost, and nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, func, select, update

from causerie.alert_rules import Standing
from causerie.alerts import ALERTS_MAX, Alert, Firing, checked_alert
from causerie.errors import Conflict, NotFound
from causerie.store.notices import add_all
from causerie.store.state import insert_into, insert_new, transaction
from causerie.store.state_schema import alerts, firings
from causerie.wording import say

LOG_MAX = 100
SUBJECT = "alert"
decode = msgspec.json.Decoder(Alert).decode
decode_standing = msgspec.json.Decoder(Standing).decode
decode_firing = msgspec.json.Decoder(Firing).decode
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Watched:
    """An alert with where it stands."""

    alert: Alert
    standing: Standing
    judged_to: datetime
    """Periods that begin before have been judged."""
    trouble: str = ""
    """Why it cannot be judged, in words; empty where it can."""


class Alerts:
    """Safe in threads; every method is one transaction, and raises Unavailable when the store
    cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, project: str | None = None) -> list[Watched]:
        """Every alert, or those of a project, by name."""
        query = select(alerts)
        if project is not None:
            query = query.where(alerts.c.project == project)
        with transaction(self._engine) as connection:
            found = [_watched(row) for row in connection.execute(query)]
        return sorted(found, key=lambda one: (one.alert.name.casefold(), one.alert.id))

    def get(self, project: str, id: str) -> Watched:
        """One of them. Raises NotFound."""
        with transaction(self._engine) as connection:
            row = connection.execute(select(alerts).where(*_one(project, id))).first()
        if row is None:
            raise NotFound(f"no alert {id[:100]!r}", field="alert")
        return _watched(row)

    def put(self, alert: Alert, since: datetime, now: datetime) -> None:
        """Make or change one: it is judged anew from the period on that begins at `since`. Raises
        Invalid, and Conflict when there are too many.
        """
        alert = checked_alert(alert)
        with transaction(self._engine) as connection:
            others = select(func.count()).where(
                alerts.c.project == alert.project, alerts.c.id != alert.id
            )
            if (connection.execute(others).scalar() or 0) >= ALERTS_MAX:
                raise Conflict(say("a project has at most %(most)s alerts", most=ALERTS_MAX))
            values = {
                "document": encode(alert).decode(),
                "standing": encode(Standing()).decode(),
                "judged_to": since,
                "trouble": "",
            }
            put = insert_into(connection, alerts).values(
                project=alert.project, id=alert.id, created_at=now, **values
            )
            connection.execute(
                put.on_conflict_do_update(index_elements=["project", "id"], set_=values)
            )

    def change(self, alert: Alert) -> None:
        """Keep what does not touch how it is judged: muted, snoozed. Raises NotFound."""
        values = {"document": encode(alert).decode()}
        with transaction(self._engine) as connection:
            changed = update(alerts).where(*_one(alert.project, alert.id)).values(**values)
            if not connection.execute(changed).rowcount:
                raise NotFound("no such alert", field="alert")

    def remove(self, project: str, id: str) -> None:
        """Forget one with what it fired for. Raises NotFound."""
        with transaction(self._engine) as connection:
            if not connection.execute(alerts.delete().where(*_one(project, id))).rowcount:
                raise NotFound(f"no alert {id[:100]!r}", field="alert")
            of = (firings.c.project == project, firings.c.alert == id)
            connection.execute(firings.delete().where(*of))

    # ---- judging -----------------------------------------------------------------------------

    def keep(
        self,
        before: Watched,
        judged_to: datetime,
        standing: Standing,
        fired: Sequence[Firing],
        now: datetime,
    ) -> bool:
        """Keep a judgement and make the notices of what fired, all or nothing; whether it was kept:
        not when another judged meanwhile, or the alert was changed or removed.
        """
        alert = before.alert
        values = {"standing": encode(standing).decode(), "judged_to": judged_to, "trouble": ""}
        mine = (
            *_one(alert.project, alert.id),
            alerts.c.judged_to == before.judged_to,
            alerts.c.document == encode(alert).decode(),
        )
        with transaction(self._engine) as connection:
            if not connection.execute(update(alerts).where(*mine).values(**values)).rowcount:
                return False
            for firing in fired:
                self._fire(connection, alert, firing, now)
        return True

    def _fire(self, connection: Connection, alert: Alert, firing: Firing, now: datetime) -> None:
        key = f"alert {alert.project} {alert.id} {firing.start.isoformat()}"
        told: Sequence[str] = ()
        row = {"project": alert.project, "alert": alert.id, "start": firing.start, "fired_at": now}
        first = insert_new(
            connection,
            firings,
            {**row, "document": encode(firing).decode(), "acknowledged_by": ""},
        )
        if first and alert.tells(now):
            document = {"alert": alert.id, "start": firing.start.isoformat()}
            told = add_all(
                connection, alert.project, alert.destinations, key, SUBJECT, document, now
            )
        if first:
            whole = msgspec.structs.replace(firing, fired_at=now, told=tuple(told))
            one = (
                firings.c.project == alert.project,
                firings.c.alert == alert.id,
                firings.c.start == firing.start,
            )
            document_text = encode(whole).decode()
            connection.execute(update(firings).where(*one).values(document=document_text))

    def trouble(self, before: Watched, words: str) -> None:
        """Say why an alert cannot be judged."""
        if before.trouble != words:
            one = _one(before.alert.project, before.alert.id)
            with transaction(self._engine) as connection:
                connection.execute(update(alerts).where(*one).values(trouble=words))

    # ---- the log -----------------------------------------------------------------------------

    def fired(self, project: str, alert: str = "", limit: int = LOG_MAX) -> list[Firing]:
        """What the alerts of a project fired for, or one of them, the latest first."""
        query = select(firings).where(firings.c.project == project)
        if alert:
            query = query.where(firings.c.alert == alert)
        query = query.order_by(firings.c.fired_at.desc(), firings.c.start.desc()).limit(limit)
        with transaction(self._engine) as connection:
            return [_firing(row) for row in connection.execute(query)]

    def firing(self, project: str, alert: str, start: datetime) -> Firing:
        """One of them. Raises NotFound."""
        query = select(firings).where(
            firings.c.project == project, firings.c.alert == alert, firings.c.start == start
        )
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound("no such firing", field="start")
        return _firing(row)

    def acknowledge(
        self, project: str, alert: str, start: datetime, by: str, now: datetime
    ) -> None:
        """Somebody has seen to it; the first one counts. Raises NotFound."""
        self.firing(project, alert, start)
        one = (
            firings.c.project == project,
            firings.c.alert == alert,
            firings.c.start == start,
            firings.c.acknowledged_by == "",
        )
        values = {"acknowledged_by": by, "acknowledged_at": now}
        with transaction(self._engine) as connection:
            connection.execute(update(firings).where(*one).values(**values))


def _one(project: str, id: str) -> tuple[Any, Any]:
    return alerts.c.project == project, alerts.c.id == id


def _watched(row: Row[Any]) -> Watched:
    standing = decode_standing(row.standing)
    return Watched(decode(row.document), standing, row.judged_to, row.trouble)


def _firing(row: Row[Any]) -> Firing:
    return msgspec.structs.replace(
        decode_firing(row.document),
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
    )
