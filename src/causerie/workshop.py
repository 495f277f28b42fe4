"""Where meaning is made, put together: the worker, its models, and what it asks elsewhere."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from causerie.asking import Asking, Judged
from causerie.calibrating import Calibrating
from causerie.clock import Clock
from causerie.config import Settings
from causerie.delivery import Delivery
from causerie.discovery import Discovery
from causerie.enrichment import Enrichment
from causerie.grounds import GroundsReader
from causerie.judge import FindEndpoint, Judge
from causerie.model_processes import ModelProcesses
from causerie.query_vectors import QueryVectors
from causerie.questioning import Questioning
from causerie.semantic_topics import Preview
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.meanings import Meanings
from causerie.store.progress import Progress
from causerie.store.topics import Topics
from causerie.store.verdicts import Verdicts, day_of
from causerie.topics import Definition
from causerie.understanding import nearest
from causerie.vault import Vault


@dataclass(frozen=True)
class Workshop:
    """What is opened for meaning, for the server and for the commands beside it."""

    topics: Topics
    settings: MeaningSettingsStore
    progress: Progress
    enrichment: Enrichment
    discovery: Discovery
    questioning: Questioning
    previews: ModelProcesses
    lock: threading.Lock
    """One preview at a time."""
    asking: Asking
    verdicts: Verdicts
    clock: Clock
    queries: QueryVectors

    def nearest(
        self, project: str, texts: Sequence[str], examples: Sequence[str], threshold: float
    ) -> Preview:
        """What a threshold finds of some texts. It computes in a process of its own, so that it
        does not wait for the worker's.
        """
        with self.lock:
            settings = self.settings.get(project)
            return self.previews.run(nearest, settings, texts, examples, threshold)

    def judged(self, project: str, definition: Definition, texts: Sequence[str]) -> Judged:
        """What a project's judge says of some texts, within the day's budget. It may take as long
        as its provider does.
        """
        with self.lock:
            settings = self.settings.get(project)
            answered = self.asking.try_out(project, settings, definition, texts)
        calls = self.verdicts.day(project, day_of(self.clock())).calls
        verdicts = {
            text: verdict
            for text, by_topic in answered.verdicts.items()
            for verdict in by_topic.values()
        }
        return Judged(verdicts, answered.trouble, max(0, settings.calls_per_day - calls))

    def left(self) -> int:
        """How many messages of all projects lack meaning."""
        return self.enrichment.left()

    def start(self) -> None:
        """Begin to understand, and to ask."""
        self.enrichment.start()
        self.questioning.start()

    def stop(self) -> None:
        """End both; what is not written is done again after the next start."""
        self.queries.stop()
        self.questioning.stop()
        self.enrichment.stop()
        self.previews.stop()


def open_workshop(
    settings: Settings,
    engine: Engine,
    events: EventStore,
    accounts: Accounts,
    delivery: Delivery,
    vault: Vault,
    find_endpoint: FindEndpoint,
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
    asking = Asking(verdicts, Judge(verdicts, find_endpoint, clock))
    questioning = Questioning(
        accounts,
        # One of its own: it is asked from another thread.
        GroundsReader(topics, wishes, meanings, clock),
        meanings,
        asking,
        topics,
        lambda project, keys: delivery.delivered([(project, *key) for key in keys]),
    )
    calibrating = Calibrating(meanings, wishes, processes)
    workers = (calibrating, discovery, questioning)
    enrichment = Enrichment(
        accounts, grounds, meanings, delivery, *workers, progress, processes, clock
    )
    previews, lock = ModelProcesses(1), threading.Lock()
    queries = QueryVectors(wishes.get, previews, lock)
    made = (enrichment, discovery, questioning, previews, lock, asking, verdicts, clock, queries)
    return Workshop(topics, wishes, progress, *made)
