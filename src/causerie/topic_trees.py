"""TopicTree: which topics are in which themes, and what a merged one counts for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from causerie.topics import Topic

DEPTH_MAX = 3
"""Themes, topics, sub-topics."""
UNKNOWN = "Unnamed"


class TopicTree:
    """The topics of a project as they hang together. A topic that was merged counts for the one
    that it was made a part of, and does not show.
    """

    def __init__(self, topics: Iterable[Topic]) -> None:
        self.topics: Mapping[str, Topic] = {topic.id: topic for topic in topics}
        self._children: dict[str, list[str]] = {}
        self._counting: dict[str, list[str]] = {}
        for id in self.topics:
            lineage = self.lineage(id)
            for ancestor in lineage:
                self._counting.setdefault(ancestor, []).append(id)
            if lineage[0] == id:
                self._children.setdefault((*lineage, "")[1], []).append(id)

    def __contains__(self, id: str) -> bool:
        return id in self.topics

    def title(self, id: str) -> str:
        """What to call a topic."""
        return self.topics[id].title if id in self.topics else UNKNOWN

    def target(self, id: str) -> str:
        """What a topic counts for: itself, or what it was made a part of in the end."""
        seen = {id}
        while id in self.topics:
            into = self.topics[id].merged_into
            if not into or into not in self.topics or into in seen:
                return id
            seen.add(into)
            id = into
        return id

    def lineage(self, id: str) -> tuple[str, ...]:
        """What a topic counts for: its target, the theme of that, and the theme of the theme."""
        found = [self.target(id)]
        while len(found) < DEPTH_MAX:
            topic = self.topics.get(found[-1])
            parent = self.target(topic.definition.parent) if topic else ""
            if not parent or parent not in self.topics or parent in found:
                break
            found.append(parent)
        return tuple(found)

    def members(self, id: str) -> tuple[str, ...]:
        """The ids, as messages carry them, that count for a topic; itself at least."""
        return tuple(self._counting.get(id, [id]))

    def children(self, id: str = "") -> list[Topic]:
        """The topics in a theme, or those in none."""
        return [self.topics[child] for child in self._children.get(id, [])]

    def is_leaf(self, id: str) -> bool:
        """Whether it is a topic to show, and none to show is in it."""
        topic = self.topics.get(id)
        if topic is None or topic.hidden or topic.merged_into:
            return False
        return all(child.hidden for child in self.children(id))

    def shown(self, ids: Sequence[str], most: int) -> list[Topic]:
        """The topics to show where some are carried: the targets, without hidden ones."""
        found = dict.fromkeys(self.target(id) for id in ids)
        topics = [self.topics[id] for id in found if id in self.topics]
        return [topic for topic in topics if not topic.hidden][:most]

    def parameters(self) -> dict[str, list[str]]:
        """What each id counts for, as statements bind it."""
        told = [(id, self.lineage(id)) for id in self.topics]
        # What counts for itself alone need not be told.
        told = [(id, lineage) for id, lineage in told if lineage != (id,)]
        filled = [(*lineage, "", "")[:DEPTH_MAX] for _, lineage in told]
        return {
            "kept_ids": [id for id, _ in told],
            "targets": [lineage[0] for lineage in filled],
            "parents": [lineage[1] for lineage in filled],
            "elders": [lineage[2] for lineage in filled],
        }


NO_TOPICS = TopicTree(())
