"""Destinations, and notices on their way to them, in the state store.

A notice has a key, of which there is one at most: who makes it twice makes it once. It is held by
the one who sends it; after a kill another takes it over when that time is up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, func, or_, select, update

from causerie.errors import Conflict, NotFound
from causerie.mail import MailServer, mail_server
from causerie.notices import (
    DESTINATIONS_MAX,
    SEAL,
    Destination,
    Kind,
    Notice,
    Status,
    checked_destination,
    next_due,
)
from causerie.store.state import insert_into, transaction
from causerie.store.state_schema import destinations, mail_servers, notices, projects
from causerie.vault import Vault
from causerie.wording import say

HOLD = timedelta(minutes=2)
"""Longer than it takes to send anything."""
LOG_MAX = 100
KEPT = timedelta(days=180)
"""What was sent or failed is forgotten after that."""
decode = msgspec.json.Decoder(Destination).decode
encode = msgspec.json.Encoder().encode


class Notices:
    """Their SQL, on either engine. Safe in threads; every method is one transaction, and raises
    Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    # ---- destinations ------------------------------------------------------------------------

    def destinations(self, project: str) -> list[Destination]:
        """Where notices of a project may go, by name; what is secret is sealed."""
        query = select(destinations.c.document).where(destinations.c.project == project)
        with transaction(self._engine) as connection:
            found = [decode(text) for text in connection.execute(query).scalars()]
        return sorted(found, key=lambda one: (one.name.casefold(), one.id))

    def destination(self, project: str, id: str) -> Destination:
        """One of them, sealed. Raises NotFound."""
        with transaction(self._engine) as connection:
            return _destination(connection, project, id)

    def opened(self, destination: Destination) -> Destination:
        """The same with its secrets. Raises Conflict when they were sealed with another secret."""
        return msgspec.structs.replace(
            destination,
            address=self._open(destination.address),
            secret=self._open(destination.secret),
        )

    def put(self, destination: Destination, now: datetime) -> None:
        """Make or change one, its secrets open or sealed. Raises Invalid; Conflict when there are
        too many; NotFound for the project.
        """
        destination = self._sealed(destination)
        with transaction(self._engine) as connection:
            zone = _zone(connection, destination.project)
            others = select(func.count()).where(
                destinations.c.project == destination.project, destinations.c.id != destination.id
            )
            if (connection.execute(others).scalar() or 0) >= DESTINATIONS_MAX:
                raise Conflict(say("a project has at most %(most)s places", most=DESTINATIONS_MAX))
            values = {
                "document": encode(destination).decode(),
                "due_at": next_due(destination, now, zone),
            }
            put = insert_into(connection, destinations).values(
                project=destination.project, id=destination.id, created_at=now, **values
            )
            connection.execute(
                put.on_conflict_do_update(index_elements=["project", "id"], set_=values)
            )

    def remove(self, project: str, id: str) -> None:
        """Forget one; what waits for it is not sent. Raises NotFound."""
        with transaction(self._engine) as connection:
            _destination(connection, project, id)
            one = (destinations.c.project == project, destinations.c.id == id)
            connection.execute(destinations.delete().where(*one))
            waiting = (notices.c.project == project, notices.c.destination == id)
            connection.execute(
                update(notices)
                .where(*waiting, notices.c.status == Status.WAITING.value)
                .values(status=Status.FAILED.value, error="it was removed")
            )

    # ---- what is due -------------------------------------------------------------------------

    def announce(self, now: datetime) -> int:
        """Make the notices of what changed that are due, each once however many ask; how many."""
        query = select(destinations).where(destinations.c.due_at <= now)
        made = 0
        with transaction(self._engine) as connection:
            for row in connection.execute(query).all():
                one, zone = decode(row.document), _zone(connection, row.project)
                mine = (
                    destinations.c.project == row.project,
                    destinations.c.id == row.id,
                    destinations.c.due_at == row.due_at,
                )
                moved = update(destinations).where(*mine)
                if not connection.execute(moved.values(due_at=next_due(one, now, zone))).rowcount:
                    continue
                document = {"every": one.every, "due_at": row.due_at.isoformat()}
                key = f"digest {row.project} {row.id} {row.due_at.isoformat()}"
                made += add(connection, row.project, row.id, key, "digest", document, now)
        return made

    def add(
        self,
        project: str,
        destination: str,
        key: str,
        subject: str,
        document: Mapping[str, Any],
        now: datetime,
    ) -> bool:
        """Make a notice unless there is one of that key; whether it was made."""
        with transaction(self._engine) as connection:
            return add(connection, project, destination, key, subject, document, now)

    def hold(
        self,
        project: str,
        destination: str,
        key: str,
        subject: str,
        document: Mapping[str, Any],
        holder: str,
        now: datetime,
    ) -> Notice:
        """Make a notice that is held from the start: nobody else sends it. Raises Conflict when
        there is one of that key.
        """
        with transaction(self._engine) as connection:
            if not add(connection, project, destination, key, subject, document, now):
                raise Conflict(f"there is a notice {key!r}")
            mine = update(notices).where(notices.c.key == key)
            mine = mine.values(held_by=holder, held_until=now + HOLD).returning(notices)
            return _notice(connection.execute(mine).one())

    def take(self, holder: str, now: datetime, limit: int) -> list[Notice]:
        """Notices that are due, to be sent by that holder and nobody else for a while."""
        free = (
            notices.c.status == Status.WAITING.value,
            notices.c.due_at <= now,
            or_(notices.c.held_until.is_(None), notices.c.held_until < now),
        )
        first = select(notices.c.id).where(*free).order_by(notices.c.due_at).limit(limit)
        held = update(notices).where(notices.c.id.in_(first), *free)
        held = held.values(held_by=holder, held_until=now + HOLD).returning(notices)
        with transaction(self._engine) as connection:
            found = [_notice(row) for row in connection.execute(held)]
        return sorted(found, key=lambda notice: notice.id)

    def sent(self, notice: Notice, holder: str, now: datetime) -> None:
        """It has arrived."""
        values = {"status": Status.SENT.value, "sent_at": now, "error": ""}
        self._settle(notice, holder, values)

    def failed(self, notice: Notice, holder: str, error: str, again_at: datetime | None) -> None:
        """It has not; it is tried again then, or never. What else waits for that destination waits
        as long, so that a dead server takes no time from others.
        """
        if again_at is None:
            self._settle(notice, holder, {"status": Status.FAILED.value, "error": error})
            return
        self._settle(notice, holder, {"due_at": again_at, "error": error})
        others = (
            notices.c.project == notice.project,
            notices.c.destination == notice.destination,
            notices.c.status == Status.WAITING.value,
            notices.c.due_at < again_at,
            notices.c.held_by.is_(None),
        )
        with transaction(self._engine) as connection:
            connection.execute(update(notices).where(*others).values(due_at=again_at))

    def _settle(self, notice: Notice, holder: str, values: Mapping[str, Any]) -> None:
        mine = (notices.c.id == notice.id, notices.c.held_by == holder)
        free = {"held_by": None, "held_until": None, "attempts": notices.c.attempts + 1}
        with transaction(self._engine) as connection:
            connection.execute(update(notices).where(*mine).values(**free, **values))

    def log(self, project: str, limit: int = LOG_MAX) -> list[Notice]:
        """What was sent, waits, or failed, the latest first."""
        query = select(notices).where(notices.c.project == project)
        with transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(notices.c.id.desc()).limit(limit))
            return [_notice(row) for row in rows]

    def one(self, project: str, key: str) -> Notice | None:
        """The notice of a key."""
        query = select(notices).where(notices.c.project == project, notices.c.key == key)
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else _notice(row)

    def sweep(self, now: datetime) -> None:
        """Forget what is long over."""
        over = (notices.c.status != Status.WAITING.value, notices.c.created_at < now - KEPT)
        with transaction(self._engine) as connection:
            connection.execute(notices.delete().where(*over))

    # ---- the server of mails -----------------------------------------------------------------

    def mail_server(self, project: str) -> MailServer | None:
        """A project's own server; None where it has none. Raises Conflict for another secret."""
        row = self._mail_row(project)
        return None if row is None else mail_server(self._open(row.address), row.sender)

    def mail_sender(self, project: str) -> str:
        """Whom mails by a project's own server are from; empty where it has none."""
        row = self._mail_row(project)
        return "" if row is None else str(row.sender)

    def _mail_row(self, project: str) -> Row[Any] | None:
        query = select(mail_servers).where(mail_servers.c.project == project)
        with transaction(self._engine) as connection:
            return connection.execute(query).first()

    def put_mail_server(self, project: str, address: str, sender: str) -> None:
        """Have a project's mails go by a server of its own; by none for an empty address. Raises
        Invalid, NotFound for the project.
        """
        with transaction(self._engine) as connection:
            _zone(connection, project)
            if not address:
                of = mail_servers.c.project == project
                connection.execute(mail_servers.delete().where(of))
                return
            mail_server(address, sender)
            values = {"address": SEAL + self._vault.encrypt(address), "sender": sender}
            put = insert_into(connection, mail_servers).values(project=project, **values)
            connection.execute(put.on_conflict_do_update(index_elements=["project"], set_=values))

    # ---- secrets -----------------------------------------------------------------------------

    def _sealed(self, destination: Destination) -> Destination:
        checked = checked_destination(destination)
        if checked.kind is Kind.EMAIL:
            return msgspec.structs.replace(checked, secret="")
        return msgspec.structs.replace(
            checked, address=self._seal(checked.address), secret=self._seal(checked.secret)
        )

    def _seal(self, text: str) -> str:
        return text if not text or text.startswith(SEAL) else SEAL + self._vault.encrypt(text)

    def _open(self, text: str) -> str:
        return self._vault.decrypt(text.removeprefix(SEAL)) if text.startswith(SEAL) else text


def add(
    connection: Connection,
    project: str,
    destination: str,
    key: str,
    subject: str,
    document: Mapping[str, Any],
    now: datetime,
) -> bool:
    """The same within a transaction."""
    made = insert_into(connection, notices).values(
        project=project,
        destination=destination,
        key=key,
        subject=subject,
        document=encode(document).decode(),
        status=Status.WAITING.value,
        attempts=0,
        due_at=now,
        error="",
        created_at=now,
    )
    made = made.on_conflict_do_nothing(index_elements=["key"])
    return connection.execute(made.returning(notices.c.id)).first() is not None


def add_all(
    connection: Connection,
    project: str,
    to: Iterable[str],
    key: str,
    subject: str,
    document: Mapping[str, Any],
    now: datetime,
) -> Sequence[str]:
    """A notice for each destination that there is; which those are."""
    query = select(destinations.c.id).where(destinations.c.project == project)
    there = set(connection.execute(query).scalars())
    told = [id for id in dict.fromkeys(to) if id in there]
    for id in told:
        add(connection, project, id, f"{key} {id}", subject, document, now)
    return told


def _destination(connection: Connection, project: str, id: str) -> Destination:
    query = select(destinations.c.document).where(
        destinations.c.project == project, destinations.c.id == id
    )
    document = connection.execute(query).scalar()
    if document is None:
        raise NotFound(f"no destination {id[:100]!r}", field="destination")
    return decode(document)


def _zone(connection: Connection, project: str) -> str:
    zone = connection.execute(select(projects.c.zone).where(projects.c.id == project)).scalar()
    if zone is None:
        raise NotFound(f"no project {project[:100]!r}")
    return str(zone)


def _notice(row: Row[Any]) -> Notice:
    values = {name: getattr(row, name) for name in Notice.__struct_fields__}
    values["document"] = msgspec.json.decode(row.document)
    return Notice(**{**values, "status": Status(row.status)})
