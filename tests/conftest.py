"""What tests share: both stores on both engines, a clock, a project of their own."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Engine
from starlette.testclient import TestClient

from causerie.accounts import KeyKind
from causerie.app import build, spare_collections
from causerie.config import Settings
from causerie.delivery import Delivery
from causerie.reports import Reports
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore
from causerie.store.folder import DataFolder
from causerie.store.inbox import Inbox
from causerie.store.state import open_state
from causerie.stores import Stores
from causerie.testing import ServerProcess, Ticking
from tests.clickhouse_bridge import ClickHouseBridge
from tests.clients.apps import scripted_openai
from tests.desk_cast import World, Worlds
from tests.postgres_server import PostgresServer, serve_postgres
from tests.scripted_upstream import ScriptedUpstream
from tests.session_cast import ENDPOINT

LONGEST_FIRST = (
    *("browser", "cli", "gateway_kills", "client_processes", "clients", "gateway_faults"),
    *("sessions_together", "gateway_clients", "langchain_docs", "langchain_matrix", "examples"),
    *("isolation", "dashboard", "enrichment", "chat", "model", "local_models", "crash"),
)
"""What of the tests takes longest: whoever came to it last would work alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first, the others as they came."""
    places = {f"test_{name}": place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what is there already, which no test lets go of."""
    spare_collections()


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


@pytest.fixture
def sqlite_engine(sqlite_file: Path, tmp_path: Path) -> Iterator[Engine]:
    """A fresh state store, for tests of what lies behind it."""
    file = shutil.copy(sqlite_file, tmp_path / "sqlite-state.db")
    engine = open_state(f"sqlite:///{file}")
    yield engine
    engine.dispose()


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
    # The engine ends with its last client, and each app that a test closes gives back all of its
    # store's: one stays connected, so that the engine need not begin again with each test.
    anchor = store.beside()
    anchor.version()
    yield store
    store.close()
    anchor.close()


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


@pytest.fixture(scope="session")
def query_worlds(sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """Worlds for typed SQL, one in each analytics store that a test asks for."""
    file = shutil.copy(sqlite_file, tmp_path_factory.mktemp("queries") / "state.db")
    worlds = Worlds(open_state(f"sqlite:///{file}"))
    yield worlds
    worlds.close()


@pytest.fixture
def world(events: EventStore, query_worlds: Worlds) -> World:
    """A project with another beside it, and a desk to ask at, on both engines."""
    return query_worlds.of(events)


@pytest.fixture
def project_id() -> str:
    """A project that no other test has, because they share the analytics store."""
    return f"project-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def clock() -> Ticking:
    """A clock that stands until it is moved."""
    return Ticking(datetime(2026, 5, 20, 12, 0, tzinfo=UTC))


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    """A provider of models that does what the test tells it."""
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def openai_url() -> Iterator[str]:
    """Where a chat model answers that is only a script, as another process."""
    with scripted_openai() as url:
        yield url


@dataclass(frozen=True)
class AppServer:
    """A real server for tests of apps, with a key for all, and the scripted model as `ENDPOINT`.
    They share it: each has a tenant, a user or a conversation of its own.
    """

    process: ServerProcess
    key: str

    @property
    def url(self) -> str:
        """Its address."""
        return self.process.endpoint


@pytest.fixture(scope="session")
def app_server(tmp_path_factory: pytest.TempPathFactory, openai_url: str) -> Iterator[AppServer]:
    """One for each process that runs tests: to start one takes seconds."""
    folder = tmp_path_factory.mktemp("app-server")
    server = ServerProcess(folder, CAUSERIE_FLUSH_INTERVAL_MS="20")
    server.start()
    try:
        where = ("--upstream", openai_url, "--model", "scripted-1")
        server.command("endpoint", "add", "Test", *where, "--id", ENDPOINT)
        yield AppServer(server, server.key("admin"))
    finally:
        server.stop()


@pytest.fixture(scope="session")
def contexts_place(app_server: AppServer) -> str:
    """A server for sessions to be kept in its contexts, as `tests.session_cast` writes it."""
    return app_server.url.replace("http://", f"http://{app_server.key}@")


@pytest.fixture(params=["memory", "sqlite", "postgresql", "contexts"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where sessions are kept, empty but for the contexts, which all tests share."""
    if request.param == "memory":
        yield ""
    elif request.param == "sqlite":
        yield str(tmp_path / "sessions.db")
    elif request.param == "contexts":
        yield request.getfixturevalue("contexts_place")
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        database = postgres.server.create()
        yield postgres.server.address(database)
        postgres.server.drop(database)


@dataclass(frozen=True)
class Cast:
    """A running server and the keys of those who knock at it."""

    client: TestClient
    stores: Stores
    project: str
    tokens: dict[str, str]
    clock: Ticking
    folder: Path

    def auth(self, kind: str = "admin") -> dict[str, str]:
        """The header of a key: `ingest`, `read`, `admin`, `gateway`, or `stranger`'s."""
        return {"Authorization": f"Bearer {self.tokens[kind]}"}

    def log(self, *messages: Mapping[str, object], how: str = "", **given: Any) -> Response:
        """Send messages to log, upsert (`how="/upsert"`) or thread (`how="/thread"`)."""
        top = {name: given.pop(name) for name in ("tenant_id",) if name in given}
        headers = {**self.auth("ingest"), **given.pop("headers", {})}
        body = {"conversation": {"messages": list(messages), **given}, **top}
        return self.client.post(f"/api/v1/log/conversation{how}", json=body, headers=headers)

    def settle(self) -> None:
        """Wait until nothing is on its way."""
        deadline = time.monotonic() + 30
        while self.stores.inbox.backlog()[0] and time.monotonic() < deadline:
            time.sleep(0.01)

    def get(self, path: str, kind: str = "read", **query: str | int) -> Response:
        """Read, after what was sent has settled."""
        self.settle()
        return self.client.get(path, params=query, headers=self.auth(kind))


@contextmanager
def open_cast(project: str, engine: Engine, events: EventStore, folder: Path) -> Iterator[Cast]:
    """The whole app on real stores, an owner's keys and a stranger's."""
    clock = Ticking(datetime(2026, 5, 20, 12, 0, tzinfo=UTC))
    inbox, accounts = Inbox(engine), Accounts(engine)
    delivery = Delivery(inbox, events, "test", clock, 1)
    held = DataFolder(folder)
    stores = Stores(held, engine, events, inbox, accounts, Reports(events), delivery)
    tokens = {}
    accounts.create_project("Mine", clock(), project)
    # Few people talk in tests: what becomes of their topics is tests/test_discretion.py's.
    accounts.set_topic_users_min(project, 1)
    for kind in KeyKind:
        tokens[kind.value] = accounts.create_key(project, kind, kind.value, clock())[1]
    stranger = accounts.create_project("Theirs", clock(), f"{project}-other")
    accounts.set_topic_users_min(stranger.id, 1)
    tokens["stranger"] = accounts.create_key(stranger.id, KeyKind.ADMIN, "key", clock())[1]
    # What is understood is written by the tests that are about it: models in the background would
    # change pages while they are looked at, and take the machine from other tests.
    settings = Settings(data=folder, meaning_processes=0)
    with TestClient(build(settings, stores, clock)) as client:
        yield Cast(client, stores, project, tokens, clock, folder)


@pytest.fixture
def cast(
    project_id: str, sqlite_engine: Engine, embedded_events: EventStore, tmp_path: Path
) -> Iterator[Cast]:
    """A cast of the test's own."""
    with open_cast(project_id, sqlite_engine, embedded_events, tmp_path) as cast:
        yield cast


@pytest.fixture(scope="module")
def shared_cast(
    sqlite_file: Path, embedded_events: EventStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cast]:
    """One for all tests of a module that change nothing in it."""
    folder = tmp_path_factory.mktemp("shared")
    engine = open_state(f"sqlite:///{shutil.copy(sqlite_file, folder / 'shared.db')}")
    with open_cast(f"shared-{uuid.uuid4().hex[:12]}", engine, embedded_events, folder) as cast:
        yield cast
    engine.dispose()
