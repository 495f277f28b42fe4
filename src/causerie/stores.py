"""Everything that keeps something, opened together and closed together."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass

from sqlalchemy import Engine

from causerie.clock import Clock, utc_now
from causerie.config import Settings
from causerie.delivery import Delivery
from causerie.discretion import Discretion
from causerie.queries.desk import Limits, QueryDesk
from causerie.reports import Reports
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore, embedded_address
from causerie.store.folder import DataFolder
from causerie.store.inbox import Inbox
from causerie.store.state import open_state
from causerie.store.topics import Topics


@dataclass(frozen=True)
class Stores:
    """Everything that is opened, for the server and for the commands that work beside it."""

    folder: DataFolder
    engine: Engine
    events: EventStore
    inbox: Inbox
    accounts: Accounts
    reports: Reports
    delivery: Delivery

    def close(self) -> None:
        """Close in the opposite order."""
        self.events.close()
        self.engine.dispose()
        self.folder.close()


def open_stores(settings: Settings, clock: Clock = utc_now) -> Stores:
    """Open and migrate the stores. Raises Conflict while another process has the data folder,
    Unavailable when a store cannot be reached.
    """
    folder = DataFolder(settings.data)
    if settings.embedded:
        folder.hold()
    engine = open_state(settings.state_address)
    events = open_events(settings)
    events.open()
    inbox = Inbox(engine)
    delivery = Delivery(inbox, events, holder(settings), clock, settings.flush_interval_ms)
    return Stores(folder, engine, events, inbox, Accounts(engine), Reports(events), delivery)


def holder(settings: Settings) -> str:
    """Who this process is where one of many may empty the inbox.

    Who has the folder is alone with the stores in it, and goes on at once where a crash left off.
    """
    if settings.embedded and not settings.state_url:
        return f"the process that has {settings.data.resolve()}"
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def open_discretion(stores: Stores, clock: Clock) -> Discretion:
    """What topics are shown by."""
    return Discretion(Topics(stores.engine), stores.accounts, stores.events, clock)


def open_desk(settings: Settings, stores: Stores, discretion: Discretion) -> QueryDesk:
    """Where typed SQL is answered, on clients of its own, not yet connected."""
    limits = Limits(seconds=settings.sql_seconds, memory_bytes=settings.sql_memory_mb * 1_000_000)
    events = stores.events.beside(settings.events_read_url)
    return QueryDesk(events, discretion, stores.accounts, limits)


def open_events(settings: Settings) -> EventStore:
    """The analytics store that the settings name, not yet connected."""
    return EventStore(
        settings.events_url or embedded_address(settings.data), settings.events_cluster
    )
