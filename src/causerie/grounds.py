"""What a project's conversations are understood by now, and the generations that stand for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from causerie.meaning_settings import MeaningSettings
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.meanings import Meanings
from causerie.store.topics import StoredMap, Topics
from causerie.topics import Topic, TopicKind
from causerie.understanding import REVISION, Grounds

MATCHED = (TopicKind.KEYWORD, TopicKind.SEMANTIC)
"""Those that are found in messages again when they change. What is suggested follows from the map;
where a merged topic counts is looked up on reading."""
LANGUAGE_KEPT = timedelta(minutes=10)
"""How long the language that most users write is taken for granted."""


class GroundsReader:
    """Reads them from the stores, the large parts only when they have changed. For one thread."""

    def __init__(
        self,
        topics: Topics,
        settings: MeaningSettingsStore,
        meanings: Meanings,
        clock: Callable[[], datetime],
    ) -> None:
        self._topics = topics
        self._settings = settings
        self._meanings = meanings
        self._clock = clock
        self._maps: dict[str, StoredMap] = {}
        self._languages: dict[str, tuple[str, datetime]] = {}

    def read(self, project: str) -> Grounds:
        """What holds now. Raises Unavailable."""
        topics = tuple(self._topics.all(project))
        settings = self._settings.get(project)
        map = self._map(project)
        return Grounds(
            generation=generation(settings, topics, map.revision if map else 0),
            judging=judging(settings, topics),
            settings=settings,
            topics=topics,
            map=map.document if map else b"",
            language=self._language(project),
        )

    def _map(self, project: str) -> StoredMap | None:
        revision = self._topics.map_revision(project)
        kept = self._maps.get(project)
        if revision and (kept is None or kept.revision != revision):
            found = self._topics.map(project)
            if found is not None:
                self._maps[project] = found
        return self._maps.get(project) if revision else None

    def _language(self, project: str) -> str:
        kept = self._languages.get(project)
        now = self._clock()
        if kept is None or not kept[0] or now - kept[1] > LANGUAGE_KEPT:
            kept = self._languages[project] = (self._meanings.language(project), now)
        return kept[0]


def generation(settings: MeaningSettings, topics: tuple[Topic, ...], map_revision: int) -> int:
    """Stands for all that a message's meaning follows from, but for what models are asked."""
    return _number(
        REVISION,
        settings.languages,
        settings.model,
        settings.embeddings.url,
        settings.embeddings.model,
        settings.calibration,
        map_revision,
        [(topic.id, topic.revision) for topic in topics if topic.kind in MATCHED],
    )


def judging(settings: MeaningSettings, topics: tuple[Topic, ...]) -> int:
    """Stands for what a model is asked. It is 1 where nothing is."""
    asked = (
        [(topic.id, topic.revision) for topic in topics if topic.kind is TopicKind.LLM]
        if settings.judge
        else []
    )
    translates = settings.translates_to if settings.judge else ""
    return _number(asked, translates) if asked or translates else 1


def _number(*parts: Any) -> int:
    digest = blake2b(msgspec.json.encode(parts), digest_size=8).digest()
    # Positive in 64 bits with a sign too, and never 0, which is "not yet".
    return int.from_bytes(digest, "big") >> 1 | 1
