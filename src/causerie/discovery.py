"""Finding topics: when it is due, what it is given, and how what was found is kept.

The finding itself (`topic_maps.py`) is pure and runs beside the server. A person's edits are read
before it and written by nobody but that person: what changes meanwhile holds.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np

from causerie.embeddings import unpack
from causerie.errors import Conflict
from causerie.model_processes import ModelProcesses
from causerie.store.meanings import Meanings, Sample
from causerie.store.topics import StoredMap, Topics
from causerie.topic_maps import Edits, Evolution, FoundTopic, TopicMap, evolve, is_due
from causerie.topics import Definition, Topic, TopicEvent, TopicKind, new_topic_id
from causerie.understanding import Grounds

MESSAGES_MIN = 100
"""Of users, before topics are looked for: among fewer, chance makes groups."""
SAMPLE_MESSAGES = 20_000
LOOK_INTERVAL = timedelta(minutes=5)
"""How often it is asked whether topics are due."""
IDS_SPARE = 2_000
SEED = 1
log = logging.getLogger(__name__)


class Discovery:
    """Finds the topics of projects, one at a time, in the worker's thread."""

    def __init__(
        self,
        meanings: Meanings,
        topics: Topics,
        processes: ModelProcesses,
        clock: Callable[[], datetime],
        source: random.Random,
    ) -> None:
        self._meanings = meanings
        self._topics = topics
        self._processes = processes
        self._clock = clock
        self._source = source
        self._looked: dict[str, datetime] = {}
        self._asked: set[str] = set()

    def ask(self, project: str) -> None:
        """Find the topics anew when everything else is done, due or not. From any thread."""
        self._asked.add(project)

    def run(self, project: str, grounds: Grounds) -> bool:
        """Find topics if that is due; whether it was. Raises Unavailable."""
        asked = project in self._asked
        if not asked and not self._is_due(project, grounds):
            return False
        self._asked.discard(project)
        model = grounds.settings.model
        sample = self._meanings.sample(project, model, SAMPLE_MESSAGES)
        if len(sample.texts) < MESSAGES_MIN:
            return False
        old = self._topics.map(project)
        ids = [new_topic_id(self._source) for _ in range(IDS_SPARE)]
        edits = _edits(grounds.topics)
        evolution = self._processes.run(
            find, model, old.document if old else b"", sample, ids, edits
        )
        return self._keep(project, evolution, old, len(sample.texts))

    def _is_due(self, project: str, grounds: Grounds) -> bool:
        now = self._clock()
        looked = self._looked.get(project)
        if looked is not None and now - looked < LOOK_INTERVAL:
            return False
        self._looked[project] = now
        messages, unsorted = self._meanings.sorted_share(project, grounds.settings.model)
        if messages < MESSAGES_MIN:
            # Few are soon more: the first topics come as soon as there are enough.
            self._looked.pop(project)
            return False
        found = self._topics.map(project)
        if found is None:
            return True
        return is_due(now - found.made_at, found.messages, messages, unsorted)

    def _keep(
        self, project: str, evolution: Evolution, old: StoredMap | None, messages: int
    ) -> bool:
        now = self._clock()
        revision = old.revision + 1 if old else 1
        made = StoredMap(evolution.map.to_bytes(), revision, now, messages)
        found = [_topic(project, topic, now) for topic in evolution.map.topics]
        events = [
            TopicEvent(
                project=project, at=now, kind=each.kind, topic=each.topic, others=each.others
            )
            for each in evolution.events
        ]
        try:
            self._topics.save_found(project, made, found, events)
        except Conflict as error:
            log.info("%s: %s", project, error)
        return True


def find(model: str, old: bytes, sample: Sample, ids: Sequence[str], edits: Edits) -> Evolution:
    """The topics of what users said; `ids` are for new ones."""
    packed = np.frombuffer(b"".join(sample.vectors), dtype=np.int8)
    vectors = unpack(packed.reshape(len(sample.vectors), -1))
    spare = iter(ids)
    return evolve(
        TopicMap.of(old) if old else None,
        model,
        vectors,
        sample.texts,
        sample.languages,
        sample.suggested,
        lambda: next(spare),
        edits,
        seed=SEED,
    )


def _edits(topics: Sequence[Topic]) -> Edits:
    suggested = [topic for topic in topics if topic.kind is TopicKind.SUGGESTED]
    return Edits(
        renamed={topic.id: topic.name for topic in suggested if topic.name},
        merged={topic.id: topic.merged_into for topic in suggested if topic.merged_into},
        pinned=frozenset(topic.id for topic in suggested if topic.pinned),
        hidden=frozenset(topic.id for topic in suggested if topic.hidden),
    )


def _topic(project: str, found: FoundTopic, now: datetime) -> Topic:
    definition = Definition(
        parent=found.parent,
        terms=found.terms,
        typical=found.typical,
        found_name=found.name,
        size=found.size,
    )
    return Topic(
        project=project,
        id=found.id,
        kind=TopicKind.SUGGESTED,
        definition=definition,
        created_at=now,
        changed_at=now,
        dormant=found.dormant,
    )
