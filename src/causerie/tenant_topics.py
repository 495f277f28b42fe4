"""Topics as a tenant may see them: named from words of everybody, they could tell of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock

from msgspec.structs import replace

from causerie.accounts import Project
from causerie.head_counts import HeadCount
from causerie.store.events import EventStore
from causerie.topic_trees import TopicTree
from causerie.topics import Definition, Topic, hushed

COUNTS_MAX = 1_000


class TenantTopics:
    """Safe in threads. A topic that was kept is named once somebody of the tenant talks about it,
    a suggested one once as many of its people do as its project asks for. No topic comes with its
    words or with what anybody said.
    """

    def __init__(self, topics: Callable[[str], TopicTree], clock: Callable[[], datetime]) -> None:
        self._topics = topics
        self._clock = clock
        self._counts: dict[tuple[str, str], HeadCount] = {}
        self._lock = Lock()

    def tree(self, events: EventStore, project: Project, tenant: str) -> TopicTree:
        """The topics of a project, to be shown to a tenant. Raises Unavailable."""
        tree = self._topics(project.id)
        if not tree.topics:
            return tree
        people = self._people(events, project.id, tenant, tree)
        return TopicTree(
            _shown(topic, people.get(tree.target(topic.id), 0), project.topic_users_min)
            for topic in tree.topics.values()
        )

    def _people(
        self, events: EventStore, project: str, tenant: str, tree: TopicTree
    ) -> Mapping[str, int]:
        whose, lineage, now = (project, tenant), tree.parameters(), self._clock()
        known = self._counts.get(whose)
        if known and known.stands(now, lineage):
            return known.people
        rows = events.select("reports/tenant_topics", {"project": project, **lineage})
        people = {row["topic"]: int(row["people"]) for row in rows}
        with self._lock:
            if len(self._counts) >= COUNTS_MAX:
                self._counts.clear()
            self._counts[whose] = HeadCount(now, self._clock(), lineage, people)
        return people


def _shown(topic: Topic, people: int, least: int) -> Topic:
    """A topic by name alone, if so many people of the tenant are enough, and hidden if it is none
    of theirs.
    """
    if people < (1 if topic.kept else least):
        return hushed(replace(topic, name="", hidden=topic.hidden or not people))
    wordless = Definition(parent=topic.definition.parent)
    return replace(topic, name=topic.title, definition=wordless)
