"""Topics as pages list them: names, numbers, and what can be said of them in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from causerie.meaning_reports import Talked, TopicRow, TopicsReport
from causerie.meanings import MOOD_MARGIN
from causerie.topic_trees import TopicTree
from causerie.topics import Topic
from causerie.web.changes import Change, exact_share_change, sure_together

SORTS = ("messages", "mood", "users", "change")
"""The most talked about, the unhappiest, the most users, what rose most; the first is usual."""
UNHAPPY_SCORED_MIN = 10
"""A mood over fewer messages is not worth a sentence."""
SPARK_BUCKETS_MAX = 60
NOTHING = Change(0.0, 0.0, None, sure=False)
"""Of a topic that nobody talked about, now or before."""
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
    def points(self) -> float:
        """How its share of conversations moved; 0 where that is not known."""
        return (self.change.share or 0.0) if self.change else 0.0

    @property
    def spark(self) -> list[float]:
        """Heights of its series, 1 for the most."""
        counts = [bucket.messages for bucket in self.row.series[-SPARK_BUCKETS_MAX:]]
        most = max(counts, default=0)
        return [count / most for count in counts] if most else []


class Lines:
    """The lists of topics of one span, with the one before to compare with, if any."""

    def __init__(self, tree: TopicTree, now: TopicsReport, before: Talked | None) -> None:
        self._tree = tree
        self._now = now
        self._before = before
        self._most = max((row.messages for row in now.rows.values()), default=0)
        self._changes = _changes(tree, now, before) if before else {}

    @property
    def compares(self) -> bool:
        """Whether there is a span before to compare with."""
        return self._before is not None

    def kept(self) -> list[TopicLine]:
        """What people defined, the pinned ones first; all of them, also those without messages."""
        return [self._line(topic, 0) for topic in self._sorted("") if topic.kept]

    def found(self) -> list[TopicLine]:
        """Suggested topics somebody talked about: themes, each followed by what is in it."""
        tops = [topic for topic in self._sorted("") if not (topic.kept or topic.definition.tone)]
        return [line for top in tops for line in self._with_inner(top, 0)]

    def tone(self) -> list[TopicLine]:
        """Suggested topics that say how it went, not what about."""
        tops = [topic for topic in self._sorted("") if topic.definition.tone]
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
        return None if self._before is None else self._changes.get(id, NOTHING)

    def moved(self) -> tuple[list[TopicLine], list[TopicLine]]:
        """What rose and what fell beyond chance, the most first; themes leave it to theirs."""
        lines = [
            self._line(self._tree.topics[id], 0)
            for id, change in self._changes.items()
            if change.sure and self._tree.is_leaf(id)
        ]
        lines.sort(key=lambda line: -abs(line.points))
        rising = [line for line in lines if line.points > 0]
        return rising, [line for line in lines if line.points < 0]


def _changes(tree: TopicTree, now: TopicsReport, before: Talked) -> dict[str, Change]:
    """Of every topic that somebody talked about now or before, judged together."""
    talked = {id for id in {**now.rows, **before.conversations} if id in tree}
    every, every_before = now.every.conversations, before.every
    return sure_together(
        {
            id: exact_share_change(
                now.row(id).conversations, every, before.conversations.get(id, 0), every_before
            )
            for id in sorted(talked)
        }
    )


def in_order(lines: Sequence[TopicLine], sort: str) -> list[TopicLine]:
    """Topics by that order, themes left to theirs; as they are in the usual one. Unknown is last,
    and so are moods over few messages.
    """
    if sort == "mood":
        return sorted(
            _leaves(lines),
            key=lambda line: (
                line.row.sentiment is None,
                line.row.scored < UNHAPPY_SCORED_MIN,
                line.row.sentiment or 0.0,
            ),
        )
    if sort == "users":
        return sorted(_leaves(lines), key=lambda line: -line.row.users)
    if sort == "change":
        return sorted(_leaves(lines), key=lambda line: (line.change is None, -line.points))
    return list(lines)


def _leaves(lines: Sequence[TopicLine]) -> list[TopicLine]:
    return [replace(line, depth=0) for line in lines if not line.has_inner]


def folds(lines: Sequence[TopicLine]) -> list[tuple[TopicLine, list[TopicLine]]]:
    """Themes and topics in none, each with what is in it."""
    found: list[tuple[TopicLine, list[TopicLine]]] = []
    for line in lines:
        if line.depth:
            found[-1][1].append(line)
        else:
            found.append((line, []))
    return found


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
