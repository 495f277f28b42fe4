"""Privacy's part of the map: what removes, how often it looks, and what records who reads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from causerie.auditing import Auditing
from causerie.clock import Clock
from causerie.config import Settings
from causerie.removing import Removing
from causerie.store.audit import AuditLog
from causerie.store.event_removals import EventRemovals
from causerie.store.removals import Removals
from causerie.store.state_removals import StateRemovals
from causerie.stores import Stores
from causerie.switchboard import JOURNALS
from causerie.upkeep import Chore, Upkeep
from causerie.vault import Vault

RETIRE_INTERVAL_S = 24 * 3600.0


@dataclass(frozen=True)
class Lodge:
    """What is opened for removals, for the server and for the commands beside it."""

    removals: Removals
    events: EventRemovals
    removing: Removing
    upkeep: Upkeep
    log: AuditLog
    auditing: Auditing

    def start(self) -> None:
        """Begin to remove, inside the event loop."""
        self.auditing.start()
        self.removing.start()
        self.upkeep.start()

    async def stop(self) -> None:
        """End; what is half done is finished after the next start."""
        await self.upkeep.stop()
        await asyncio.to_thread(self.removing.stop)
        await asyncio.to_thread(self.auditing.stop)


def open_lodge(settings: Settings, stores: Stores, vault: Vault, clock: Clock) -> Lodge:
    """Everything over open stores; nothing runs yet."""
    removals, events = Removals(stores.engine, vault), EventRemovals(stores.events)
    state, journals = StateRemovals(stores.engine), settings.data / JOURNALS
    removing = Removing(removals, events, state, stores.accounts, stores.delivery, journals, clock)
    log = AuditLog(stores.engine)
    auditing = Auditing(log, stores.accounts, clock, settings.audit_addresses)
    old = (("what is older than projects keep", removing.retire), ("the audit", auditing.retire))
    upkeep = Upkeep([Chore(name, RETIRE_INTERVAL_S, work) for name, work in old])
    return Lodge(removals, events, removing, upkeep, log, auditing)
