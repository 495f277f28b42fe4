"""Where meaning is made, put together: the worker, its models, and what it asks elsewhere."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass

from sqlalchemy import Engine

from causerie.clock import Clock
from causerie.config import Settings
from causerie.delivery import Delivery
from causerie.discovery import Discovery
from causerie.enrichment import Enrichment
from causerie.grounds import GroundsReader
from causerie.model_processes import ModelProcesses
from causerie.questioning import Questioning
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.meanings import Meanings
from causerie.store.progress import Progress
from causerie.store.topics import Topics
from causerie.store.verdicts import Verdicts
from causerie.vault import Vault


@dataclass(frozen=True)
class Workshop:
    """What is opened for meaning, for the server and for the commands beside it."""

    topics: Topics
    settings: MeaningSettingsStore
    progress: Progress
    verdicts: Verdicts
    enrichment: Enrichment
    discovery: Discovery
    questioning: Questioning


def open_workshop(
    settings: Settings,
    engine: Engine,
    events: EventStore,
    accounts: Accounts,
    delivery: Delivery,
    vault: Vault,
    clock: Clock,
) -> Workshop:
    """Everything over open stores; nothing runs yet."""
    topics, meanings = Topics(engine), Meanings(events)
    wishes = MeaningSettingsStore(engine, vault)
    verdicts, progress = Verdicts(engine), Progress(engine)
    processes = ModelProcesses(max(1, settings.meaning_processes))
    grounds = GroundsReader(topics, wishes, meanings, clock)
    discovery = Discovery(
        meanings, topics, processes, clock, random.Random(secrets.token_bytes(16))
    )
    questioning = Questioning()
    enrichment = Enrichment(
        accounts,
        grounds,
        meanings,
        delivery,
        discovery,
        questioning,
        progress,
        processes,
        clock,
    )
    return Workshop(topics, wishes, progress, verdicts, enrichment, discovery, questioning)
