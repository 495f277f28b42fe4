"""Discretion: topics as they may be shown, those of few users without a name.

Whoever shows topics reads them here, and not from their store.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock

from causerie.accounts import TOPIC_USERS_MIN
from causerie.errors import Unavailable
from causerie.head_counts import HeadCount
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore
from causerie.store.topics import Topics
from causerie.topic_trees import TopicTree
from causerie.topics import hushed

log = logging.getLogger(__name__)


class Discretion:
    """Safe in threads. A suggested topic is named when as many users as its project asks for have
    talked about it, of whatever tenant and time; a conversation without a user counts as one. They
    are counted once a minute, and more often where that is quick. What cannot be counted is not
    named.
    """

    def __init__(
        self,
        topics: Topics,
        accounts: Accounts,
        events: EventStore,
        clock: Callable[[], datetime],
    ) -> None:
        self._topics = topics
        self._accounts = accounts
        self._events = events
        self._clock = clock
        self._counts: dict[str, HeadCount] = {}
        self._counting: defaultdict[str, Lock] = defaultdict(Lock)

    def tree(self, project: str) -> TopicTree:
        """The topics of a project, to be shown. Raises Unavailable when the state store cannot be
        reached.
        """
        tree = TopicTree(self._topics.all(project))
        least = self._least(project)
        if least <= 1 or all(topic.kept for topic in tree.topics.values()):
            return tree
        people = self._people(project, tree)
        return TopicTree(
            topic if topic.kept or people.get(topic.id, 0) >= least else hushed(topic)
            for topic in tree.topics.values()
        )

    def _least(self, project: str) -> int:
        known = self._accounts.project(project)
        return TOPIC_USERS_MIN if known is None else known.topic_users_min

    def _people(self, project: str, tree: TopicTree) -> Mapping[str, int]:
        lineage = tree.parameters()
        # One counts, and whoever asks meanwhile waits for that.
        with self._counting[project]:
            now, known = self._clock(), self._counts.get(project)
            if known and known.stands(now, lineage):
                return known.people
            try:
                rows = self._events.select("reports/topic_people", {"project": project, **lineage})
            except Unavailable as error:
                log.warning("%s: topics stay without names: %s", project, error)
                return {}
            people = {row["topic"]: int(row["people"]) for row in rows}
            self._counts[project] = HeadCount(now, self._clock(), lineage, people)
            return people
