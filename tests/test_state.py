"""The state store's tables: what the versions make is what the code knows, on both engines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, MetaData, create_engine, inspect, select, text
from sqlalchemy.exc import OperationalError

from causerie.config import Settings
from causerie.errors import Unavailable
from causerie.store import state
from causerie.store.state import MIGRATIONS, open_state
from causerie.store.state_schema import keys
from causerie.store.tables import metadata
from tests.conftest import Postgres

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
VERSIONS = sorted(MIGRATIONS.glob("versions/0*.py"))


def differences(engine: Engine) -> list[object]:
    """What Alembic would still change."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return list(compare_metadata(context, metadata))


def migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without a table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    database = postgres.server.create()
    yield Settings(state_url=postgres.server.address(database)).state_address
    postgres.server.drop(database)


@pytest.fixture
def migrated(empty: str) -> Iterator[Engine]:
    """A database that went through every version."""
    engine = create_engine(empty)
    with engine.begin() as connection:
        migrate(connection, "head")
    yield engine
    engine.dispose()


def schema(engine: Engine) -> dict[str, dict[str, Any]]:
    """All that is to be known of each table, whatever its order; and what version it all is."""
    looked = inspect(engine)
    found: dict[str, dict[str, Any]] = {
        table: {
            "columns": {str(one.pop("name")): told(one) for one in map(dict, columns)},
            "primary key": told(looked.get_pk_constraint(table)),
            "foreign keys": sorted(map(told, looked.get_foreign_keys(table))),
            "unique": sorted(map(told, looked.get_unique_constraints(table))),
            "indexes": sorted(map(told, looked.get_indexes(table))),
            "checks": sorted(map(told, looked.get_check_constraints(table))),
        }
        for table in looked.get_table_names()
        for columns in [looked.get_columns(table)]
    }
    with engine.connect() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
        found["alembic_version"]["rows"] = version.all()
    return found


def told(one: Mapping[str, Any]) -> str:
    """Something of a table, in words that can be compared."""
    return str(sorted((name, str(value)) for name, value in one.items()))


def test_a_migrated_database_is_what_the_code_knows(migrated: Engine) -> None:
    assert differences(migrated) == []


def test_a_fresh_database_is_what_all_versions_come_to(empty: str, migrated: Engine) -> None:
    expected = schema(migrated)
    tables = MetaData()
    tables.reflect(migrated)
    tables.drop_all(migrated)
    made = open_state(empty)
    assert schema(made) == expected
    made.dispose()
    assert {"alembic_version", *metadata.tables} == {*expected}


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE context_turns ADD COLUMN more TEXT",
        "DROP INDEX contexts_by_expiry",
        "CREATE UNIQUE INDEX once ON keys (name)",
        "DROP TABLE spending",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_a_fresh_database_that_is_not_would_be_noticed(engine: Engine, change: str) -> None:
    before = schema(engine)
    with engine.begin() as connection:
        connection.execute(text(change))
    assert schema(engine) != before


def test_a_first_start_that_ends_halfway_leaves_nothing(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost() -> str:
        raise OperationalError("INSERT", None, Exception("the connection is lost"))

    with monkeypatch.context() as patch:
        patch.setattr(state, "_newest", lost)
        with pytest.raises(Unavailable):
            open_state(empty)
    left = create_engine(empty)
    assert inspect(left).get_table_names() == []
    left.dispose()
    open_state(empty).dispose()


@pytest.mark.parametrize(
    "change",
    [
        "DROP INDEX contexts_by_expiry",
        "ALTER TABLE keys DROP COLUMN allowance",
        "ALTER TABLE context_turns ADD COLUMN more TEXT",
        "DROP TABLE spending",
    ],
)
def test_a_database_that_is_not_would_be_noticed(engine: Engine, change: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(change))
    assert len(differences(engine)) >= 1


def test_what_goes_with_a_context_is_deleted_with_it(engine: Engine) -> None:
    rules = {
        (table, key["referred_table"]): key["options"].get("ondelete")
        for table in ("context_openings", "context_turns", "context_tags")
        for key in inspect(engine).get_foreign_keys(table)
    }
    gone = {pair for pair, rule in rules.items() if rule == "CASCADE"}
    assert gone == {pair for pair in rules if pair[1] == "contexts"}
    assert len(gone) == 3


@pytest.mark.parametrize("version", VERSIONS, ids=lambda file: file.stem)
def test_a_version_is_frozen(version: Path) -> None:
    """It says its columns itself: what the code knows today is not what it made."""
    assert not re.search(r"\b(import|from) causerie\b", version.read_text())


def test_an_upgrade_keeps_what_was_there(empty: str) -> None:
    engine = create_engine(empty)
    row = {"id": "shop", "name": "Shop", "masked": True, "salt": b"salt", "at": NOW.isoformat()}
    with engine.begin() as connection:
        migrate(connection, "0001")
        connection.execute(
            text("INSERT INTO projects VALUES (:id, :name, :masked, :salt, :at)"), row
        )
        connection.execute(
            text(
                "INSERT INTO keys (id, project, kind, name, hint, hash, created_at)"
                " VALUES ('key-1', :id, 'admin', 'CI', 'abcd', :salt, :at)"
            ),
            row,
        )
    engine.dispose()
    upgraded = open_state(empty)
    with upgraded.connect() as connection:
        kept = connection.execute(select(keys.c.id, keys.c.name, keys.c.allowance)).all()
    upgraded.dispose()
    assert [tuple(row) for row in kept] == [("key-1", "CI", None)]


def test_a_database_that_is_up_to_date_is_opened_without_the_migrations(
    state_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrades: list[object] = []
    monkeypatch.setattr(command, "upgrade", lambda *asked: upgrades.append(asked))
    address = Settings(state_url=state_url).state_address
    engine = open_state(address)
    assert upgrades == []
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    open_state(address).dispose()
    assert len(upgrades) == 1
