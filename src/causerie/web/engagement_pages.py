"""Users, Engagement: how many come and how often, who they are, what new people talk about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.beside import Beside
from causerie.buckets import bucket_end
from causerie.engagement import (
    CONVERSATIONS_MIN,
    MONTH,
    PEOPLE_MIN,
    WEEK,
    Engagement,
    Gap,
    Group,
    Reach,
    StandingBucket,
    reach_parameters,
)
from causerie.topic_trees import TopicTree
from causerie.visits import Standing
from causerie.web.charts import Chart, Point, label, title
from causerie.web.downloads import FORMATS, as_sql, download
from causerie.web.filtered_pages import FilteredPages
from causerie.web.questions import Asked
from causerie.web.stacks import Stacks, stack
from causerie.wording import say
from causerie.zones import day_of

PATH = "/p/{project}/users/engagement"
OF = ("reach", "people", "topics")
"""What can be taken away: how many come, who they are, what they talk about."""
STATEMENTS = {
    "reach": "reports/reach",
    "people": "reports/standings",
    "topics": "reports/standing_topics",
}
COLUMNS = {
    "reach": (
        *("day", "of_day", "of_week", "of_month", "visits_of_week", "visits_of_month", "whole"),
        *("daily_of_weekly", "daily_of_monthly", "weekly_of_monthly"),
    ),
    "people": ("start", "standing", "people", "conversations"),
    "topics": (
        *("topic", "title", "share_new", "share_veteran", "difference", "low", "high", "sure"),
        *("conversations_new", "of_new", "conversations_veteran", "of_veteran"),
    ),
}
GAPS_SHOWN = 20
PEOPLE = say("people")


class EngagementPages:
    """Sync: the server runs it in its thread pool."""

    def __init__(self, engagement: Engagement, filtered: FilteredPages, beside: Beside) -> None:
        self._engagement = engagement
        self._filtered = filtered
        self._beside = beside

    def routes(self) -> list[BaseRoute]:
        """Its address."""
        return [Route(PATH, self.show)]

    def show(self, request: Request) -> Response:
        """The page, or the rows of one of its tables to take away."""
        visitor, asked, tree = self._filtered.enter(request)
        given = request.query_params.get("of", "")
        of = given if given in OF else OF[0]
        kind = request.query_params.get("format")
        if kind in FORMATS:
            return self._take(kind, of, asked, tree)
        question = asked.question
        beside = self._beside.start(partial(self._engagement.gaps, question, tree))
        reach, standings = self._reach(asked), self._engagement.standings(question)
        habits, gaps = self._engagement.habits(question), beside()
        home = visitor.home
        is_empty = not any(one.of_month for one in reach)
        return self._filtered.render(
            request,
            "engagement.html",
            visitor,
            asked,
            tree,
            section="users",
            is_empty=is_empty,
            reach=reach,
            charts=draw_reach(reach, asked, f"{home}/conversations"),
            stacks=_stacks(standings, asked, f"{home}/users"),
            standings=_lines(standings, asked),
            habits=habits,
            up_to=lambda one, days: asked.query_between(*_days_up_to(one, days)),
            gaps=gaps,
            shown=gaps.gaps[:GAPS_SHOWN],
            WEEK=WEEK,
            MONTH=MONTH,
            PEOPLE_MIN=PEOPLE_MIN,
            CONVERSATIONS_MIN=CONVERSATIONS_MIN,
        )

    def _reach(self, asked: Asked) -> list[Reach]:
        question = asked.question
        first = self._filtered.first(question)
        return self._engagement.reach(question, day_of(first, question.zone) if first else None)

    def _take(self, kind: str, of: str, asked: Asked, tree: TopicTree) -> Response:
        question = asked.question
        if kind == "sql":
            bound = reach_parameters(question) if of == "reach" else question.parameters()
            return as_sql(STATEMENTS[of], question, {**bound, **tree.parameters()})
        rows = self._rows(of, asked, tree)
        name = f"{question.project}-{of}"
        return download(kind, name, COLUMNS[of], rows)

    def _rows(self, of: str, asked: Asked, tree: TopicTree) -> list[dict[str, Any]]:
        if of == "reach":
            return [
                {name: getattr(one, name) for name in COLUMNS["reach"]}
                for one in self._reach(asked)
            ]
        if of == "people":
            return _standing_rows(self._engagement.standings(asked.question))
        return [_gap_row(gap, tree) for gap in self._engagement.gaps(asked.question, tree).gaps]


def draw_reach(reach: Sequence[Reach], asked: Asked, conversations: str) -> list[Chart]:
    """How many come, and how many of their days they do; doors lead to their conversations."""

    def points(name: str, days: int, times: float = 1) -> tuple[Point, ...]:
        return tuple(_point(one, name, days, times, asked, conversations) for one in reach)

    return [
        Chart("weekly", say("People in 7 days"), PEOPLE, "bars", False, points("of_week", WEEK)),
        Chart(
            "monthly", say("People in 30 days"), PEOPLE, "bars", False, points("of_month", MONTH)
        ),
        Chart(
            "stickiness",
            say("Of their 30 days, the percentage on which people came"),
            say("%% of days"),
            "line",
            False,
            points("daily_of_monthly", MONTH, 100),
            whole=False,
        ),
    ]


def _point(
    one: Reach, name: str, days: int, times: float, asked: Asked, conversations: str
) -> Point:
    value = getattr(one, name)
    return Point(
        start=one.day,
        period="day",
        value=None if value is None else value * times,
        sample=one.of_month,
        partial=not one.whole,
        door=conversations + asked.query_between(*_days_up_to(one, days)),
        before=None,
        before_start=None,
    )


def _days_up_to(one: Reach, days: int) -> tuple[date, date]:
    """So many days up to one; the second is not in it."""
    after = one.day + timedelta(days=1)
    return after - timedelta(days=days), after


def _stacks(buckets: Sequence[StandingBucket], asked: Asked, users: str) -> Stacks:
    """From the ground up those who stay: veterans, returning, new."""
    return stack(
        [
            [
                (
                    standing.value,
                    bucket.groups[standing].people if standing in bucket.groups else 0,
                    users + _door(bucket, standing, asked),
                )
                for standing in (Standing.VETERAN, Standing.RETURNING, Standing.NEW)
            ]
            for bucket in buckets
        ]
    )


def _door(bucket: StandingBucket, standing: Standing, asked: Asked) -> str:
    end = min(bucket_end(bucket.start, asked.question.period), asked.last_day + timedelta(days=1))
    first = max(bucket.start, asked.first_day)
    last = end - timedelta(days=1)
    return asked.door(since=first.isoformat(), until=last.isoformat(), people=standing.value)


@dataclass(frozen=True)
class StandingLine:
    """The numbers behind a bar."""

    bucket: StandingBucket
    period: str
    doors: Mapping[Standing, str]

    @property
    def title(self) -> str:
        """The bucket in full."""
        return title(self.bucket.start, self.period)

    @property
    def label(self) -> str:
        """What stands at the axis."""
        return label(self.bucket.start, self.period)

    def people(self, standing: str) -> int:
        """How many were that."""
        return self.bucket.groups.get(Standing(standing), Group()).people


def _lines(buckets: Sequence[StandingBucket], asked: Asked) -> list[StandingLine]:
    return [
        StandingLine(
            bucket, asked.question.period, {one: _door(bucket, one, asked) for one in Standing}
        )
        for bucket in buckets
    ]


def _standing_rows(buckets: Sequence[StandingBucket]) -> list[dict[str, Any]]:
    return [
        {
            "start": bucket.start,
            "standing": standing.value,
            "people": group.people,
            "conversations": group.conversations,
        }
        for bucket in buckets
        for standing, group in bucket.groups.items()
    ]


def _gap_row(gap: Gap, tree: TopicTree) -> dict[str, Any]:
    low, high = gap.interval
    return {
        "topic": gap.topic,
        "title": tree.title(gap.topic),
        "share_new": gap.share_new,
        "share_veteran": gap.share_veteran,
        "difference": gap.difference,
        "low": low,
        "high": high,
        "sure": gap.sure,
        "conversations_new": gap.new.conversations,
        "of_new": gap.of_new.conversations,
        "conversations_veteran": gap.veteran.conversations,
        "of_veteran": gap.of_veteran.conversations,
    }
