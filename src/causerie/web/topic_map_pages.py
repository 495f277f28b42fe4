"""Topics, Map: topics placed by nearness of meaning, as a drawing that is all links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.meaning_reports import MeaningReports, TopicRow, TopicsReport, topic_parameters
from causerie.store.topics import Topics
from causerie.topic_layout import lay_out, nearest
from causerie.topic_trees import TopicTree
from causerie.topics import Topic
from causerie.web.downloads import FORMATS, as_sql, download
from causerie.web.filtered_pages import FilteredPages

PATH = "/p/{project}/topics/map"
SHOWN_MAX = 300
WIDTH = 900.0
RADIUS_MAX, RADIUS_MIN = 56.0, 5.0
"""Of the most talked about topic, and the least that can be hit."""
LABEL_RADIUS_MIN = 17.0
LETTERS_PER_UNIT = 0.18
"""How much of a name fits into a circle."""
NEAREST_SHOWN = 3
MARGIN = 12.0
COLUMNS = (
    *("id", "title", "messages", "share", "users", "sentiment", "scored", "x", "y", "nearest"),
)


@dataclass(frozen=True)
class Spot:
    """A topic on the map."""

    topic: Topic
    row: TopicRow
    x: float
    y: float
    radius: float
    label: str
    """As much of its name as fits; empty where little does."""
    near: tuple[Topic, ...]
    """Those that mean most alike."""


@dataclass(frozen=True)
class Map:
    """Spots, the largest first, and the box that holds them."""

    spots: tuple[Spot, ...]
    left: float
    top: float
    width: float
    height: float


class TopicMapPages:
    """Sync: the server runs it in its thread pool."""

    def __init__(self, meanings: MeaningReports, topics: Topics, filtered: FilteredPages) -> None:
        self._meanings = meanings
        self._topics = topics
        self._filtered = filtered

    def routes(self) -> list[BaseRoute]:
        """Its address, which would else be that of a topic."""
        return [Route(PATH, self.show)]

    def show(self, request: Request) -> Response:
        """The map with its table, or its rows to take away."""
        visitor, asked, tree = self._filtered.enter(request)
        kind = request.query_params.get("format")
        if kind == "sql":
            return as_sql("reports/topics", asked.question, topic_parameters(asked.question, tree))
        report = self._meanings.topics(asked.question, tree)
        drawn = draw_map(tree, report, self._middles(visitor.project.id, tree))
        if kind in FORMATS:
            name, rows = f"{visitor.project.id}-topic-map", _rows(drawn, tree)
            return download(kind, name, COLUMNS, rows)
        return self._filtered.render(
            request,
            "topic_map.html",
            visitor,
            asked,
            tree,
            section="topics",
            is_empty=not drawn.spots,
            drawn=drawn,
        )

    def _middles(self, project: str, tree: TopicTree) -> Mapping[str, np.ndarray]:
        """The middle of each topic among meanings; what was merged lies in what it counts for."""
        # Only here: a map brings what finds topics with it, which a server is lighter without.
        from causerie.topic_maps import TopicMap

        kept = self._topics.map(project)
        if kept is None:
            return {}
        found = TopicMap.from_bytes(kept.document)
        own: dict[str, list[np.ndarray]] = {}
        for id, prototype in zip(found.owners, found.prototypes, strict=True):
            own.setdefault(tree.target(id), []).append(prototype)
        return {id: np.mean(vectors, axis=0) for id, vectors in own.items()}


def draw_map(tree: TopicTree, report: TopicsReport, middles: Mapping[str, np.ndarray]) -> Map:
    """The topics that somebody talked about and whose place is known."""
    rows = [
        row
        for id, row in report.rows.items()
        if id in middles and tree.is_leaf(id) and row.messages
    ]
    rows.sort(key=lambda row: (-row.messages, row.id))
    rows = rows[:SHOWN_MAX]
    if not rows:
        return Map((), 0, 0, 0, 0)
    most = rows[0].messages
    radii = [max(RADIUS_MAX * sqrt(row.messages / most), RADIUS_MIN) for row in rows]
    vectors = np.array([middles[row.id] for row in rows])
    places = lay_out(vectors, radii, WIDTH - 2 * RADIUS_MAX)
    near = nearest(vectors, NEAREST_SHOWN)
    spots = tuple(
        Spot(
            topic=tree.topics[row.id],
            row=row,
            x=round(float(place[0]), 1),
            y=round(float(place[1]), 1),
            radius=round(radius, 1),
            label="" if tree.topics[row.id].is_small else _label(tree.title(row.id), radius),
            near=tuple(tree.topics[rows[other].id] for other in others),
        )
        for row, place, radius, others in zip(rows, places, radii, near, strict=True)
    )
    return _boxed(spots)


def _label(title: str, radius: float) -> str:
    if radius < LABEL_RADIUS_MIN:
        return ""
    room = 2 * radius * LETTERS_PER_UNIT
    for end, letter in enumerate(title):
        # Letters of Chinese, Japanese and Korean are twice as wide.
        room -= 2 if east_asian_width(letter) in "WF" else 1
        if room < 0:
            return f"{title[: max(end - 1, 1)].rstrip()}…"
    return title


def _boxed(spots: tuple[Spot, ...]) -> Map:
    left = min(spot.x - spot.radius for spot in spots) - MARGIN
    top = min(spot.y - spot.radius for spot in spots) - MARGIN
    right = max(spot.x + spot.radius for spot in spots) + MARGIN
    bottom = max(spot.y + spot.radius for spot in spots) + MARGIN
    return Map(spots, left, top, right - left, bottom - top)


def _rows(drawn: Map, tree: TopicTree) -> Sequence[dict[str, Any]]:
    return [
        {
            "id": spot.topic.id,
            "title": tree.title(spot.topic.id),
            **{name: getattr(spot.row, name) for name in COLUMNS[2:7]},
            "x": spot.x,
            "y": spot.y,
            "nearest": " ".join(near.id for near in spot.near),
        }
        for spot in drawn.spots
    ]
