"""What tests share: both stores on both engines, a clock, a project of their own."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from causerie.config import Settings
from causerie.store.events import EventStore
from causerie.store.state import open_state
from causerie.testing import Ticking
from tests.clickhouse_bridge import ClickHouseBridge
from tests.postgres_server import PostgresServer, serve_postgres


@dataclass(frozen=True)
class Postgres:
    """The run's PostgreSQL server, and the name of a database in it with all tables, empty."""

    server: PostgresServer
    migrated: str


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, one for each process that runs tests."""
    with serve_postgres() as server:
        migrated = server.create()
        open_state(Settings(state_url=server.address(migrated)).state_address).dispose()
        yield Postgres(server, migrated)


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with all tables, empty, to be copied."""
    data = tmp_path_factory.mktemp("state")
    open_state(Settings(data=data).state_address).dispose()
    return data / "state.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """`CAUSERIE_STATE_URL` of a fresh state store. A test that asks for it runs on both engines."""
    if request.param == "sqlite":
        file = shutil.copy(request.getfixturevalue("sqlite_file"), tmp_path / "state.db")
        yield f"sqlite:///{file}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    database = postgres.server.create(postgres.migrated)
    yield postgres.server.address(database)
    postgres.server.drop(database)


@pytest.fixture
def engine(state_url: str) -> Iterator[Engine]:
    """A fresh state store. A test that asks for it runs on both engines."""
    engine = open_state(Settings(state_url=state_url).state_address)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def embedded_events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    """The embedded engine. It allows one folder per process, so that all tests share it."""
    store = EventStore(str(tmp_path_factory.mktemp("events")))
    store.open()
    yield store
    store.close()


@pytest.fixture(scope="session")
def clickhouse_events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    """The same engine over ClickHouse's HTTP interface, behind a password."""
    folder = tmp_path_factory.mktemp("clickhouse")
    with ClickHouseBridge(folder, "causerie", "secret") as bridge:
        store = EventStore(bridge.url)
        store.open()
        yield store
        store.close()


@pytest.fixture(params=["embedded", "clickhouse"])
def events(request: pytest.FixtureRequest) -> EventStore:
    """The analytics store. A test that asks for it runs embedded and over HTTP."""
    store: EventStore = request.getfixturevalue(f"{request.param}_events")
    return store


@pytest.fixture
def project_id() -> str:
    """A project that no other test has, because they share the analytics store."""
    return f"project-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def clock() -> Ticking:
    """A clock that stands until it is moved."""
    return Ticking(datetime(2026, 5, 20, 12, 0, tzinfo=UTC))
