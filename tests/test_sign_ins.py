"""Passwords, sessions and one-time links, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, select

from causerie.accounts import KeyKind, Member, Project, Role, hash_token
from causerie.errors import Conflict, Invalid, NotFound, Unavailable
from causerie.store.accounts import Accounts
from causerie.store.sign_ins import SESSION_LIFETIME, SignIns
from causerie.store.state_schema import metadata
from tests.test_accounts_store import DAY, LATER, NOW, RUNNERS, enrol, race, roles


@pytest.fixture
def accounts(engine: Engine) -> Accounts:
    return Accounts(engine)


@pytest.fixture
def sign_ins(engine: Engine) -> SignIns:
    return SignIns(engine)


@pytest.fixture
def shop(accounts: Accounts) -> Project:
    return accounts.create_project("Corner Shop", NOW)


@pytest.fixture
def owner(accounts: Accounts, shop: Project) -> Member:
    return enrol(accounts, shop, "ada@example.org", Role.OWNER)


def test_a_new_password_ends_every_session(sign_ins: SignIns, owner: Member) -> None:
    tokens = [sign_ins.create_session(owner.id, NOW)[0] for _ in range(2)]
    sign_ins.set_password(owner.id, "$argon2id$…")
    assert [sign_ins.session(hash_token(token), NOW) for token in tokens] == [None, None]
    assert sign_ins.credentials("ada@example.org") == (
        Member(id=owner.id, email=owner.email, created_at=NOW, has_password=True),
        "$argon2id$…",
    )


def test_what_is_not_there_cannot_be_opened(sign_ins: SignIns) -> None:
    for attempt in (
        lambda: sign_ins.create_link("a@example.org", "nowhere", Role.OWNER, NOW, DAY),
        lambda: sign_ins.set_password("mem_nobody", "hash"),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert sign_ins.credentials("no address") is None


def test_no_token_is_kept(
    accounts: Accounts, sign_ins: SignIns, shop: Project, owner: Member, engine: Engine
) -> None:
    _, key = accounts.create_key(shop.id, KeyKind.INGEST, "the app", NOW)
    session, _ = sign_ins.create_session(owner.id, NOW)
    link = sign_ins.create_link("bob@example.org", shop.id, Role.VIEWER, NOW, DAY)
    kept = []
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            kept += [str(tuple(row)) for row in connection.execute(select(table))]
    assert any(shop.name in row for row in kept)
    assert not any(token in row for row in kept for token in (key, session, link))


# ---- sessions --------------------------------------------------------------------------------


def test_a_session_lasts_its_time_and_no_longer(sign_ins: SignIns, owner: Member) -> None:
    token, csrf = sign_ins.create_session(owner.id, NOW)
    end = NOW + SESSION_LIFETIME
    assert sign_ins.session(hash_token(token), end - timedelta(seconds=1)) == (owner, csrf)
    assert sign_ins.session(hash_token(token), end) is None
    assert sign_ins.session(hash_token("other"), NOW) is None


def test_signing_out_ends_one_session_or_all(sign_ins: SignIns, owner: Member) -> None:
    first, second, third = (hash_token(sign_ins.create_session(owner.id, NOW)[0]) for _ in range(3))
    sign_ins.end_session(first)
    assert sign_ins.session(first, NOW) is None
    assert sign_ins.session(second, NOW) is not None
    sign_ins.end_sessions_of(owner.id)
    assert sign_ins.session(second, NOW) is None
    assert sign_ins.session(third, NOW) is None


# ---- one-time links --------------------------------------------------------------------------


def test_the_first_link_makes_the_first_owner(
    accounts: Accounts, sign_ins: SignIns, shop: Project
) -> None:
    token = sign_ins.create_link("", shop.id, Role.OWNER, NOW, DAY)
    made = sign_ins.use_link(hash_token(token), LATER, email="Ada@example.org", password_hash="h")
    assert made is not None
    assert (made.email, made.has_password) == ("ada@example.org", True)
    assert roles(accounts, shop) == {"ada@example.org": Role.OWNER}


def test_a_link_is_looked_at_without_being_used(sign_ins: SignIns, shop: Project) -> None:
    token = sign_ins.create_link("Bob@example.org", shop.id, Role.MEMBER, NOW, DAY)
    for _ in range(2):
        link = sign_ins.link(hash_token(token), LATER)
        assert link is not None
        assert (link.email, link.project, link.role) == ("bob@example.org", shop.id, Role.MEMBER)
    assert sign_ins.invitations(shop.id, LATER) == [link]


def test_a_link_is_used_once_however_many_try(
    accounts: Accounts, sign_ins: SignIns, shop: Project
) -> None:
    hash = hash_token(sign_ins.create_link("", shop.id, Role.OWNER, NOW, DAY))

    def use(name: str) -> Callable[[], object]:
        return lambda: sign_ins.use_link(hash, NOW, email=f"{name}@example.org", password_hash=name)

    used = race(*[use(str(number)) for number in range(RUNNERS)])
    winners = [member for member in used if isinstance(member, Member)]
    assert len(winners) == 1
    assert used.count(None) == RUNNERS - 1
    assert roles(accounts, shop) == {winners[0].email: Role.OWNER}
    assert sign_ins.link(hash, NOW) is None


def test_an_expired_link_does_nothing(accounts: Accounts, sign_ins: SignIns, shop: Project) -> None:
    hash = hash_token(sign_ins.create_link("", shop.id, Role.OWNER, NOW, DAY))
    assert sign_ins.link(hash, NOW + DAY) is None
    assert sign_ins.use_link(hash, NOW + DAY, email="a@example.org", password_hash="h") is None
    assert not accounts.has_members()


def test_a_refused_use_leaves_the_link_open(
    accounts: Accounts, sign_ins: SignIns, shop: Project
) -> None:
    hash = hash_token(sign_ins.create_link("", shop.id, Role.OWNER, NOW, DAY))
    with pytest.raises(Invalid):
        sign_ins.use_link(hash, NOW, email="nonsense", password_hash="h")
    with pytest.raises(Conflict):
        sign_ins.use_link(hash, NOW, email="ada@example.org")
    assert not accounts.has_members()
    assert sign_ins.use_link(hash, NOW, email="ada@example.org", password_hash="h") is not None


def test_a_newer_link_replaces_an_older_one(sign_ins: SignIns, shop: Project) -> None:
    for email in ("", "bob@example.org"):
        older, newer = (
            hash_token(sign_ins.create_link(email, shop.id, Role.VIEWER, NOW, DAY))
            for _ in range(2)
        )
        assert sign_ins.link(older, NOW) is None
        assert sign_ins.link(newer, NOW) is not None


def test_an_invitation_never_sets_the_password_of_a_member_who_has_one(
    accounts: Accounts, sign_ins: SignIns, shop: Project, owner: Member
) -> None:
    sign_ins.set_password(owner.id, "old")
    other = accounts.create_project("Other", NOW)
    hash = hash_token(sign_ins.create_link(owner.email, other.id, Role.OWNER, NOW, DAY))
    with pytest.raises(Conflict):
        sign_ins.use_link(hash, NOW, password_hash="new")
    assert sign_ins.use_link(hash, NOW) is not None
    assert accounts.memberships_of(owner.id) == [(shop, Role.OWNER), (other, Role.OWNER)]
    assert sign_ins.credentials(owner.email) == (
        Member(id=owner.id, email=owner.email, created_at=NOW, has_password=True),
        "old",
    )


def test_a_link_without_a_project_sets_a_new_password(sign_ins: SignIns, owner: Member) -> None:
    sign_ins.set_password(owner.id, "old")
    token, _ = sign_ins.create_session(owner.id, NOW)
    hash = hash_token(sign_ins.create_link(owner.email, None, Role.VIEWER, NOW, DAY))
    assert sign_ins.use_link(hash, NOW, password_hash="new") is not None
    found = sign_ins.credentials(owner.email)
    assert found is not None
    assert found[1] == "new"
    assert sign_ins.session(hash_token(token), NOW) is None


def test_a_withdrawn_invitation_stops_working(sign_ins: SignIns, shop: Project) -> None:
    hash = hash_token(sign_ins.create_link("bob@example.org", shop.id, Role.VIEWER, NOW, DAY))
    sign_ins.withdraw(shop.id, "bob@example.org", NOW)
    assert sign_ins.invitations(shop.id, NOW) == []
    assert sign_ins.use_link(hash, NOW, password_hash="h") is None


def test_a_removed_member_cannot_return_by_an_old_invitation(
    accounts: Accounts, sign_ins: SignIns, shop: Project, owner: Member
) -> None:
    bob = enrol(accounts, shop, "bob@example.org", Role.MEMBER)
    hash = hash_token(sign_ins.create_link(bob.email, shop.id, Role.OWNER, NOW, DAY))
    accounts.remove_member(shop.id, bob.id, NOW)
    assert sign_ins.use_link(hash, NOW, password_hash="h") is None
    assert roles(accounts, shop) == {owner.email: Role.OWNER}


def test_using_an_invitation_while_its_member_is_removed_never_blocks(
    accounts: Accounts, sign_ins: SignIns, shop: Project, owner: Member
) -> None:
    people = [enrol(accounts, shop, f"{name}@example.org", Role.VIEWER) for name in range(RUNNERS)]
    runs: list[Callable[[], object]] = []
    for person in people:
        token = sign_ins.create_link(person.email, shop.id, Role.MEMBER, NOW, DAY)
        runs.append(partial(sign_ins.use_link, hash_token(token), NOW, password_hash="h"))
        runs.append(partial(accounts.remove_member, shop.id, person.id, NOW))
    assert not [result for result in race(*runs) if isinstance(result, Unavailable)]
