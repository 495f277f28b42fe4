"""The state store: SQLite in the data folder, or PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError

from causerie.errors import Unavailable

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

BUSY_TIMEOUT_MS = 15_000
CONNECT_TIMEOUT_S = 5
POOL_CONNECTIONS = 8
LOOKUP_ROWS_MAX = 500
MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_FILES = "versions/[0-9]*.py"
VERSION_DIGITS = 4
"""A version's file begins with its number, and is called nothing else in the database."""
VERSION_TABLE = "alembic_version"
versions = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""As Alembic makes it."""


def open_state(address: str) -> Engine:
    """An engine on a migrated database. Raises Unavailable when it cannot be reached."""
    try:
        engine = _sqlite(address) if address.startswith("sqlite") else _postgresql(address)
    except OSError as error:
        raise Unavailable(f"the state store cannot be opened: {error}") from error
    try:
        _migrate(engine)
    except DBAPIError as error:
        engine.dispose()
        raise Unavailable(f"the state store cannot be opened: {error.orig}") from error
    return engine


def _sqlite(address: str) -> Engine:
    path = address.removeprefix("sqlite:///")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # FULL: a commit that was acknowledged also survives a power cut, not only a kill. FAST:
        # what was deleted is not left in the unused room of pages, at no more writing.
        pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=FAST")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgresql(address: str) -> Engine:
    return create_engine(
        address,
        pool_size=POOL_CONNECTIONS,
        # A restarted server leaves dead connections in the pool; the ping replaces them unseen.
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )


def _migrate(engine: Engine) -> None:
    with engine.begin() as connection:
        if _is_migrated(connection):
            return
        # Two processes that start together would both find the tables missing.
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('causerie migrate'))"))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        if inspect(connection).has_table(VERSION_TABLE):
            _upgrade(connection)
        else:
            _make(connection)


def _is_migrated(connection: Connection) -> bool:
    if not inspect(connection).has_table(VERSION_TABLE):
        return False
    found = connection.execute(select(versions.c.version_num)).scalars()
    return found.all() == [_newest()]


def _newest() -> str:
    return max(file.stem for file in MIGRATIONS.glob(VERSION_FILES))[:VERSION_DIGITS]


def _make(connection: Connection) -> None:
    """Make what all versions together come to, at once and all or none: a first start is waited
    for, and need not load what upgrades.
    """
    from causerie.store.tables import metadata

    metadata.create_all(connection, checkfirst=False)
    versions.create(connection)
    connection.execute(insert(versions).values(version_num=_newest()))


def _upgrade(connection: Connection) -> None:
    # It takes a third of the time of a start that has nothing to migrate.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def reach(engine: Engine) -> str:
    """The engine's version, by asking it. Raises Unavailable."""
    sqlite = engine.dialect.name == "sqlite"
    query = "SELECT 'SQLite ' || sqlite_version()" if sqlite else "SHOW server_version"
    try:
        with engine.connect() as connection:
            found = str(connection.execute(text(query)).scalar())
    except DBAPIError as error:
        raise Unavailable(f"the state store cannot be reached: {error.orig}") from error
    return found if sqlite else f"PostgreSQL {found}"


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A connection whose work is kept, all or none. Raises Unavailable when the store cannot be
    reached.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        # Not the whole error: it says the values that were to be kept.
        raise Unavailable(f"the state store cannot be reached: {error.orig}") from error
    except TimeoutError as error:
        raise Unavailable("the state store has no connection free") from error


def insert_into(place: Connection | Engine, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that can say what happens when there is such a row."""
    # Not above: few have both engines, and each takes its time to load.
    if place.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless there is one of its key; whether it was inserted."""
    added = insert_into(connection, table).values(**row).on_conflict_do_nothing()
    # The rows of an insert are not counted on PostgreSQL, so they are asked back.
    return connection.execute(added.returning(*table.primary_key)).first() is not None


def slices(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Engines limit how many values one statement may bind."""
    return (
        items[start : start + LOOKUP_ROWS_MAX] for start in range(0, len(items), LOOKUP_ROWS_MAX)
    )
