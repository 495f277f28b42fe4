"""A metric as it is looked at: its chart, and its parts with the doors to what is behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from causerie.buckets import bucket_end
from causerie.metric_reports import Line, Part, Series
from causerie.metrics import EVALUATION, META, Metric, Source, Split
from causerie.online_evaluators import LiveOutcome
from causerie.topic_trees import TopicTree
from causerie.uncertainty import SAMPLE_MIN, Value
from causerie.web.amounts import amount, latency, money
from causerie.web.charts import Chart, Point, Strand
from causerie.web.filters import WITHOUT_TENANT, WITHOUT_TOPIC, pack
from causerie.web.meaning_words import MOOD_WORDS, SIGNAL_WORDS, language
from causerie.web.pages import number, percent, signed
from causerie.web.questions import Asked
from causerie.web.user_addresses import user_part
from causerie.wording import Wording, say, tell
from causerie.zones import midnight

UNITS: Mapping[str, Wording] = {
    "conversations": say("conversations"),
    "messages": say("messages"),
    "users": say("people"),
    "languages": say("languages"),
    "calls": say("calls"),
    "tokens": say("tokens"),
    "ratings": say("ratings"),
    "answers": say("answers"),
    "share": say("share"),
    "position": say("from −1 to +1"),
    "ratio": say("on average"),
    "ms": say("milliseconds"),
    "money": say("cost"),
}
SPLITS: Mapping[str, Wording] = {
    "topic": say("Topic"),
    "language": say("Language"),
    "model": say("Model"),
    "mood": say("Mood"),
    "signal": say("What happened"),
    "rating": say("Rating"),
    "standing": say("New or veteran"),
    "tenant": say("Tenant"),
    "source": say("Logged by"),
    "user": say("User"),
    "conversation": say("Conversation"),
    "endpoint": say("Endpoint"),
    "key": say("Key"),
}
RATINGS = {"up": say("Rated up"), "down": say("Rated down"), "none": say("Not rated")}
OUTCOMES: Mapping[str, Wording] = {
    LiveOutcome.PASS: say("Passed"),
    LiveOutcome.FAIL: say("Failed"),
    LiveOutcome.INCONCLUSIVE: say("Inconclusive"),
}
STANDINGS = {"new": say("New"), "returning": say("Returning"), "veteran": say("Veterans")}
MISSING: Mapping[str, Wording] = {
    "topic": say("No topic"),
    "tenant": say("No tenant"),
    "signal": say("Nothing of it"),
    "evaluation": say("Not judged"),
}
NOT_KNOWN, OTHERS = say("Not known"), say("All others")
STRANDS_MAX = 5
"""Parts that are told apart by their colour."""
FILTERS = ("language", "model", "mood", "signal", "rating", "source")
"""Splits whose parts are filters of the same name."""
COLUMNS = (
    *("part", "within", "start", "end", "value", "sample", "low", "high", "missing"),
    *("before", "before_sample"),
)


@dataclass(frozen=True)
class PartLine:
    """A part to read."""

    part: Part
    split: Split
    tree: TopicTree
    door: str
    """Empty where no filter says the same."""
    spark: tuple[float, ...]
    """Heights of its buckets, 0 to 1."""

    @property
    def title(self) -> str:
        """What it is called, in the language of the page."""
        return part_title(self.part, self.split, self.tree)


def draw_metric(series: Series, asked: Asked, tree: TopicTree, home: str) -> Chart:
    """The largest parts as a chart, or else the whole, each bucket a door."""
    metric, line, then = series.metric, series.whole.now, series.whole.before
    before = then.buckets if then else ()
    points = tuple(
        _point(series, asked, home, place, value, before[place] if place < len(before) else None)
        for place, value in enumerate(line.buckets)
    )
    return Chart(
        name="metric",
        title=metric.title,
        noun=UNITS[metric.unit],
        kind="line" if metric.is_sampled else "bars",
        share=metric.unit == "share",
        points=points,
        of=UNITS[metric.of],
        whole=metric.unit not in ("ratio", "money") and metric.name != "daily_active_users",
        mood=metric.unit == "position",
        strands=tuple(
            Strand(part_title(part, series.split, tree), tuple(map(_plain, part.now.buckets)))
            for part in series.parts[:STRANDS_MAX]
            if not part.is_other
        ),
    )


def _point(
    series: Series, asked: Asked, home: str, place: int, value: Value, before: Value | None
) -> Point:
    question = series.question
    start = series.starts[place]
    end = bucket_end(start, question.period)
    first, last = question.first_day, question.last_day + timedelta(days=1)
    then = series.starts_before[place] if before and place < len(series.starts_before) else None
    is_enough = not series.metric.is_sampled or (before and before.sample >= SAMPLE_MIN)
    return Point(
        start=start,
        period=question.period,
        value=_plain(value),
        sample=value.sample,
        partial=start < first or midnight(end, question.zone) > question.until,
        door=_home(series.metric, home) + asked.query_between(max(start, first), min(end, last)),
        before=_plain(before) if before and is_enough else None,
        before_start=then if is_enough else None,
    )


def _plain(value: Value) -> float | None:
    """A number as scripts have it: a cost has more digits than they need."""
    return None if value.value is None else float(value.value)


def part_lines(series: Series, asked: Asked, tree: TopicTree, home: str) -> list[PartLine]:
    """Every part, the largest first. A topic counts with those below it, which are parts too: what
    else there is of topics is nearly everything, and tells nothing.
    """
    parts = [part for part in series.parts if not (part.is_other and series.split.name == "topic")]
    top = max((_height(value) for part in parts for value in part.now.buckets), default=0)
    return [
        PartLine(
            part,
            series.split,
            tree,
            _door(part, series, asked, home),
            tuple(_height(value) / top if top else 0.0 for value in part.now.buckets),
        )
        for part in parts
    ]


def _height(value: Value) -> float:
    return abs(float(value.value)) if value.value is not None else 0.0


def part_title(part: Part, split: Split, tree: TopicTree) -> str:
    """What a part is called."""
    name = part.name
    if part.is_other:
        return tell(OTHERS)
    if split.name == "topic" and name:
        return tree.title(name) or name
    if split.name == "language" and name:
        return language(name)
    words: Mapping[str, str] = {
        "rating": RATINGS,
        "evaluation": OUTCOMES,
        "standing": STANDINGS,
        "signal": SIGNAL_WORDS,
        "mood": MOOD_WORDS,
    }.get(split.name, {})
    found = words.get(name) or name or MISSING.get(split.name, NOT_KNOWN)
    told = tell(found)
    return f"{told} · {part.within}" if part.within else told


def _door(part: Part, series: Series, asked: Asked, home: str) -> str:
    """The address of what is behind a part; empty where no filter says the same."""
    split, name = series.split.name, part.name
    place = _home(series.metric, home)
    if part.is_other:
        return ""
    if split == META:
        return place + asked.query_with(series.split.key, name) if name else ""
    if split == "topic":
        return place + asked.door(topic=name or WITHOUT_TOPIC)
    if split == "tenant":
        return place + asked.door(tenant=name or WITHOUT_TENANT)
    if not name:
        return ""
    if split == EVALUATION:
        return place + asked.door(evaluation=pack(series.split.key, name))
    if split == "standing":
        return place + asked.door(people=name)
    if split == "user":
        return f"{home}/users/{user_part(name)}{asked.door(tenant=part.within or WITHOUT_TENANT)}"
    if split == "conversation":
        within = f"?tenant={quote(part.within)}" if part.within else ""
        return f"{home}/conversations/{quote(name, safe='')}{within}"
    return place + asked.door(**{split: name}) if split in FILTERS else ""


def _home(metric: Metric, home: str) -> str:
    return f"{home}/models" if metric.source is Source.CALLS else f"{home}/conversations"


def written(value: Value, metric: Metric, currency: str) -> str:
    """A value in the language of the page."""
    if value.value is None:
        return "–"
    if metric.unit == "money":
        return money(Decimal(value.value), currency)
    return _written(float(value.value), metric)


def _written(value: float, metric: Metric) -> str:
    if metric.unit == "share":
        return percent(value)
    if metric.unit == "position":
        return signed(value)
    if metric.unit == "ms":
        return latency(round(value))
    return number(value) if value == int(value) or value >= 100 else amount(value)


def interval(value: Value, metric: Metric, currency: str) -> str:
    """Between what a value may be by chance; empty where that is not known."""
    if value.low is None or value.high is None:
        return ""
    if metric.unit == "money":
        return " – ".join(money(Decimal(repr(end)), currency) for end in (value.low, value.high))
    return f"{_written(value.low, metric)} – {_written(value.high, metric)}"


def rows_of(series: Series) -> list[dict[str, Any]]:
    """Every value as a row: of the whole and of each part the total, then its buckets. A total has
    no start; the name of the whole is empty, as is that of what is not known.
    """
    return [row for part in (series.whole, *series.parts) for row in _rows(series, part)]


def _rows(series: Series, part: Part) -> list[dict[str, Any]]:
    name = "(all)" if part is series.whole else "(others)" if part.is_other else part.name
    spans: Sequence[tuple[date | None, date | None]] = [
        (None, None),
        *((start, bucket_end(start, series.question.period)) for start in series.starts),
    ]
    now = _values(part.now)
    then: list[Value | None] = [*_values(part.before)] if part.before else []
    then += [None] * (len(now) - len(then))
    return [
        dict(
            zip(
                COLUMNS,
                (
                    *(name, part.within, start, end),
                    *(_exact(value), value.sample, value.low, value.high, value.missing),
                    *(_exact(before) if before else None, before.sample if before else None),
                ),
                strict=True,
            )
        )
        for (start, end), value, before in zip(spans, now, then, strict=False)
    ]


def _values(line: Line) -> list[Value]:
    return [line.total, *line.buckets]


def _exact(value: Value) -> Any:
    return value.value
