"""The charts of what calls took: cost, calls, what came from the providers' caches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import zip_longest

from causerie.buckets import bucket_end
from causerie.costs import CallBucket, CallOverview, Sums
from causerie.web.call_questions import AskedCalls
from causerie.web.charts import SAMPLE_MIN, Chart, Point
from causerie.wording import say
from causerie.zones import midnight

TOKENS = say("input tokens")
Value = Callable[[Sums], float | None]
Sample = Callable[[Sums], int]


def draw_calls(
    overview: CallOverview, asked: AskedCalls, lists: str, here: str, *, compares: bool
) -> list[Chart]:
    """The charts, the widest first. `lists` is the address of the conversations behind them, `here`
    that of this page, for calls of which no list can be had.
    """
    before = overview.series_before if compares else []
    pairs = list(zip_longest(overview.series, before[: len(overview.series)]))
    currency = overview.now.currency

    def chart(name: str, title: str, noun: str, value: Value, sample: Sample) -> Chart:
        share = name == "cached"
        least = SAMPLE_MIN if share else 0
        points = tuple(
            _point(now, then, asked, lists if asked.has_doors else here, value, sample, least)
            for now, then in pairs
        )
        kind = "line" if share else "bars"
        return Chart(name, title, noun, kind, share, points, TOKENS, name != "cost")

    charts = [
        chart("calls", say("Calls"), say("calls"), _calls, _calls),
        chart("cached", say("Input from caches"), say("of the input"), _cached, _told_tokens),
    ]
    if currency:
        title = say("Cost in %(currency)s", currency=currency)
        charts.insert(0, chart("cost", title, currency, _cost_in(currency), _calls))
    return charts


def _calls(sums: Sums) -> int:
    return sums.calls


def _told_tokens(sums: Sums) -> int:
    return sums.told_tokens


def _cached(sums: Sums) -> float | None:
    return sums.share_cached


def _cost_in(currency: str) -> Value:
    def cost(sums: Sums) -> float | None:
        known = sums.cost(currency)
        return None if known is None else float(known)

    return cost


def _point(
    now: CallBucket,
    then: CallBucket | None,
    asked: AskedCalls,
    address: str,
    value: Value,
    sample: Sample,
    least: int,
) -> Point:
    period = asked.question.period
    start, end = now.start, bucket_end(now.start, period)
    first, last = asked.first_day, asked.last_day + timedelta(days=1)
    since, until = max(start, first), min(end, last) - timedelta(days=1)
    days = {"since": since.isoformat(), "until": until.isoformat()}
    query = asked.door(**days) if asked.has_doors else asked.query(**days)
    return Point(
        start=start,
        period=period,
        value=value(now.sums),
        sample=sample(now.sums),
        partial=start < first or midnight(end, asked.question.zone) > asked.question.until,
        door=address + query,
        before=value(then.sums) if then and sample(then.sums) >= least else None,
        before_start=then.start if then else None,
    )
