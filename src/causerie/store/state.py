"""The state store: SQLite in the data folder, or PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from causerie.errors import Unavailable

BUSY_TIMEOUT_MS = 15_000
CONNECT_TIMEOUT_S = 5
POOL_CONNECTIONS = 8
LOOKUP_ROWS_MAX = 500
MIGRATIONS = Path(__file__).parent / "migrations"


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
        # FULL: a commit that was acknowledged also survives a power cut, not only a kill.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
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
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Two processes that start together would both find the tables missing.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('causerie migrate'))"))
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


def slices(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Engines limit how many values one statement may bind."""
    return (
        items[start : start + LOOKUP_ROWS_MAX] for start in range(0, len(items), LOOKUP_ROWS_MAX)
    )
