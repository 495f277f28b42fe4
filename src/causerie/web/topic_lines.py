"""Topics as pages list them: names, numbers, and what can be said of them in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causerie.meaning_reports import TopicRow, TopicsReport
from causerie.meanings import MOOD_MARGIN
from causerie.topic_trees import TopicTree
from causerie.topics import Topic
from causerie.web.changes import Change, share_change

UNHAPPY_SCORED_MIN = 10
"""A mood over fewer messages is not worth a sentence."""
SPARK_BUCKETS_MAX = 60
NO_REPORT = TopicsReport({}, TopicRow("*"), TopicRow(""))


@dataclass(frozen=True)
class TopicLine:
    """A topic as a list shows it."""

    topic: Topic
    row: TopicRow
    depth: int
    """0 for a theme or a topic in none."""
    part: float
    """Of the most talked about topic in the list: how long its bar is."""
    change: Change | None
    """Its share of conversations, against the span before; None where there is none."""
    has_inner: bool = False

    @property
    def spark(self) -> list[float]:
        """Heights of its series, 1 for the most."""
        counts = [bucket.messages for bucket in self.row.series[-SPARK_BUCKETS_MAX:]]
        most = max(counts, default=0)
        return [count / most for count in counts] if most else []


class Lines:
    """The lists of topics of one span, with the one before to compare with, if any."""

    def __init__(self, tree: TopicTree, now: TopicsReport, before: TopicsReport | None) -> None:
        self._tree = tree
        self._now = now
        self._before = before
        self._most = max((row.messages for row in now.rows.values()), default=0)

    def kept(self) -> list[TopicLine]:
        """What people defined, the pinned ones first; all of them, also those without messages."""
        return [self._line(topic, 0) for topic in self._sorted("") if topic.kept]

    def found(self) -> list[TopicLine]:
        """Suggested topics somebody talked about: themes, each followed by what is in it."""
        tops = [topic for topic in self._sorted("") if not topic.kept]
        return [line for top in tops for line in self._with_inner(top, 0)]

    def inside(self, id: str) -> list[TopicLine]:
        """What is in one topic."""
        return [line for topic in self._sorted(id) for line in self._with_inner(topic, 0)]

    def hidden(self) -> list[TopicLine]:
        """What people do not want to see."""
        topics = [topic for topic in self._tree.topics.values() if topic.hidden]
        return [self._line(topic, 0) for topic in topics if not topic.merged_into]

    def silent(self) -> list[TopicLine]:
        """Suggested topics that nobody talked about in this span."""
        return [
            self._line(topic, 0)
            for topic in self._tree.topics.values()
            if not (topic.kept or topic.hidden or topic.merged_into)
            and not self._now.row(topic.id).messages
        ]

    def line(self, topic: Topic) -> TopicLine:
        """One topic."""
        return self._line(topic, 0)

    def _sorted(self, parent: str) -> list[Topic]:
        topics = [topic for topic in self._tree.children(parent) if not topic.hidden]
        messages = {topic.id: self._now.row(topic.id).messages for topic in topics}
        return sorted(topics, key=lambda topic: (not topic.pinned, -messages[topic.id], topic.id))

    def _with_inner(self, topic: Topic, depth: int) -> Iterator[TopicLine]:
        if self._now.row(topic.id).messages:
            yield self._line(topic, depth)
            for inner in self._sorted(topic.id):
                yield from self._with_inner(inner, depth + 1)

    def _line(self, topic: Topic, depth: int) -> TopicLine:
        row = self._now.row(topic.id)
        part = row.messages / self._most if self._most else 0.0
        inner = any(not child.hidden for child in self._tree.children(topic.id))
        return TopicLine(topic, row, depth, part, self._change(topic.id), inner)

    def _change(self, id: str) -> Change | None:
        if self._before is None:
            return None
        return share_change(
            self._now.row(id).conversations,
            self._now.every.conversations,
            self._before.row(id).conversations,
            self._before.every.conversations,
        )


def top_lines(tree: TopicTree, report: TopicsReport, most: int) -> list[TopicLine]:
    """What is talked about most: kept topics and themes together."""
    lines = Lines(tree, report, None)
    tops = [line for line in (*lines.kept(), *lines.found()) if not line.depth]
    talked = [line for line in tops if line.row.messages]
    return sorted(talked, key=lambda line: -line.row.messages)[:most]


def unhappiest(tree: TopicTree, report: TopicsReport) -> TopicLine | None:
    """The topic in the worst mood, of those that are in one for sure; themes leave it to theirs."""
    lines = Lines(tree, report, None)
    sad = [
        line
        for line in (*lines.kept(), *lines.found())
        if not line.has_inner
        and line.row.scored >= UNHAPPY_SCORED_MIN
        and line.row.sentiment is not None
        and line.row.sentiment < -MOOD_MARGIN
    ]
    return min(sad, key=lambda line: line.row.sentiment or 0.0, default=None)
