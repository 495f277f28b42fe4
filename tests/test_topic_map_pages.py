"""The map of topics: where they lie, and the page that shows it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.meaning_reports import TopicRow, TopicsReport
from causerie.store.topics import StoredMap, Topics
from causerie.topic_layout import lay_out, nearest
from causerie.topic_maps import Topic as FoundTopic
from causerie.topic_maps import TopicMap
from causerie.topic_trees import TopicTree
from causerie.web.topic_map_pages import draw_map
from tests.conftest import Cast
from tests.test_dashboard import home, sign_in
from tests.test_topic_pages import talks, topics
from tests.understood import found_topic
from tests.web_page import Page

__all__ = ["topics"]
WIDTH = 800.0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_circles_have_places_and_do_not_overlap(count: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(count, 16))
    vectors[: count // 3] = vectors[0] if count else 0
    radii = draw.uniform(5, 40, size=count)
    places = lay_out(vectors, list(radii), WIDTH)
    assert places.shape == (count, 2) and np.isfinite(places).all()
    assert np.array_equal(places, lay_out(vectors, list(radii), WIDTH))
    for one in range(count):
        for other in range(one):
            apart = np.hypot(*(places[one] - places[other]))
            assert apart >= 0.9 * (radii[one] + radii[other])


def test_what_means_alike_lies_near() -> None:
    draw = np.random.default_rng(5)
    middles = draw.normal(size=(4, 32))
    groups = np.repeat(np.arange(4), 10)
    vectors = middles[groups] + draw.normal(scale=0.25, size=(40, 32))
    places = lay_out(vectors, [4.0] * 40, WIDTH)
    for at, others in enumerate(nearest(places - places.mean(axis=0) + 1e-3, 3)):
        assert at not in others
    far = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    same = groups[:, None] == groups[None]
    np.fill_diagonal(same, val=False)
    inside, outside = far[same].mean(), far[groups[:, None] != groups[None]].mean()
    assert inside < outside / 3
    assert [groups[place] for place in nearest(vectors, 1)[0]] == [0]


def test_only_topics_to_show_are_on_the_map() -> None:
    tree = TopicTree(
        [
            found_topic("p", "post", "Post"),
            found_topic("p", "late", "Late parcels", "post"),
            found_topic("p", "lost", "Lost parcels", "post"),
            found_topic("p", "gone", "Hidden", hidden=True),
            found_topic("p", "part", "A part", merged_into="lost"),
        ]
    )
    rows = {id: TopicRow(id, messages=9) for id in ("post", "late", "lost", "gone")}
    report = TopicsReport(rows, TopicRow("*", messages=9), TopicRow(""))
    middles = {id: np.ones(3) for id in rows}
    drawn = draw_map(tree, report, middles)
    assert [spot.topic.id for spot in drawn.spots] == ["late", "lost"]
    assert [spot.label for spot in drawn.spots] == ["Late parcels", "Lost parcels"]
    assert [near.id for near in drawn.spots[0].near] == ["lost"]
    assert draw_map(tree, report, {}).spots == ()


@pytest.mark.usefixtures("topics")
def test_the_page_draws_each_topic_as_a_link(cast: Cast) -> None:
    sign_in(cast)
    path = f"{home(cast)}/topics/map"
    talks(cast)
    assert "Nothing to draw yet" in Page(cast.client.get(path).text).text
    found = tuple(FoundTopic(id, id) for id in ("late", "lost", "hours"))
    map = TopicMap("m", found, np.eye(3, 8, dtype=np.float32), ("late", "lost", "hours"))
    made = StoredMap(map.to_bytes(), 1, datetime(2026, 5, 1, tzinfo=UTC), 15)
    Topics(cast.stores.engine).save_found(cast.project, made, [], [])
    page = Page(cast.client.get(path).text)
    page.check()
    drawn = [circle for circle in page.all("circle") if float(circle["r"]) > 4.5]
    assert [circle["class"] for circle in drawn[:2]] == ["negative", "neutral few"]
    assert "Late parcels: 12 messages, mood −0.60" in page.text
    assert "Lost parcels: 1 message, mood 0.00" in page.text
    assert "Opening hours:" not in page.text
    late, lost = cast.client.get(f"{path}?format=json").json()
    assert (late["id"], late["messages"], late["nearest"]) == ("late", 12, "lost")
    assert lost["id"] == "lost"
    assert "kept_ids" in cast.client.get(f"{path}?format=sql").text
