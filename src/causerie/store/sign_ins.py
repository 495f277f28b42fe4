"""Sign-ins in the state store: passwords, sessions and one-time links.

Of every token only the hash is kept. That a link is used once is held by the database: a
conditional update whose rows are counted.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from causerie.accounts import Link, Member, Role, hash_token, new_secret, normal_email
from causerie.errors import Conflict
from causerie.store.accounts import (
    end_links,
    find_member,
    fresh_member,
    hold,
    join,
    member_of,
    member_row,
    no_member,
)
from causerie.store.state import insert_new, transaction
from causerie.store.state_schema import members, sessions, sign_in_links
from causerie.wording import say

SESSION_LIFETIME = timedelta(days=30)


class SignIns:
    """Their SQL, on either engine. Safe in threads; every method is one transaction, and raises
    Unavailable when the store cannot be reached.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _transaction(self) -> AbstractContextManager[Connection]:
        return transaction(self._engine)

    # ---- passwords ---------------------------------------------------------------------------

    def credentials(self, email: str) -> tuple[Member, str | None] | None:
        """The member of that e-mail with the hash of the password, None before one is set."""
        with self._transaction() as connection:
            row = find_member(connection, email)
        return None if row is None else (member_of(row), row.password_hash)

    def set_password(self, member: str, password_hash: str) -> None:
        """A new password, which ends every session of the member. Raises NotFound."""
        with self._transaction() as connection:
            _set_password(connection, member, password_hash)

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
        return None if row is None else (member_of(row), row.csrf)

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
                hold(connection, project)
            end_links(connection, email, project, now)
            connection.execute(insert(sign_in_links).values(hash=hash_token(token), **row))
        return token

    def link(self, hash: bytes, now: datetime) -> Link | None:
        """What an open link is for, without using it up."""
        query = select(sign_in_links).where(sign_in_links.c.hash == hash, *_open(now))
        with self._transaction() as connection:
            row = connection.execute(query).first()
        return None if row is None else _link(row)

    def invitations(self, project: str, now: datetime) -> list[Link]:
        """Open links into a project that name an e-mail."""
        open_here = (sign_in_links.c.project == project, sign_in_links.c.email != "", *_open(now))
        query = select(sign_in_links).where(*open_here).order_by(sign_in_links.c.email)
        with self._transaction() as connection:
            return [_link(row) for row in connection.execute(query)]

    def withdraw(self, project: str, email: str, now: datetime) -> None:
        """Open invitations of that e-mail into the project stop working."""
        with self._transaction() as connection:
            end_links(connection, email, project, now)

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
                hold(connection, link.project)
            same = update(sign_in_links).where(sign_in_links.c.hash == hash, *_open(now))
            if connection.execute(same.values(used_at=now)).rowcount == 0:
                return None
            return _grant(connection, link, now, email, password_hash)


def _grant(
    connection: Connection,
    link: Link,
    now: datetime,
    email: str,
    password_hash: str | None,
) -> Member:
    email = link.email or normal_email(email)
    insert_new(connection, members, fresh_member(email, now))
    row = member_row(connection, email)
    if password_hash is None and row.password_hash is None:
        raise Conflict(say("there is no such member"), field="email")
    if password_hash is not None:
        if row.password_hash is not None and link.project is not None:
            raise Conflict(say("there is such a member: sign in with the password"), field="email")
        _set_password(connection, row.id, password_hash)
    if link.project is not None:
        join(connection, link.project, row.id, link.role)
    if not link.email:
        # A first-start link is printed into logs: once somebody is in, none opens a door.
        end_links(connection, "", link.project, now)
    return member_of(member_row(connection, email))


def _set_password(connection: Connection, member: str, password_hash: str) -> None:
    change = update(members).where(members.c.id == member).values(password_hash=password_hash)
    if connection.execute(change).rowcount == 0:
        raise no_member()
    connection.execute(delete(sessions).where(sessions.c.member == member))


def _open(now: datetime) -> tuple[Any, Any]:
    return sign_in_links.c.used_at.is_(None), sign_in_links.c.expires_at > now


def _link(row: Row[Any]) -> Link:
    return msgspec.convert(row._mapping, Link)
