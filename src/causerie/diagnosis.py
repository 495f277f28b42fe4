"""What `causerie doctor` says: what is configured, what answers, how far behind the worker is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from causerie.config import SECRETS, VARIABLES, Settings
from causerie.errors import CauserieError, Conflict
from causerie.store.events import EventStore
from causerie.store.folder import DataFolder
from causerie.store.inbox import Inbox
from causerie.store.state import open_state, reach


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis."""

    topic: str
    state: str
    """`ok`, `note` or `broken`."""
    text: str


def diagnose(
    settings: Settings, open_events: Callable[[Settings], EventStore]
) -> Iterator[Finding]:
    """Look at everything, one after the other; a broken part does not hide the next."""
    yield from _configuration(settings)
    yield from _unless_broken("state store", _state(settings))
    yield from _unless_broken("analytics store", _events(settings, open_events))


def _unless_broken(topic: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except CauserieError as error:
        yield Finding(topic, "broken", error.message)


def _configuration(settings: Settings) -> Iterator[Finding]:
    default = Settings()
    for name, variable in VARIABLES.items():
        value = getattr(settings, name)
        shown = _without_password(str(value)) if name in SECRETS else str(value)
        origin = "" if value != getattr(default, name) else " (default)"
        yield Finding(variable, "ok", f"{shown or '–'}{origin}")


def _without_password(address: str) -> str:
    password = urlsplit(address).password
    shown = address.replace(f":{password}@", ":…@") if password else address
    return re.sub(r"(password=)[^&]*", r"\1…", shown)


def _state(settings: Settings) -> Iterator[Finding]:
    engine = open_state(settings.state_address)
    try:
        yield Finding("state store", "ok", reach(engine))
        yield from _inbox(Inbox(engine))
    finally:
        engine.dispose()


def _inbox(inbox: Inbox) -> Iterator[Finding]:
    waiting, parked = inbox.backlog()
    yield Finding("inbox", "ok", f"{waiting} entries wait to be moved into the analytics store")
    for seq, reason in inbox.parked():
        yield Finding("inbox", "broken", f"entry {seq} cannot be moved: {reason}")
    if parked:
        yield Finding("inbox", "note", "`causerie doctor --retry` tries the parked entries again")
    worker = inbox.worker()
    yield Finding("delivery worker", "ok" if worker else "note", worker or "has never run here")


def _events(settings: Settings, open_events: Callable[[Settings], EventStore]) -> Iterator[Finding]:
    folder = DataFolder(settings.data)
    try:
        if settings.embedded:
            folder.hold()
        events = open_events(settings)
        yield Finding("analytics store", "ok", events.version())
        events.close()
    except Conflict:
        yield Finding("analytics store", "ok", f"open in the running server ({folder.holder()})")
    finally:
        folder.close()
