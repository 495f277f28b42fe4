"""Auditing: entries on their way into the store, in a thread, so that no page waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from causerie.audit import SERVER, Action, By, Entry, How, shortened
from causerie.errors import Unavailable
from causerie.store.accounts import Accounts
from causerie.store.audit import AuditLog

FLUSH_INTERVAL_S = 1.0
WAITING_MAX = 100_000
"""Entries that wait while the store cannot be reached; more are lost, which is logged."""
SERVER_DAYS = 365
log = logging.getLogger(__name__)


def record_command(
    audit: AuditLog, project: str, action: Action, place: str, now: datetime, **detail: object
) -> None:
    """Write down what is looked at in a terminal, before it is."""
    by, how = By("command", "command", "command"), How.COMMAND
    entry = Entry(project=project, at=now, by=by, action=action, place=place, how=how)
    audit.add([replace(entry, detail=detail)])


class Auditing:
    """Safe in threads. What is recorded is in the store a second later, and after `stop`.
    `addresses` is what is kept of those of clients.
    """

    def __init__(
        self,
        audit: AuditLog,
        accounts: Accounts,
        clock: Callable[[], datetime],
        addresses: str = "full",
    ) -> None:
        self._audit = audit
        self._accounts = accounts
        self._clock = clock
        self._addresses = addresses
        self._waiting: list[Entry] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write."""
        self._ended.clear()
        self._thread = threading.Thread(target=self._run, name="auditing", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def record(self, entry: Entry) -> None:
        """Have an entry written soon. One of a member and of no project is of all of theirs."""
        entry = replace(entry, address=shortened(entry.address, self._addresses))
        with self._lock:
            if len(self._waiting) < WAITING_MAX:
                self._waiting.append(entry)
                return
        log.error("the audit is full: %s by %s is lost", entry.action, entry.by.id)

    def flush(self) -> None:
        """Write what waits now, or leave it waiting when the store cannot be reached."""
        with self._writing:
            with self._lock:
                taken, self._waiting = self._waiting, []
            try:
                self._audit.add([each for entry in taken for each in self._shared(entry)])
            except Unavailable as error:
                log.warning("the audit waits: %s", error)
                with self._lock:
                    self._waiting[:0] = taken

    def retire(self) -> None:
        """Forget what is older than each project keeps. Raises Unavailable."""
        now = self._clock()
        for project in self._accounts.projects():
            self._audit.retire(project.id, now - timedelta(days=project.audit_days))
        self._audit.retire(SERVER, now - timedelta(days=SERVER_DAYS))

    def _shared(self, entry: Entry) -> Iterator[Entry]:
        if entry.project != SERVER or entry.by.kind != "member":
            yield entry
            return
        # Looked up here, where nobody who tries to sign in can time it.
        for project, _ in self._accounts.memberships_of(entry.by.id):
            yield replace(entry, project=project.id)

    def _run(self) -> None:
        while not self._ended.wait(FLUSH_INTERVAL_S):
            try:
                self.flush()
            except Exception:  # the edge of a thread: it must go on, whatever one round met
                log.exception("the audit was not written")
