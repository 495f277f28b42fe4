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
from causerie.topic_lineage import Evolution, evolve
from causerie.topic_maps import GROWTH_DUE, Edits, TopicMap, is_due
from causerie.topic_maps import Topic as Found
from causerie.topics import Definition, Topic, TopicEvent, TopicKind, new_topic_id
from causerie.understanding import Grounds

MESSAGES_MIN = 100
"""Of users, before topics are looked for: among fewer, chance makes groups."""
SAMPLE_MESSAGES = 12_000
LOOK_INTERVAL = timedelta(minutes=5)
"""How often it is asked whether topics are due."""
COUNT_INTERVAL = timedelta(seconds=5)
"""How often messages are counted before there are any topics."""
REST = timedelta(hours=12)
"""How long topics are left alone, unless there are many more messages or a person asks: what they
do not cover now may be what belongs together with nothing.
"""
IDS_SPARE = 2_000
ASKED = "asked"
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
        self._counted: dict[str, datetime] = {}

    def ask(self, project: str, by: str) -> None:
        """Have the topics found anew when everything else is done, due or not."""
        event = TopicEvent(project=project, at=self._clock(), kind=ASKED, topic="", by=by)
        self._topics.note([event])

    def is_early(self, project: str, grounds: Grounds) -> bool:
        """Whether as much is understood as is looked at, though there is more that is not: the
        first topics are found now, and the rest is sorted as it comes.
        """
        now = self._clock()
        counted = self._counted.get(project)
        if counted is not None and now - counted < COUNT_INTERVAL:
            return False
        self._counted[project] = now
        messages, _ = self._meanings.sorted_share(project, grounds.settings.model)
        return messages >= SAMPLE_MESSAGES

    def find_first(self, project: str, grounds: Grounds) -> None:
        """Find the first topics. Raises Unavailable."""
        self._find(project, grounds, None)

    def run(self, project: str, grounds: Grounds) -> bool:
        """Find topics if that is due; whether it was. Raises Unavailable."""
        old = self._topics.map(project)
        return self._is_due(project, grounds, old) and self._find(project, grounds, old)

    def _find(self, project: str, grounds: Grounds, old: StoredMap | None) -> bool:
        model = grounds.settings.model
        sample = self._meanings.sample(project, model, SAMPLE_MESSAGES)
        if len(sample.texts) < MESSAGES_MIN:
            return False
        ids = [new_topic_id(self._source) for _ in range(IDS_SPARE)]
        edits = _edits(grounds.topics)
        # Models take no part in it, and what it takes itself is given back: at no time is there
        # memory for both.
        self._processes.renew()
        try:
            evolution = self._processes.run(
                find, model, old.document if old else b"", sample, ids, edits
            )
        finally:
            self._processes.renew()
        return self._keep(project, evolution, old, grounds.topics, len(sample.texts))

    def _is_due(self, project: str, grounds: Grounds, old: StoredMap | None) -> bool:
        now = self._clock()
        if old is not None and self._topics.asked(project, ASKED, old.made_at):
            return True
        looked = self._looked.get(project)
        if looked is not None and now - looked < LOOK_INTERVAL:
            return False
        messages, unsorted = self._meanings.sorted_share(project, grounds.settings.model)
        if messages < MESSAGES_MIN:
            # Few are soon more: the first topics come as soon as there are enough.
            return False
        self._looked[project] = now
        if old is None:
            return True
        # No more are looked at than the sample has.
        rows = min(messages, SAMPLE_MESSAGES)
        if rows >= GROWTH_DUE * old.messages:
            return True
        known = TopicMap.from_bytes(old.document)
        share = unsorted / messages
        return now - old.made_at >= REST and is_due(known, rows, int(share * rows))

    def _keep(
        self,
        project: str,
        evolution: Evolution,
        old: StoredMap | None,
        known: Sequence[Topic],
        messages: int,
    ) -> bool:
        now = self._clock()
        revision = old.revision + 1 if old else 1
        made = StoredMap(evolution.map.to_bytes(), revision, now, messages)
        before = {topic.id: topic for topic in known}
        found = [
            _topic(project, topic, before.get(topic.id), now) for topic in evolution.map.topics
        ]
        events = [
            TopicEvent(
                project=project, at=now, kind=each.what, topic=each.topic, others=each.others
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
        TopicMap.from_bytes(old) if old else None,
        vectors,
        sample.texts,
        sample.languages,
        sample.suggested,
        lambda: next(spare),
        edits,
        model=model,
        seed=SEED,
    )


def _edits(topics: Sequence[Topic]) -> Edits:
    suggested = {topic.id: topic for topic in topics if topic.kind is TopicKind.SUGGESTED}
    merged = {id: topic.merged_into for id, topic in suggested.items() if topic.merged_into}
    # One that is part of a kept topic is itself here, and must stay.
    inside = {id: into for id, into in merged.items() if into in suggested}
    return Edits(
        renamed={id: topic.name for id, topic in suggested.items() if topic.name},
        merged=inside,
        pinned=frozenset(
            id for id, topic in suggested.items() if topic.pinned or id in merged.keys() - inside
        ),
        hidden=frozenset(id for id, topic in suggested.items() if topic.hidden),
    )


def _topic(project: str, found: Found, known: Topic | None, now: datetime) -> Topic:
    same = known is not None and known.definition.found_name == found.name
    definition = Definition(
        parent=found.parent,
        terms=found.terms,
        typical=found.typical,
        found_name=found.name,
        polished_name=known.definition.polished_name if known is not None and same else "",
        size=found.size,
        tone=found.tone,
    )
    return Topic(
        project=project,
        id=found.id,
        kind=TopicKind.SUGGESTED,
        definition=definition,
        created_at=now,
        changed_at=now,
        dormant=found.idle > 0,
    )
