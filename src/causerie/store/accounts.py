"""Accounts in the state store: projects, keys, members and their roles.

Of every token only the hash is kept. What must hold while several people act at once (one last
owner) is held by the database: a conditional update whose rows are counted, or a write that makes
the others of the same project wait.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, func, insert, literal, select, update

from causerie.accounts import (
    AUDIT_DAYS_MAX,
    NO_LIMITS,
    RETENTION_DAYS_MAX,
    TOPIC_USERS_MIN_MAX,
    Allowance,
    Key,
    KeyKind,
    Member,
    Membership,
    Project,
    Role,
    check_allowance,
    check_project_id,
    hash_token,
    new_id,
    new_token,
    normal_email,
    normal_name,
    project_ids,
)
from causerie.conversations import TENANT_CHARS_MAX
from causerie.errors import Conflict, Invalid, NotFound
from causerie.masking import DEFAULT_MASKING, Masking, check_masking
from causerie.privacy import ALL_KINDS
from causerie.store.state import insert_new, transaction
from causerie.store.state_schema import (
    keys,
    members,
    memberships,
    projects,
    sign_in_links,
)
from causerie.wording import say
from causerie.zones import check_zone

SALT_BYTES = 16
HINT_CHARS = 4
LAST_OWNER = "a project keeps at least one owner"


class Accounts:
    """The accounts' SQL, on either engine. Safe in threads; every method is one transaction.

    Projects and members are named by their ids. Every method raises Unavailable when the store
    cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self._engine)

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
                row = msgspec.structs.asdict(project) | {"masking": None}
                if insert_new(connection, projects, row):
                    if owner is not None:
                        join(connection, project.id, owner, Role.OWNER)
                    return project
        raise Conflict(say("there is a project %(id)s already", id=id), field="id")

    def project(self, project: str) -> Project | None:
        """The project of that id."""
        with self._transaction() as connection:
            row = connection.execute(select(projects).where(projects.c.id == project)).first()
        return None if row is None else _project(row)

    def projects(self) -> list[Project]:
        """Every project, by name."""
        with self._transaction() as connection:
            rows = connection.execute(select(projects).order_by(projects.c.name, projects.c.id))
            return [_project(row) for row in rows]

    def rename_project(self, project: str, name: str) -> None:
        """Another name; the id stays. Raises Invalid, NotFound."""
        self._change_project(project, name=normal_name(name))

    def set_masking(self, project: str, on: bool) -> None:
        """Whether personal data is masked before it is kept. Raises NotFound."""
        self._change_project(project, masks_personal_data=on)

    def set_rules(self, project: str, masking: Masking) -> None:
        """What counts as personal data from now on. Raises Invalid, NotFound."""
        check_masking(masking, ALL_KINDS)
        kept = None if masking == DEFAULT_MASKING else msgspec.json.encode(masking).decode()
        self._change_project(project, masking=kept)

    def set_zone(self, project: str, zone: str) -> None:
        """Whose days, weeks and months reports tell from now on. Raises Invalid, NotFound."""
        self._change_project(project, zone=check_zone(zone))

    def set_retention(self, project: str, days: int | None) -> None:
        """How long transcripts are kept; None means for ever. Raises Invalid, NotFound."""
        if days is not None and not 1 <= days <= RETENTION_DAYS_MAX:
            raise Invalid(f"days: 1 to {RETENTION_DAYS_MAX}", field="retention_days")
        self._change_project(project, retention_days=days)

    def set_topic_users_min(self, project: str, users: int) -> None:
        """How many users a suggested topic needs to be named. Raises Invalid, NotFound."""
        if not 1 <= users <= TOPIC_USERS_MIN_MAX:
            raise Invalid(f"users: 1 to {TOPIC_USERS_MIN_MAX}", field="topic_users_min")
        self._change_project(project, topic_users_min=users)

    def set_audit_days(self, project: str, days: int) -> None:
        """How long it is known who has read what. Raises Invalid, NotFound."""
        if not 1 <= days <= AUDIT_DAYS_MAX:
            raise Invalid(f"days: 1 to {AUDIT_DAYS_MAX}", field="audit_days")
        self._change_project(project, audit_days=days)

    def _change_project(self, project: str, **values: object) -> None:
        with self._transaction() as connection:
            change = update(projects).where(projects.c.id == project).values(**values)
            if connection.execute(change).rowcount == 0:
                raise _no_project(project)

    # ---- keys --------------------------------------------------------------------------------

    def create_key(
        self,
        project: str,
        kind: KeyKind,
        name: str,
        now: datetime,
        allowance: Allowance = NO_LIMITS,
        tenant: str | None = None,
    ) -> tuple[Key, str]:
        """A new key and its token, which is kept nowhere; a read key may be for one tenant. Raises
        Invalid, NotFound.
        """
        if tenant is not None and (kind is not KeyKind.READ or len(tenant) > TENANT_CHARS_MAX):
            raise Invalid(say("only a read key is for one tenant"), field="tenant")
        token = new_token(kind)
        key = Key(
            id=new_id("key"),
            project=project,
            kind=kind,
            name=normal_name(name),
            hint=token[-HINT_CHARS:],
            created_at=now,
            allowance=check_allowance(allowance),
            tenant=tenant,
        )
        plain = ("id", "project", "name", "hint", "created_at", "tenant")
        row = {name: getattr(key, name) for name in plain}
        row |= {"kind": kind.value, "hash": hash_token(token), "allowance": _document(allowance)}
        with self._transaction() as connection:
            hold(connection, project)
            connection.execute(insert(keys).values(**row))
        return key, token

    def keys(self, project: str) -> list[Key]:
        """Keys of a project, newest first, revoked ones too."""
        query = select(keys).where(keys.c.project == project)
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(keys.c.created_at.desc(), keys.c.id))
            return [_key(row) for row in rows]

    def set_allowance(self, project: str, key_id: str, allowance: Allowance) -> None:
        """Other limits, from the next call on. Raises Invalid, NotFound if not of this project."""
        document = _document(check_allowance(allowance))
        change = update(keys).where(keys.c.project == project, keys.c.id == key_id)
        with self._transaction() as connection:
            if connection.execute(change.values(allowance=document)).rowcount == 0:
                raise _no_key()

    def revoke_key(self, project: str, key_id: str, now: datetime) -> None:
        """Refuse the key from now on; its row stays. Raises NotFound if not of this project."""
        first = func.coalesce(keys.c.revoked_at, literal(now, keys.c.revoked_at.type))
        change = update(keys).where(keys.c.project == project, keys.c.id == key_id)
        with self._transaction() as connection:
            if connection.execute(change.values(revoked_at=first)).rowcount == 0:
                raise _no_key()

    def key_by_hash(self, hash: bytes) -> Key | None:
        """The key of that hash, revoked or not."""
        with self._transaction() as connection:
            row = connection.execute(select(keys).where(keys.c.hash == hash)).first()
        return None if row is None else _key(row)

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
        with self._transaction() as connection:
            row = find_member(connection, email)
        return None if row is None else member_of(row)

    def create_member(self, email: str, now: datetime) -> Member:
        """A member who has no password yet. Raises Invalid, Conflict when there is one."""
        email = normal_email(email)
        with self._transaction() as connection:
            if not insert_new(connection, members, fresh_member(email, now)):
                raise Conflict(say("%(email)s is a member already", email=email), field="email")
            return member_of(member_row(connection, email))

    def set_language(self, member: str, language: str) -> None:
        """What a member's pages are in, empty for what the browser asks for."""
        change = update(members).where(members.c.id == member).values(language=language or None)
        with self._transaction() as connection:
            connection.execute(change)

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
            rows = connection.execute(query)
            return [msgspec.convert(row._mapping, Membership) for row in rows]

    def memberships_of(self, member: str) -> list[tuple[Project, Role]]:
        """The projects a member is in, by name."""
        query = (
            select(projects, memberships.c.role)
            .join(memberships, memberships.c.project == projects.c.id)
            .where(memberships.c.member == member)
            .order_by(projects.c.name, projects.c.id)
        )
        with self._transaction() as connection:
            return [(_project(row), Role(row.role)) for row in connection.execute(query)]

    def join(self, project: str, member: str, role: Role) -> None:
        """Put a member into a project; whoever is in it keeps the greater role. Raises NotFound."""
        with self._transaction() as connection:
            hold(connection, project)
            join(connection, project, member, role)

    def set_role(self, project: str, member: str, role: Role) -> None:
        """Another role. Raises NotFound, Conflict for the last owner."""
        with self._transaction() as connection:
            hold(connection, project)
            if role is not Role.OWNER:
                _refuse_last_owner(connection, project, member)
            change = update(memberships).where(*_of(project, member)).values(role=role.value)
            if connection.execute(change).rowcount == 0:
                raise no_member()

    def remove_member(self, project: str, member: str, now: datetime) -> None:
        """Out of the project, its invitations too. Raises NotFound, Conflict for the last owner."""
        with self._transaction() as connection:
            hold(connection, project)
            _refuse_last_owner(connection, project, member)
            connection.execute(delete(memberships).where(*_of(project, member)))
            email = select(members.c.email).where(members.c.id == member).scalar_subquery()
            end_links(connection, email, project, now)


def hold(connection: Connection, project: str) -> None:
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
        raise no_member()
    return Role(role)


def _refuse_last_owner(connection: Connection, project: str, member: str) -> None:
    owner = (memberships.c.project == project, memberships.c.role == Role.OWNER.value)
    owners = connection.execute(select(func.count()).where(*owner)).scalar_one()
    if _role(connection, project, member) is Role.OWNER and owners == 1:
        raise Conflict(LAST_OWNER)


def join(connection: Connection, project: str, member: str, role: Role) -> None:
    """Put a member into a project that is held; whoever is in it keeps the greater role."""
    row = {"project": project, "member": member, "role": role.value}
    if insert_new(connection, memberships, row):
        return
    if not _role(connection, project, member).covers(role):
        connection.execute(update(memberships).where(*_of(project, member)).values(role=role.value))


def fresh_member(email: str, now: datetime) -> dict[str, Any]:
    """The row of a new member without a password."""
    return {"id": new_id("mem"), "email": email, "created_at": now}


def find_member(connection: Connection, email: str) -> Row[Any] | None:
    """The row of the member of that e-mail, in whatever case it is written."""
    try:
        named = members.c.email == normal_email(email)
    except Invalid:
        return None
    return connection.execute(select(members).where(named)).first()


def member_row(connection: Connection, email: str) -> Row[Any]:
    """The row of a member who is known to be there."""
    return connection.execute(select(members).where(members.c.email == email)).one()


def end_links(connection: Connection, email: Any, project: str | None, now: datetime) -> None:
    """Open links for that e-mail into the project stop working."""
    same = (sign_in_links.c.email == email, sign_in_links.c.project.is_not_distinct_from(project))
    open_ones = update(sign_in_links).where(*same, sign_in_links.c.used_at.is_(None))
    connection.execute(open_ones.values(used_at=now))


def _document(allowance: Allowance) -> str | None:
    return None if allowance == NO_LIMITS else msgspec.json.encode(allowance).decode()


def _key(row: Row[Any]) -> Key:
    kept = row.allowance
    allowance = msgspec.json.decode(kept, type=Allowance) if kept else NO_LIMITS
    plain = {name: getattr(row, name) for name in Key.__struct_fields__}
    return msgspec.convert({**plain, "allowance": allowance}, Key)


def _project(row: Row[Any]) -> Project:
    kept = row.masking
    masking = msgspec.json.decode(kept, type=Masking) if kept else DEFAULT_MASKING
    plain = {name: getattr(row, name) for name in Project.__struct_fields__}
    return msgspec.convert({**plain, "masking": masking}, Project)


def member_of(row: Row[Any]) -> Member:
    """A row of `members` as a Member."""
    return Member(
        id=row.id,
        email=row.email,
        created_at=row.created_at,
        has_password=row.password_hash is not None,
        language=row.language or "",
    )


def _no_key() -> NotFound:
    return NotFound("there is no such key in this project")


def _no_project(project: str) -> NotFound:
    return NotFound(f"there is no project {project}")


def no_member() -> NotFound:
    """Says the same of who never was and who is elsewhere."""
    return NotFound("there is no such member here")
