"""Accounts in the state store, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect

from causerie.accounts import (
    ALLOWED_ENDPOINTS_MAX,
    BUDGET_MAX,
    NAME_CHARS_MAX,
    PER_MINUTE_MAX,
    PROJECT_ID_CHARS_MAX,
    Allowance,
    Key,
    KeyKind,
    Logging,
    Member,
    Project,
    Role,
    hash_token,
)
from causerie.config import Settings
from causerie.errors import CauserieError, Conflict, Invalid, NotFound, Unavailable
from causerie.masking import DEFAULT_MASKING, Masking, OwnPattern
from causerie.store.accounts import Accounts
from causerie.store.state import open_state
from causerie.store.state_schema import metadata

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
DAY = timedelta(days=1)
RUNNERS = 6
WHOLE = Allowance(
    requests_per_minute=60,
    tokens_per_minute=10_000,
    monthly_budget=Decimal("12.50"),
    currency="CNY",
    endpoints=("ep-one", "ep-two"),
    logging=Logging.USAGE,
)


@pytest.fixture
def accounts(engine: Engine) -> Accounts:
    return Accounts(engine)


@pytest.fixture
def shop(accounts: Accounts) -> Project:
    return accounts.create_project("Corner Shop", NOW)


@pytest.fixture
def owner(accounts: Accounts, shop: Project) -> Member:
    return enrol(accounts, shop, "ada@example.org", Role.OWNER)


def enrol(accounts: Accounts, project: Project, email: str, role: Role) -> Member:
    member = accounts.create_member(email, NOW)
    accounts.join(project.id, member.id, role)
    return member


def roles(accounts: Accounts, project: Project) -> dict[str, Role]:
    return {member.email: member.role for member in accounts.memberships(project.id)}


def race(*runs: Callable[[], object]) -> list[object]:
    """What each run gave or raised, all begun at the same moment."""
    barrier = threading.Barrier(len(runs))

    def begin(run: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return run()
        except CauserieError as error:
            return error

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(begin, runs))


# ---- projects --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Corner Shop", "corner-shop"),
        ("  Café  Zürich & Söhne! ", "cafe-zurich-sohne"),
        ("日本語", "project"),
        ("a" * NAME_CHARS_MAX, "a" * (PROJECT_ID_CHARS_MAX - 8)),
    ],
)
def test_a_project_is_named_in_its_address(accounts: Accounts, name: str, expected: str) -> None:
    made = accounts.create_project(name, NOW)
    assert made.id == expected
    assert made.name == " ".join(name.split())
    assert accounts.project(expected) == made


def test_projects_of_the_same_name_get_different_ids(accounts: Accounts) -> None:
    made = race(*[lambda: accounts.create_project("Shop", NOW)] * RUNNERS)
    ids = sorted(project.id for project in made if isinstance(project, Project))
    assert ids == ["shop", "shop-2", "shop-3", "shop-4", "shop-5", "shop-6"]


def test_a_chosen_id_is_taken_or_refused_but_never_changed(accounts: Accounts) -> None:
    assert accounts.create_project("Shop", NOW, id="demo").id == "demo"
    with pytest.raises(Conflict):
        accounts.create_project("Shop", NOW, id="demo")


@pytest.mark.parametrize("id", ["", "Demo", "a/b", "-a", "a--b", "a ", "a" * 61, "ä"])
def test_an_id_that_does_not_fit_an_address_is_refused(accounts: Accounts, id: str) -> None:
    with pytest.raises(Invalid) as refusal:
        accounts.create_project("Shop", NOW, id=id)
    assert refusal.value.field == "id"


@pytest.mark.parametrize("name", ["", " \t ", "a" * (NAME_CHARS_MAX + 1), "a\0b", "a\x1b[2J"])
def test_a_name_that_cannot_be_shown_is_refused(
    accounts: Accounts, shop: Project, name: str
) -> None:
    for attempt in (
        lambda: accounts.create_project(name, NOW),
        lambda: accounts.rename_project(shop.id, name),
        lambda: accounts.create_key(shop.id, KeyKind.READ, name, NOW),
    ):
        with pytest.raises(Invalid) as refusal:
            attempt()
        assert refusal.value.field == "name"


def test_whoever_makes_a_project_owns_it(accounts: Accounts, shop: Project, owner: Member) -> None:
    other = accounts.create_project("Other", NOW, owner=owner.id)
    assert roles(accounts, other) == {owner.email: Role.OWNER}


def test_a_renamed_project_keeps_its_id(accounts: Accounts, shop: Project) -> None:
    accounts.rename_project(shop.id, "Big Shop")
    assert [(project.id, project.name) for project in accounts.projects()] == [
        ("corner-shop", "Big Shop")
    ]


def test_masking_is_on_until_it_is_switched_off(accounts: Accounts, shop: Project) -> None:
    assert shop.masks_personal_data
    accounts.set_masking(shop.id, False)
    found = accounts.project(shop.id)
    assert found is not None
    assert not found.masks_personal_data


def test_what_counts_as_personal_data_is_kept_with_the_project(
    accounts: Accounts, shop: Project, owner: Member
) -> None:
    assert shop.masking == DEFAULT_MASKING
    pattern = OwnPattern(name="employee", expression=r"EMP-\d+", replacement="(id)")
    rules = Masking(off=("ip",), names=True, patterns=(pattern,))
    accounts.set_rules(shop.id, rules)
    accounts.join(shop.id, owner.id, Role.OWNER)
    [(mine, _)] = accounts.memberships_of(owner.id)
    assert mine.masking == rules and accounts.projects()[0].masking == rules
    with pytest.raises(Invalid, match="no such kind"):
        accounts.set_rules(shop.id, Masking(off=("shoe_size",)))
    accounts.set_rules(shop.id, DEFAULT_MASKING)
    assert accounts.project(shop.id) == shop


def test_what_is_not_there_is_not_found(accounts: Accounts, owner: Member) -> None:
    assert accounts.project("nowhere") is None
    for attempt in (
        lambda: accounts.rename_project("nowhere", "Name"),
        lambda: accounts.set_masking("nowhere", True),
        lambda: accounts.create_key("nowhere", KeyKind.READ, "name", NOW),
        lambda: accounts.join("nowhere", owner.id, Role.OWNER),
    ):
        with pytest.raises(NotFound):
            attempt()


# ---- keys ------------------------------------------------------------------------------------


def test_a_key_is_found_by_the_hash_of_its_token(accounts: Accounts, shop: Project) -> None:
    key, token = accounts.create_key(shop.id, KeyKind.INGEST, "the app", NOW)
    assert token.startswith("csr_ingest_")
    assert key.hint == token[-4:]
    assert accounts.key_by_hash(hash_token(token)) == key
    assert accounts.key_by_hash(hash_token(token + "x")) is None


def test_a_revoked_key_keeps_its_row_and_its_first_date(accounts: Accounts, shop: Project) -> None:
    key, token = accounts.create_key(shop.id, KeyKind.READ, "report", NOW)
    accounts.revoke_key(shop.id, key.id, LATER)
    accounts.revoke_key(shop.id, key.id, LATER + DAY)
    found = accounts.key_by_hash(hash_token(token))
    assert found is not None
    assert found.revoked_at == LATER
    assert accounts.keys(shop.id) == [found]


def test_a_key_is_revoked_in_its_own_project_only(accounts: Accounts, shop: Project) -> None:
    other = accounts.create_project("Other", NOW)
    key, token = accounts.create_key(shop.id, KeyKind.READ, "report", NOW)
    with pytest.raises(NotFound):
        accounts.revoke_key(other.id, key.id, NOW)
    assert accounts.key_by_hash(hash_token(token)) == key
    assert accounts.keys(other.id) == []


def test_keys_come_newest_first_and_tell_their_last_use(accounts: Accounts, shop: Project) -> None:
    made: list[Key] = [
        accounts.create_key(
            shop.id, KeyKind.READ, f"key {minute}", NOW + timedelta(minutes=minute)
        )[0]
        for minute in range(3)
    ]
    accounts.touch_keys([], LATER)
    accounts.touch_keys({made[0].id, made[2].id}, LATER)
    found = [(key.name, key.last_used_at) for key in accounts.keys(shop.id)]
    assert found == [("key 2", LATER), ("key 1", None), ("key 0", LATER)]


def test_a_key_keeps_its_allowance_until_it_gets_another(accounts: Accounts, shop: Project) -> None:
    plain, _ = accounts.create_key(shop.id, KeyKind.GATEWAY, "plain", NOW)
    limited, token = accounts.create_key(
        shop.id, KeyKind.GATEWAY, "limited", LATER, allowance=WHOLE
    )
    assert accounts.keys(shop.id) == [limited, plain]
    assert (limited.allowance, plain.allowance) == (WHOLE, Allowance())
    other = Allowance(monthly_budget=Decimal("0.000000001"), endpoints=())
    for changed in (other, Allowance()):
        accounts.set_allowance(shop.id, limited.id, changed)
        found = accounts.key_by_hash(hash_token(token))
        assert found is not None and found.allowance == changed
    assert accounts.keys(shop.id)[1] == plain


def test_an_allowance_is_changed_in_its_own_project_only(accounts: Accounts, shop: Project) -> None:
    other = accounts.create_project("Other", NOW)
    key, _ = accounts.create_key(shop.id, KeyKind.GATEWAY, "app", NOW, allowance=WHOLE)
    with pytest.raises(NotFound):
        accounts.set_allowance(other.id, key.id, Allowance())
    assert accounts.keys(shop.id) == [key]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"requests_per_minute": PER_MINUTE_MAX + 1}, "requests_per_minute"),
        ({"tokens_per_minute": -1}, "tokens_per_minute"),
        ({"monthly_budget": Decimal("-0.01")}, "monthly_budget"),
        ({"monthly_budget": Decimal("NaN")}, "monthly_budget"),
        ({"monthly_budget": Decimal("Infinity")}, "monthly_budget"),
        ({"monthly_budget": Decimal(BUDGET_MAX + 1)}, "monthly_budget"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"endpoints": ("ep-fine", "gpt-4o")}, "endpoints"),
        ({"endpoints": ("ep-x",) * (ALLOWED_ENDPOINTS_MAX + 1)}, "endpoints"),
    ],
)
def test_an_allowance_that_means_nothing_is_refused(
    accounts: Accounts, shop: Project, given: dict[str, Any], field: str
) -> None:
    key, _ = accounts.create_key(shop.id, KeyKind.GATEWAY, "app", NOW, allowance=WHOLE)
    allowance = Allowance(**given)
    for attempt in (
        lambda: accounts.create_key(shop.id, KeyKind.GATEWAY, "x", NOW, allowance=allowance),
        lambda: accounts.set_allowance(shop.id, key.id, allowance),
    ):
        with pytest.raises(Invalid) as refusal:
            attempt()
        assert refusal.value.field == field
    assert accounts.keys(shop.id) == [key]


# ---- members ---------------------------------------------------------------------------------


def test_an_email_means_one_member_however_it_is_written(accounts: Accounts) -> None:
    assert not accounts.has_members()
    made = accounts.create_member(" Ada@Example.ORG ", NOW)
    assert made.email == "ada@example.org"
    assert accounts.member_by_email("ADA@example.org") == made
    with pytest.raises(Conflict):
        accounts.create_member("ada@EXAMPLE.org", NOW)
    assert accounts.has_members()


@pytest.mark.parametrize(
    "email", ["", "ada", "@", "a@", "a@b@c", "a b@c", "a@b\0", "a" * 251 + "@b.c"]
)
def test_what_is_no_email_is_refused(accounts: Accounts, email: str) -> None:
    with pytest.raises(Invalid) as refusal:
        accounts.create_member(email, NOW)
    assert refusal.value.field == "email"
    assert accounts.member_by_email(email) is None


def test_joining_again_never_takes_rights_away(
    accounts: Accounts, shop: Project, owner: Member
) -> None:
    bob = enrol(accounts, shop, "bob@example.org", Role.VIEWER)
    accounts.join(shop.id, owner.id, Role.VIEWER)
    accounts.join(shop.id, bob.id, Role.MEMBER)
    assert roles(accounts, shop) == {"ada@example.org": Role.OWNER, "bob@example.org": Role.MEMBER}
    assert accounts.memberships_of(bob.id) == [(shop, Role.MEMBER)]


def test_the_last_owner_can_be_neither_demoted_nor_removed(
    accounts: Accounts, shop: Project, owner: Member
) -> None:
    enrol(accounts, shop, "bob@example.org", Role.MEMBER)
    with pytest.raises(Conflict):
        accounts.set_role(shop.id, owner.id, Role.MEMBER)
    with pytest.raises(Conflict):
        accounts.remove_member(shop.id, owner.id, NOW)
    accounts.set_role(shop.id, owner.id, Role.OWNER)
    assert roles(accounts, shop)["ada@example.org"] is Role.OWNER


def test_one_of_two_owners_can_go(accounts: Accounts, shop: Project, owner: Member) -> None:
    enrol(accounts, shop, "bob@example.org", Role.OWNER)
    accounts.set_role(shop.id, owner.id, Role.VIEWER)
    accounts.remove_member(shop.id, owner.id, NOW)
    assert roles(accounts, shop) == {"bob@example.org": Role.OWNER}
    assert accounts.memberships_of(owner.id) == []


def test_owners_who_leave_at_once_leave_one_behind(accounts: Accounts, shop: Project) -> None:
    everyone = [enrol(accounts, shop, f"{name}@example.org", Role.OWNER) for name in range(RUNNERS)]
    leaving: list[Callable[[], object]] = [
        partial(accounts.remove_member, shop.id, member.id, NOW)
        if number % 2
        else partial(accounts.set_role, shop.id, member.id, Role.VIEWER)
        for number, member in enumerate(everyone)
    ]
    results = race(*leaving)
    assert [type(result) for result in results if result is not None] == [Conflict]
    assert list(roles(accounts, shop).values()).count(Role.OWNER) == 1


def test_who_is_not_in_a_project_cannot_be_changed_there(
    accounts: Accounts, shop: Project, owner: Member
) -> None:
    other = accounts.create_project("Other", NOW)
    for role in Role:
        with pytest.raises(NotFound):
            accounts.set_role(other.id, owner.id, role)
    with pytest.raises(NotFound):
        accounts.remove_member(other.id, owner.id, NOW)
    assert accounts.memberships_of(owner.id) == [(shop, Role.OWNER)]


# ---- the store itself ------------------------------------------------------------------------


def test_the_migrations_make_the_tables_that_the_code_knows(engine: Engine) -> None:
    found = inspect(engine)
    for table in metadata.sorted_tables:
        made = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert made == {column.name: column.nullable for column in table.columns}
        assert set(found.get_pk_constraint(table.name)["constrained_columns"]) == {
            column.name for column in table.primary_key
        }


def test_a_store_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    nowhere = Settings(state_url=f"postgresql://postgres@/none?host={tmp_path}").state_address
    with pytest.raises(Unavailable):
        open_state(nowhere)
    with pytest.raises(Unavailable):
        Accounts(create_engine(nowhere)).projects()
