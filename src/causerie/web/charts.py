"""Charts as values: from a report's buckets to what the browser draws and the table behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any

from causerie.buckets import bucket_end, bucket_start
from causerie.meaning_reports import TopicBucket, TopicRow
from causerie.meanings import MOOD_MARGIN
from causerie.notes import Note
from causerie.reports import Bucket, Overview, Totals
from causerie.web.questions import Asked
from causerie.web.speech import speech
from causerie.wording import say
from causerie.zones import midnight

SAMPLE_MIN = 5
"""A share in the span before is drawn when it is made of so many."""
CONVERSATIONS, MESSAGES, MOOD = say("conversations"), say("messages"), say("mood")
TITLES = {
    "volume": say("Conversations"),
    "users": say("Users"),
    "rating": say("Thumbs up among ratings"),
    "mood": say("Mood"),
}
SERIES_COLUMNS = (
    "start",
    "conversations",
    "messages",
    "user_messages",
    "users",
    "thumbs_up",
    "thumbs_down",
    "sentiment",
    "scored",
)


@dataclass(frozen=True)
class Point:
    """One bucket of a chart, with the bucket at its place in the span before."""

    start: date
    period: str
    value: float | None
    sample: int
    """How many conversations, or ratings, the value is made of."""
    partial: bool
    """Whether the span holds only a part of this bucket."""
    door: str
    """Address of the conversations behind it."""
    before: float | None
    before_start: date | None

    @property
    def label(self) -> str:
        """What stands at the axis."""
        return label(self.start, self.period)

    @property
    def title(self) -> str:
        """The bucket in full."""
        return title(self.start, self.period)

    @property
    def before_title(self) -> str:
        """The bucket before in full."""
        return title(self.before_start, self.period) if self.before_start else ""


@dataclass(frozen=True)
class Strand:
    """One part of what a chart shows, bucket by bucket."""

    title: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Chart:
    """What is drawn in one place. `share` says that values are parts of one, `mood` that they are
    positions from -1 to 1.
    """

    name: str
    title: str
    noun: str
    kind: str
    share: bool
    points: tuple[Point, ...]
    of: str = say("ratings")
    """What a share is made of."""
    whole: bool = True
    """Values are counts, not amounts."""
    mood: bool = False
    strands: tuple[Strand, ...] = ()
    """The parts that are drawn in place of the whole."""

    @property
    def sampled(self) -> bool:
        """Whether its values are made of samples whose size counts."""
        return self.share or self.mood

    @property
    def blank(self) -> bool:
        """Whether nothing is known of any bucket."""
        return all(point.value is None for point in self.points)

    def data(self, notes: Sequence[Note] = ()) -> dict[str, Any]:
        """What the browser draws it from; `notes` are of the days that it shows."""
        keys = ("label", "title", "value", "sample", "partial", "door", "before")
        points = [
            {**{key: getattr(point, key) for key in keys}, "beforeTitle": point.before_title}
            for point in self.points
        ]
        compares = not self.strands and any(point.before is not None for point in self.points)
        return {
            "kind": self.kind,
            "noun": self.noun,
            "share": self.share,
            "of": self.of,
            "whole": self.whole,
            "mood": self.mood,
            "margin": MOOD_MARGIN,
            "sampled": self.sampled,
            "compares": compares,
            "points": points,
            "strands": [
                {"title": strand.title, "values": strand.values} for strand in self.strands
            ],
            "notes": _marks(self.points, notes),
            "partly": say("(in part)"),
            "percent": speech().percent_pattern,
        }


def _marks(points: Sequence[Point], notes: Sequence[Note]) -> list[dict[str, Any]]:
    """Which bucket each note belongs to, by its place."""
    places = {point.start: place for place, point in enumerate(points)}
    found = [(places.get(bucket_start(note.day, points[0].period)), note) for note in notes]
    return [{"place": place, "text": note.text} for place, note in found if place is not None]


def draw(
    overview: Overview, asked: Asked, conversations: str, *, compares: bool = True
) -> list[Chart]:
    """The overview's charts; `conversations` is the address of the list."""
    before = overview.series_before if compares else []
    pairs = list(zip_longest(overview.series, before[: len(overview.series)]))

    def chart(name: str, title: str, noun: str, kind: str, value: Value, sample: Sample) -> Chart:
        # A share of few is noise, and a dashed line cannot show that it is.
        least = SAMPLE_MIN if kind == "line" else 0
        points = tuple(
            _point(now, then, asked, conversations, value, sample, least) for now, then in pairs
        )
        return Chart(name, title, noun, kind, kind == "line", points)

    mood = chart("mood", TITLES["mood"], MOOD, "line", lambda totals: totals.sentiment, _scored)
    return [
        chart("volume", TITLES["volume"], CONVERSATIONS, "bars", _conversations, _conversations),
        chart("users", TITLES["users"], say("users"), "bars", _users, _conversations),
        chart("rating", TITLES["rating"], say("thumbs up"), "line", up_share, _rated),
        replace(mood, share=False, mood=True, of=MESSAGES),
    ]


Value = Callable[[Totals], float | None]
Sample = Callable[[Totals], int]


def _conversations(totals: Totals) -> int:
    return totals.conversations


def _users(totals: Totals) -> int:
    return totals.users


def _rated(totals: Totals) -> int:
    return totals.rated


def _scored(totals: Totals) -> int:
    return totals.scored


def up_share(totals: Totals) -> float | None:
    """Thumbs up among all thumbs; None where nobody rated."""
    return totals.thumbs_up / totals.rated if totals.rated else None


def _point(
    now: Bucket,
    then: Bucket | None,
    asked: Asked,
    address: str,
    value: Value,
    sample: Sample,
    least: int,
) -> Point:
    period = asked.question.period
    start, end = now.start, bucket_end(now.start, period)
    first, last = asked.first_day, asked.last_day + timedelta(days=1)
    return Point(
        start=start,
        period=period,
        value=value(now.totals),
        sample=sample(now.totals),
        partial=start < first or midnight(end, asked.question.zone) > asked.question.until,
        door=address + asked.query_between(max(start, first), min(end, last)),
        before=value(then.totals) if then and sample(then.totals) >= least else None,
        before_start=then.start if then else None,
    )


def label(start: date, period: str) -> str:
    """A bucket on an axis: `4 Mar`, or `Mar 2024` for a month."""
    return speech().short_month(start) if period == "month" else speech().short_day(start)


def title(start: date, period: str) -> str:
    """A bucket in full: `Monday 4 March 2024`, `4–10 Mar 2024`, `March 2024`."""
    if period == "month":
        return speech().month(start)
    if period == "day":
        return speech().day_of_week(start)
    return speech().days(start, start + timedelta(days=6))


def series_rows(buckets: Sequence[Bucket]) -> list[dict[str, Any]]:
    """The buckets as rows to take away."""
    return [
        {
            "start": bucket.start,
            **{name: getattr(bucket.totals, name) for name in SERIES_COLUMNS[1:]},
        }
        for bucket in buckets
    ]


def draw_topic(row: TopicRow, asked: Asked, conversations: str) -> list[Chart]:
    """How much a topic was talked about, and in what mood; doors lead to its conversations."""

    def points(value: Callable[[TopicBucket], float | None]) -> tuple[Point, ...]:
        return tuple(_topic_point(each, asked, conversations, value) for each in row.series)

    volume, mood = points(lambda each: each.messages), points(lambda each: each.sentiment)
    return [
        Chart("volume", say("Messages"), MESSAGES, "bars", False, volume),
        Chart("mood", TITLES["mood"], MOOD, "line", False, mood, of=MESSAGES, mood=True),
    ]


def _topic_point(
    each: TopicBucket,
    asked: Asked,
    address: str,
    value: Callable[[TopicBucket], float | None],
) -> Point:
    period = asked.question.period
    first, last = asked.first_day, asked.last_day + timedelta(days=1)
    start, end = each.start, bucket_end(each.start, period)
    return Point(
        start=start,
        period=period,
        value=value(each),
        sample=each.scored,
        partial=start < first or midnight(end, asked.question.zone) > asked.question.until,
        door=address + asked.query_between(max(start, first), min(end, last)),
        before=None,
        before_start=None,
    )
