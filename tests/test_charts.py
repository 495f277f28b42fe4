"""Charts: every bucket has its words, its door, and the bucket before it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from starlette.datastructures import QueryParams

from causerie.meaning_reports import TopicBucket, TopicRow
from causerie.meanings import MOOD_MARGIN
from causerie.reports import Bucket, Overview, Totals
from causerie.web.charts import Chart, draw, draw_topic, label, series_rows, title, up_share
from causerie.web.questions import Asked, parse

NOW = datetime(2026, 5, 20, 9, 30, tzinfo=UTC)


def ask(query: str) -> Asked:
    """A page's question, at half past nine on a Wednesday."""
    return parse("mine", QueryParams(query), NOW, lambda: None)


def days(first: date, *totals: Totals) -> list[Bucket]:
    """Buckets of days in a row."""
    return [Bucket(first + timedelta(days=index), each) for index, each in enumerate(totals)]


def charts(
    query: str, now: list[Bucket], before: list[Bucket], *, compares: bool = True
) -> dict[str, Chart]:
    """The overview's charts by name."""
    overview = Overview(Totals(), Totals(), now, before)
    drawn = draw(overview, ask(query), "/p/mine/conversations", compares=compares)
    return {chart.name: chart for chart in drawn}


def test_a_bar_stands_beside_the_one_before_it() -> None:
    now = days(date(2026, 5, 19), Totals(conversations=5), Totals(conversations=3))
    before = days(date(2026, 5, 12), Totals(conversations=4), Totals(conversations=0))
    points = charts("days=7", now, before)["volume"].points
    assert [(point.value, point.before) for point in points] == [(5, 4), (3, 0)]
    assert points[0].before_title == "Tuesday 12 May 2026"


def test_nothing_before_is_drawn_where_nothing_is_compared() -> None:
    now = days(date(2026, 5, 19), Totals(conversations=5))
    chart = charts("days=7", now, days(date(2026, 5, 12), Totals()), compares=False)["volume"]
    assert chart.points[0].before is None
    assert chart.data()["compares"] is False


def test_more_buckets_before_than_now_are_left_out() -> None:
    now = days(date(2026, 5, 20), Totals(conversations=1))
    before = days(date(2026, 5, 12), Totals(conversations=2), Totals(conversations=3))
    assert [point.before for point in charts("days=7", now, before)["volume"].points] == [2]


def test_a_bucket_opens_its_own_days_with_the_filters() -> None:
    now = days(date(2026, 5, 19), Totals(conversations=5))
    door = charts("days=7&user=ana", now, [])["volume"].points[0].door
    assert door == "/p/mine/conversations?user=ana&since=2026-05-19&until=2026-05-19"


def test_today_is_marked_as_partial_and_yesterday_is_not() -> None:
    now = days(date(2026, 5, 19), Totals(), Totals())
    points = charts("days=7", now, [])["volume"].points
    assert [point.partial for point in points] == [False, True]


def test_a_week_that_began_before_the_span_is_partial_and_opens_only_its_days() -> None:
    week = Bucket(date(2026, 2, 16), Totals(conversations=2))
    point = charts("days=90&period=week", [week], [])["volume"].points[0]
    assert point.partial
    assert point.door.endswith("?since=2026-02-20&until=2026-02-22")


def test_a_rating_that_nobody_gave_is_unknown_and_not_zero() -> None:
    now = days(date(2026, 5, 19), Totals(conversations=5), Totals(thumbs_up=3, thumbs_down=1))
    chart = charts("days=7", now, [])["rating"]
    assert [point.value for point in chart.points] == [None, 0.75]
    assert [point.sample for point in chart.points] == [0, 4]
    assert not chart.blank
    assert charts("days=7", now[:1], [])["rating"].blank


def test_a_share_of_very_few_before_is_not_drawn() -> None:
    now = days(date(2026, 5, 19), Totals(thumbs_up=9), Totals(thumbs_up=9))
    before = days(date(2026, 5, 12), Totals(thumbs_up=1), Totals(thumbs_up=4, thumbs_down=4))
    points = charts("days=7", now, before)["rating"].points
    assert [point.before for point in points] == [None, 0.5]


def test_what_the_browser_gets_is_json_with_every_point() -> None:
    now = days(date(2026, 5, 19), Totals(conversations=5), Totals(conversations=3))
    data = charts("days=7", now, [])["volume"].data()
    again = json.loads(json.dumps(data))
    assert [point["label"] for point in again["points"]] == ["19 May", "20 May"]
    assert again["points"][0]["title"] == "Tuesday 19 May 2026"


def test_buckets_are_named_by_their_period() -> None:
    start = date(2026, 4, 27)
    assert [label(start, period) for period in ("day", "week", "month")] == [
        "27 Apr",
        "27 Apr",
        "Apr 2026",
    ]
    assert title(start, "week") == "27 Apr\u2009–\u20093 May 2026"
    assert title(date(2026, 5, 4), "week") == "4–10 May 2026"
    assert title(date(2026, 5, 1), "month") == "May 2026"


def test_rows_to_take_away_hold_the_sums() -> None:
    rows = series_rows(days(date(2026, 5, 19), Totals(conversations=5, messages=9, users=2)))
    assert rows == [
        {
            "start": date(2026, 5, 19),
            "conversations": 5,
            "messages": 9,
            "user_messages": 0,
            "users": 2,
            "thumbs_up": 0,
            "thumbs_down": 0,
            "sentiment": None,
            "scored": 0,
        }
    ]


def test_the_share_of_thumbs_up_is_of_those_who_rated() -> None:
    assert up_share(Totals(conversations=100, thumbs_up=1, thumbs_down=3)) == 0.25
    assert up_share(Totals(conversations=100)) is None


def test_a_mood_is_drawn_from_messages_and_told_with_their_number() -> None:
    now = days(date(2026, 5, 19), Totals(conversations=5, sentiment=-0.4, scored=12), Totals())
    chart = charts("days=7", now, [])["mood"]
    assert chart.mood and not chart.share and chart.of == "messages"
    assert [(point.value, point.sample) for point in chart.points] == [(-0.4, 12), (None, 0)]
    assert chart.data()["margin"] == MOOD_MARGIN
    assert charts("days=7", now[1:], [])["mood"].blank


def test_a_topics_bars_lead_to_its_conversations() -> None:
    bucket = TopicBucket(date(2026, 5, 19), 7, 0.5, 6)
    asked = replace(ask("days=7&user=ana"), filters=(("user", "ana"), ("topic", "late")))
    volume, mood = draw_topic(TopicRow("late", series=(bucket,)), asked, "/p/mine/conversations")
    assert (volume.points[0].value, mood.points[0].value, mood.points[0].sample) == (7, 0.5, 6)
    assert volume.points[0].door == (
        "/p/mine/conversations?user=ana&topic=late&since=2026-05-19&until=2026-05-19"
    )
