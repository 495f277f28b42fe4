"""Accounts in the state store: projects, keys, members, sessions and one-time links.

Of every token only the hash is kept. What must hold while several people act at once (one last
owner, a link used once) is held by the database: a conditional update whose rows are counted, or
a write that makes the others of the same project wait.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, Row, Table, delete, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError, TimeoutError

from causerie.accounts import (
    Key,
    KeyKind,
    Link,
    Member,
    Membership,
    Project,
    Role,
    check_project_id,
    hash_token,
    new_id,
    new_secret,
    new_token,
    normal_email,
    normal_name,
    project_ids,
)
from causerie.errors import Conflict, Invalid, NotFound, Unavailable
from causerie.store.state_schema import (
    keys,
    members,
    memberships,
    projects,
    sessions,
    sign_in_links,
)

SALT_BYTES = 16
HINT_CHARS = 4
SESSION_LIFETIME = timedelta(days=30)
LAST_OWNER = "a project keeps at least one owner"
Noun = TypeVar("Noun", Project, Key, Link, Membership)


class Accounts:
    """The accounts' SQL, on either engine. Safe in threads; every method is one transaction.

    Projects and members are named by their ids. Every method raises Unavailable when the store
    cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
        self._insert: Callable[[Table], sqlite.Insert | postgresql.Insert] = dialect.insert

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (OperationalError, TimeoutError) as error:
            raise Unavailable(f"the state store cannot be reached: {error}") from error

    def _add(self, connection: Connection, table: Table, row: dict[str, Any]) -> bool:
        """Insert a row unless there is one of its key; whether it was inserted."""
        added = self._insert(table).values(**row).on_conflict_do_nothing()
        # The rows of an insert are not counted on PostgreSQL, so they are asked back.
        return connection.execute(added.returning(*table.primary_key)).first() is not None

    # ---- projects ----------------------------------------------------------------------------

    def create_project(
        self, name: str, now: datetime, id: str | None = None, owner: str | None = None
    ) -> Project:
        """A new project, of that member if given; its id is made of the name unless given.
        Raises Invalid, Conflict.
        """
        name = normal_name(name)
        if id is not None:
            check_project_id(id)
        salt = secrets.token_bytes(SALT_BYTES)
        with self._transaction() as connection:
            for candidate in [id] if id else project_ids(name):
                project = Project(id=candidate, name=name, created_at=now, salt=salt)
                if self._add(connection, projects, msgspec.structs.asdict(project)):
                    if owner is not None:
                        self._join(connection, project.id, owner, Role.OWNER)
                    return project
        raise Conflict(f"there is a project {id} already", field="id")

    def project(self, project: str) -> Project | None:
        """The project of that id."""
        with self._transaction() as connection:
            row = connection.execute(select(projects).where(projects.c.id == project)).first()
        return None if row is None else _read(row, Project)

    def projects(self) -> list[Project]:
        """Every project, by name."""
        with self._transaction() as connection:
            rows = connection.execute(select(projects).order_by(projects.c.name, projects.c.id))
            return [_read(row, Project) for row in rows]

    def rename_project(self, project: str, name: str) -> None:
        """Another name; the id stays. Raises Invalid, NotFound."""
        self._change_project(project, name=normal_name(name))

    def set_masking(self, project: str, on: bool) -> None:
        """Whether personal data is masked before it is kept. Raises NotFound."""
        self._change_project(project, masks_personal_data=on)

    def _change_project(self, project: str, **values: object) -> None:
        with self._transaction() as connection:
            change = update(projects).where(projects.c.id == project).values(**values)
            if connection.execute(change).rowcount == 0:
                raise _no_project(project)

    # ---- keys --------------------------------------------------------------------------------

    def create_key(self, project: str, kind: KeyKind, name: str, now: datetime) -> tuple[Key, str]:
        """A new key and its token, which is kept nowhere. Raises Invalid, NotFound."""
        token = new_token(kind)
        key = Key(
            id=new_id("key"),
            project=project,
            kind=kind,
            name=normal_name(name),
            hint=token[-HINT_CHARS:],
            created_at=now,
        )
        row = {name: getattr(key, name) for name in ("id", "project", "name", "hint", "created_at")}
        with self._transaction() as connection:
            _hold(connection, project)
            connection.execute(insert(keys).values(**row, kind=kind.value, hash=hash_token(token)))
        return key, token

    def keys(self, project: str) -> list[Key]:
        """Keys of a project, newest first, revoked ones too."""
        query = select(keys).where(keys.c.project == project)
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(keys.c.created_at.desc(), keys.c.id))
            return [_read(row, Key) for row in rows]

    def revoke_key(self, project: str, key_id: str, now: datetime) -> None:
        """Refuse the key from now on; its row stays. Raises NotFound if not of this project."""
        first = func.coalesce(keys.c.revoked_at, literal(now, keys.c.revoked_at.type))
        change = update(keys).where(keys.c.project == project, keys.c.id == key_id)
        with self._transaction() as connection:
            if connection.execute(change.values(revoked_at=first)).rowcount == 0:
                raise NotFound("there is no such key in this project")

    def key_by_hash(self, hash: bytes) -> Key | None:
        """The key of that hash, revoked or not."""
        with self._transaction() as connection:
            row = connection.execute(select(keys).where(keys.c.hash == hash)).first()
        return None if row is None else _read(row, Key)

    def touch_keys(self, ids: Collection[str], now: datetime) -> None:
        """Note that these keys were used."""
        if ids:
            change = update(keys).where(keys.c.id.in_(sorted(ids))).values(last_used_at=now)
            with self._transaction() as connection:
                connection.execute(change)

    # ---- members -----------------------------------------------------------------------------

    def has_members(self) -> bool:
        """Whether anybody can sign in yet."""
        with self._transaction() as connection:
            return connection.execute(select(members.c.id).limit(1)).first() is not None

    def member_by_email(self, email: str) -> Member | None:
        """The member of that e-mail, in whatever case it is written."""
        return None if (found := self.credentials(email)) is None else found[0]

    def credentials(self, email: str) -> tuple[Member, str | None] | None:
        """The member of that e-mail with the hash of the password, None before one is set."""
        try:
            named = members.c.email == normal_email(email)
        except Invalid:
            return None
        with self._transaction() as connection:
            row = connection.execute(select(members).where(named)).first()
        return None if row is None else (_member(row), row.password_hash)

    def create_member(self, email: str, now: datetime) -> Member:
        """A member who has no password yet. Raises Invalid, Conflict when there is one."""
        email = normal_email(email)
        with self._transaction() as connection:
            if not self._add(connection, members, _fresh_member(email, now)):
                raise Conflict(f"{email} is a member already", field="email")
            return _member(_member_row(connection, email))

    def set_password(self, member: str, password_hash: str) -> None:
        """A new password, which ends every session of the member. Raises NotFound."""
        with self._transaction() as connection:
            _set_password(connection, member, password_hash)

    # ---- memberships -------------------------------------------------------------------------

    def memberships(self, project: str) -> list[Membership]:
        """Who is in a project, by e-mail."""
        query = (
            select(memberships, members.c.email)
            .join(members, members.c.id == memberships.c.member)
            .where(memberships.c.project == project)
            .order_by(members.c.email)
        )
        with self._transaction() as connection:
            return [_read(row, Membership) for row in connection.execute(query)]

    def memberships_of(self, member: str) -> list[tuple[Project, Role]]:
        """The projects a member is in, by name."""
        query = (
            select(projects, memberships.c.role)
            .join(memberships, memberships.c.project == projects.c.id)
            .where(memberships.c.member == member)
            .order_by(projects.c.name, projects.c.id)
        )
        with self._transaction() as connection:
            return [(_read(row, Project), Role(row.role)) for row in connection.execute(query)]

    def join(self, project: str, member: str, role: Role) -> None:
        """Put a member into a project; whoever is in it keeps the greater role. Raises NotFound."""
        with self._transaction() as connection:
            _hold(connection, project)
            self._join(connection, project, member, role)

    def _join(self, connection: Connection, project: str, member: str, role: Role) -> None:
        row = {"project": project, "member": member, "role": role.value}
        if self._add(connection, memberships, row):
            return
        if not _role(connection, project, member).covers(role):
            connection.execute(
                update(memberships).where(*_of(project, member)).values(role=role.value)
            )

    def set_role(self, project: str, member: str, role: Role) -> None:
        """Another role. Raises NotFound, Conflict for the last owner."""
        with self._transaction() as connection:
            _hold(connection, project)
            if role is not Role.OWNER:
                _refuse_last_owner(connection, project, member)
            change = update(memberships).where(*_of(project, member)).values(role=role.value)
            if connection.execute(change).rowcount == 0:
                raise _no_member()

    def remove_member(self, project: str, member: str, now: datetime) -> None:
        """Out of the project, its invitations too. Raises NotFound, Conflict for the last owner."""
        with self._transaction() as connection:
            _hold(connection, project)
            _refuse_last_owner(connection, project, member)
            connection.execute(delete(memberships).where(*_of(project, member)))
            email = select(members.c.email).where(members.c.id == member).scalar_subquery()
            _end_links(connection, email, project, now)

    # ---- sessions ----------------------------------------------------------------------------

    def create_session(self, member: str, now: datetime) -> tuple[str, str]:
        """A session's token and the secret of its forms; it ends after `SESSION_LIFETIME`."""
        token, csrf = new_secret(), new_secret()
        row = {"member": member, "csrf": csrf, "expires_at": now + SESSION_LIFETIME}
        with self._transaction() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
            connection.execute(insert(sessions).values(hash=hash_token(token), **row))
        return token, csrf

    def session(self, hash: bytes, now: datetime) -> tuple[Member, str] | None:
        """Who signed in, and the secret of their forms; None when unknown or over."""
        query = (
            select(members, sessions.c.csrf)
            .join(sessions, sessions.c.member == members.c.id)
            .where(sessions.c.hash == hash, sessions.c.expires_at > now)
        )
        with self._transaction() as connection:
            row = connection.execute(query).first()
        return None if row is None else (_member(row), row.csrf)

    def end_session(self, hash: bytes) -> None:
        """Sign out here."""
        with self._transaction() as connection:
            connection.execute(delete(sessions).where(sessions.c.hash == hash))

    def end_sessions_of(self, member: str) -> None:
        """Sign out everywhere."""
        with self._transaction() as connection:
            connection.execute(delete(sessions).where(sessions.c.member == member))

    # ---- one-time links ----------------------------------------------------------------------

    def create_link(
        self, email: str, project: str | None, role: Role, now: datetime, ttl: timedelta
    ) -> str:
        """The token of a link. An earlier one for the same e-mail and project stops working."""
        token, email = new_secret(), normal_email(email) if email else ""
        row = {"email": email, "project": project, "role": role.value, "expires_at": now + ttl}
        with self._transaction() as connection:
            if project is not None:
                _hold(connection, project)
            _end_links(connection, email, project, now)
            connection.execute(insert(sign_in_links).values(hash=hash_token(token), **row))
        return token

    def link(self, hash: bytes, now: datetime) -> Link | None:
        """What an open link is for, without using it up."""
        query = select(sign_in_links).where(sign_in_links.c.hash == hash, *_open(now))
        with self._transaction() as connection:
            row = connection.execute(query).first()
        return None if row is None else _read(row, Link)

    def invitations(self, project: str, now: datetime) -> list[Link]:
        """Open links into a project that name an e-mail."""
        open_here = (sign_in_links.c.project == project, sign_in_links.c.email != "", *_open(now))
        query = select(sign_in_links).where(*open_here).order_by(sign_in_links.c.email)
        with self._transaction() as connection:
            return [_read(row, Link) for row in connection.execute(query)]

    def withdraw(self, project: str, email: str, now: datetime) -> None:
        """Open invitations of that e-mail into the project stop working."""
        with self._transaction() as connection:
            _end_links(connection, email, project, now)

    def use_link(
        self, hash: bytes, now: datetime, *, email: str = "", password_hash: str | None = None
    ) -> Member | None:
        """Use a link up and do what it is for, or None when it is unknown, used or expired.

        `email` counts where the link names none. No `password_hash` says that the caller has
        proved to be that member. Raises Invalid, and Conflict when a member with a password
        would get another by an invitation, or one without would stay without; the link then
        stays open.
        """
        link = self.link(hash, now)
        if link is None:
            return None
        with self._transaction() as connection:
            if link.project is not None:
                # Always before its links, or two people would wait for each other.
                _hold(connection, link.project)
            same = update(sign_in_links).where(sign_in_links.c.hash == hash, *_open(now))
            if connection.execute(same.values(used_at=now)).rowcount == 0:
                return None
            return self._grant(connection, link, now, email, password_hash)

    def _grant(
        self,
        connection: Connection,
        link: Link,
        now: datetime,
        email: str,
        password_hash: str | None,
    ) -> Member:
        email = link.email or normal_email(email)
        self._add(connection, members, _fresh_member(email, now))
        row = _member_row(connection, email)
        if password_hash is None and row.password_hash is None:
            raise Conflict("there is no such member", field="email")
        if password_hash is not None:
            if row.password_hash is not None and link.project is not None:
                raise Conflict("there is such a member: sign in with the password", field="email")
            _set_password(connection, row.id, password_hash)
        if link.project is not None:
            self._join(connection, link.project, row.id, link.role)
        if not link.email:
            # A first-start link is printed into logs: once somebody is in, none opens a door.
            _end_links(connection, "", link.project, now)
        return _member(_member_row(connection, email))


def _hold(connection: Connection, project: str) -> None:
    """Let the others who change this project wait until the end of the transaction.

    A write that changes nothing does it on both engines: PostgreSQL locks the row, SQLite the
    file. Raises NotFound.
    """
    same = update(projects).where(projects.c.id == project).values(name=projects.c.name)
    if connection.execute(same).rowcount == 0:
        raise _no_project(project)


def _of(project: str, member: str) -> tuple[Any, Any]:
    return memberships.c.project == project, memberships.c.member == member


def _role(connection: Connection, project: str, member: str) -> Role:
    role = connection.execute(select(memberships.c.role).where(*_of(project, member))).scalar()
    if role is None:
        raise _no_member()
    return Role(role)


def _refuse_last_owner(connection: Connection, project: str, member: str) -> None:
    owner = (memberships.c.project == project, memberships.c.role == Role.OWNER.value)
    owners = connection.execute(select(func.count()).where(*owner)).scalar_one()
    if _role(connection, project, member) is Role.OWNER and owners == 1:
        raise Conflict(LAST_OWNER)


def _fresh_member(email: str, now: datetime) -> dict[str, Any]:
    return {"id": new_id("mem"), "email": email, "created_at": now}


def _member_row(connection: Connection, email: str) -> Row[Any]:
    return connection.execute(select(members).where(members.c.email == email)).one()


def _set_password(connection: Connection, member: str, password_hash: str) -> None:
    change = update(members).where(members.c.id == member).values(password_hash=password_hash)
    if connection.execute(change).rowcount == 0:
        raise _no_member()
    connection.execute(delete(sessions).where(sessions.c.member == member))


def _open(now: datetime) -> tuple[Any, Any]:
    return sign_in_links.c.used_at.is_(None), sign_in_links.c.expires_at > now


def _end_links(connection: Connection, email: Any, project: str | None, now: datetime) -> None:
    same = (sign_in_links.c.email == email, sign_in_links.c.project.is_not_distinct_from(project))
    open_ones = update(sign_in_links).where(*same, sign_in_links.c.used_at.is_(None))
    connection.execute(open_ones.values(used_at=now))


def _read(row: Row[Any], noun: type[Noun]) -> Noun:
    return msgspec.convert(row._mapping, noun)


def _member(row: Row[Any]) -> Member:
    return Member(
        id=row.id,
        email=row.email,
        created_at=row.created_at,
        has_password=row.password_hash is not None,
    )


def _no_project(project: str) -> NotFound:
    return NotFound(f"there is no project {project}")


def _no_member() -> NotFound:
    return NotFound("there is no such member here")
