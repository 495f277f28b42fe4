"""What alerts watch: a metric, period by period, by the hour too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from causerie.alert_rules import Reading
from causerie.alerts import Alert
from causerie.errors import Invalid
from causerie.metric_catalogue import metric_of
from causerie.metric_reports import MetricReports
from causerie.metric_workings import Frame
from causerie.metrics import WHOLE, Metric, Source, Summing
from causerie.reports import Question
from causerie.store.events import EventStore
from causerie.topic_trees import TopicTree
from causerie.uncertainty import Value
from causerie.wording import say
from causerie.zones import midnight

EPOCH = date(1970, 1, 1)
"""Statements count hours as days from here, the first as the first of them."""


class AlertReadings:
    """Raises Unavailable when the analytics store cannot be reached."""

    def __init__(self, events: EventStore, metrics: MetricReports) -> None:
        self._events = events
        self._metrics = metrics

    def read(
        self, alert: Alert, question: Question, tree: TopicTree, since: datetime, until: datetime
    ) -> tuple[str, list[Reading]]:
        """The kind of the metric, and every period from `since` to `until`, both of which begin
        one. Raises Invalid, NotFound for the metric.
        """
        metric = metric_of(alert.metric)
        asked = replace(question, since=since, until=until)
        if alert.period == "hour":
            return kind_of(metric), _known(self._hours(metric, asked, tree))
        asked = replace(asked, period=alert.period)
        series = self._metrics.series(asked, metric, WHOLE, tree, compares=False)
        values = zip(series.starts, series.whole.now.buckets, strict=True)
        found = [_reading(midnight(day, asked.zone), value) for day, value in values]
        return kind_of(metric), _known(found)

    def _hours(self, metric: Metric, question: Question, tree: TopicTree) -> list[Reading]:
        if metric.source is Source.PEOPLE:
            raise Invalid(say("this number is told of days at least"), field="period")
        question = replace(question, period="day")
        name, bound = self._metrics.statement(question, metric, WHOLE, tree)
        rows: dict[int, Mapping[str, Any]] = {
            (row["bucket"] - EPOCH).days - 1: row
            for row in self._events.select(name, {**bound, "period": "hour"})
        }
        frame = Frame(1, False, str(bound.get("currency", "")))
        hours = (question.until - question.since) // timedelta(hours=1)
        return [
            _reading(
                question.since + timedelta(hours=hour), metric.working(rows.get(hour, {}), frame)
            )
            for hour in range(hours)
        ]


def kind_of(metric: Metric) -> str:
    """How values of a metric scatter, as `alert_rules` calls it."""
    if metric.summing is Summing.SHARE:
        return "share"
    is_count = metric.summing in (Summing.ADDED, Summing.DISTINCT) and metric.unit != "money"
    return "count" if is_count else "mean"


def _known(readings: Sequence[Reading]) -> list[Reading]:
    """The same, those before there was anything not known: nothing is not what was usual then."""
    first = next((at for at, each in enumerate(readings) if each.sample), len(readings))
    unknown = [replace(each, value=None) for each in readings[:first]]
    return [*unknown, *readings[first:]]


def _reading(start: datetime, value: Value) -> Reading:
    return Reading(start, None if value.value is None else float(value.value), value.sample)
