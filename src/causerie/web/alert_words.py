"""Alerts in words: what each watches, and what it fired for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from causerie.alerts import Alert, Firing, Rule
from causerie.metrics import Metric
from causerie.uncertainty import Value
from causerie.web.metric_lines import written
from causerie.web.pages import percent
from causerie.web.speech import speech
from causerie.wording import Wording, say
from causerie.zones import day_of

PERIOD_WORDS: Mapping[str, Wording] = {
    "hour": say("each hour"),
    "day": say("each day"),
    "week": say("each week"),
}
RULE_WORDS: Mapping[Rule, Wording] = {
    Rule.UNUSUAL: say("is unusual"),
    Rule.ABOVE: say("is above"),
    Rule.BELOW: say("is below"),
    Rule.CHANGE: say("changes by more than, in percent"),
}
DIRECTION_WORDS: Mapping[str, Wording] = {
    "both": say("up or down"),
    "up": say("up"),
    "down": say("down"),
}


def rule_sentence(alert: Alert, metric: Metric) -> Wording:
    """When it fires."""
    values = {
        "metric": metric.title,
        "each": PERIOD_WORDS[alert.period],
        "way": DIRECTION_WORDS[alert.direction],
    }
    if alert.rule is Rule.CHANGE:
        share = percent(alert.threshold)
        return say(
            "%(metric)s, %(each)s: more than %(share)s from the week before, %(way)s.",
            share=share,
            **values,
        )
    if alert.rule is Rule.UNUSUAL:
        return say("%(metric)s, %(each)s: unusual, %(way)s.", **values)
    limit = value_words(alert.threshold, metric)
    if alert.rule is Rule.ABOVE:
        return say("%(metric)s, %(each)s: above %(limit)s.", limit=limit, **values)
    return say("%(metric)s, %(each)s: below %(limit)s.", limit=limit, **values)


def firing_sentence(firing: Firing, alert: Alert, metric: Metric, zone: str) -> Wording:
    """What it fired for, with what was expected."""
    values = {
        "metric": metric.title,
        "value": value_words(firing.value, metric, firing.sample),
        "when": period_words(firing.start, alert.period, zone),
        "num": firing.sample,
    }
    low = None if firing.low is None else value_words(firing.low, metric)
    high = None if firing.high is None else value_words(firing.high, metric)
    if low is not None and high is not None:
        return say(
            "%(metric)s: %(value)s, %(when)s; expected %(low)s to %(high)s (sample of %(num)s).",
            low=low,
            high=high,
            **values,
        )
    if low is not None:
        return say(
            "%(metric)s: %(value)s, %(when)s; expected at least %(low)s (sample of %(num)s).",
            low=low,
            **values,
        )
    return say(
        "%(metric)s: %(value)s, %(when)s; expected at most %(high)s (sample of %(num)s).",
        high=high or "–",
        **values,
    )


def value_words(value: float, metric: Metric, sample: int = 0) -> str:
    """A number as the metric is written."""
    return written(Value(value, sample), metric, "").strip()


def period_words(start: datetime, period: str, zone: str) -> str:
    """Which period it was, by the clocks of the place."""
    day = day_of(start, zone)
    if period == "week":
        return speech().days(day, day + timedelta(days=6))
    name = speech().day_of_week(day)
    if period == "hour":
        return f"{name}, {start.astimezone(ZoneInfo(zone)):%H:%M}"
    return name


def evidence(alert: Alert, firing: Firing, zone: str) -> str:
    """The address of the conversations of the days that it fired for, within the project."""
    first = day_of(firing.start, zone)
    last = day_of(firing.end - timedelta(microseconds=1), zone)
    span = [("since", first.isoformat()), ("until", last.isoformat())]
    return f"/conversations?{urlencode([*span, *parse_qsl(alert.query)])}"


def explored(alert: Alert, firing: Firing, zone: str) -> str:
    """The address of the metric around the time that it fired for, within the project."""
    last = day_of(firing.end - timedelta(microseconds=1), zone)
    span = [("since", (last - timedelta(days=30)).isoformat()), ("until", last.isoformat())]
    return f"/reports?{urlencode([('metric', alert.metric), *span, *parse_qsl(alert.query)])}"
