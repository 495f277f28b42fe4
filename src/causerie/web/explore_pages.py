"""Reports, Explore: one metric at a time, split by anything.

Its address holds, beside the filters of `questions`: metric=, split= and currency=.
"""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.costs import CallQuestion
from causerie.errors import Invalid
from causerie.metric_catalogue import METRICS, OF_CALLS, OF_CONVERSATIONS, OF_SIGNALS, find_metric
from causerie.metric_reports import MetricReports
from causerie.metrics import WHOLE, Metric, Source, Split, split_of
from causerie.reports import Question
from causerie.web.downloads import FORMATS, as_sql, download
from causerie.web.filtered_pages import FilteredPages
from causerie.web.metric_lines import (
    COLUMNS,
    SPLITS,
    UNITS,
    draw_metric,
    interval,
    part_lines,
    rows_of,
    written,
)
from causerie.wording import say

PATH = "/p/{project}/reports"
FIRST = "conversations"
CURRENCY_CHARS = 3
GROUPS = (
    (say("Conversations"), OF_CONVERSATIONS),
    (say("What happened"), OF_SIGNALS),
    (say("Calls of models"), OF_CALLS),
)


class ExplorePages:
    """Sync: the server runs it in its thread pool."""

    def __init__(self, metrics: MetricReports, filtered: FilteredPages) -> None:
        self._metrics = metrics
        self._filtered = filtered

    def routes(self) -> list[BaseRoute]:
        """Its address."""
        return [Route(PATH, self.explore)]

    def explore(self, request: Request) -> Response:
        """A metric as a chart and by its parts, or its rows to take away."""
        visitor, asked, tree = self._filtered.enter(request)
        given = request.query_params
        metric = find_metric(given.get("metric", "")) or METRICS[FIRST]
        split = _split(given.get("split", ""), metric)
        question = in_currency(asked.question, metric, given.get("currency", ""))
        kind = given.get("format")
        if kind == "sql":
            name, bound = self._metrics.statement(question, metric, split, tree)
            return as_sql(name, question, bound)
        compares = asked.compares and self._filtered.reaches(question.previous())
        series = self._metrics.series(question, metric, split, tree, compares=compares)
        if kind in FORMATS:
            name = f"{visitor.project.id}-{metric.kind}"
            return download(kind, name, COLUMNS, rows_of(series))
        home = visitor.home
        return self._filtered.render(
            request,
            "explore.html",
            visitor,
            asked,
            tree,
            section="reports",
            series=series,
            metric=metric,
            split=split,
            chosen=_chosen(metric, split),
            chart=draw_metric(series, asked, tree, home),
            lines=part_lines(series, asked, tree, home),
            compares=compares,
            groups=GROUPS,
            splits=[name for name in metric.splits if name in SPLITS],
            SPLITS=SPLITS,
            UNITS=UNITS,
            written=lambda value: written(value, metric, series.currency),
            interval=lambda value: interval(value, metric, series.currency),
            is_empty=metric.name in ("conversations", "calls") and not series.whole.now.total.value,
        )


def _split(text: str, metric: Metric) -> Split:
    """What the address says; nothing where this metric has no such split."""
    try:
        return split_of(text, metric)
    except Invalid:
        return WHOLE


def in_currency(question: Question, metric: Metric, currency: str) -> Question:
    """The question about costs in that currency, if it is about costs."""
    if metric.source is not Source.CALLS or len(currency) != CURRENCY_CHARS:
        return question
    return replace(CallQuestion.of(question), currency=currency.upper())


def _chosen(metric: Metric, split: Split) -> dict[str, str]:
    """What the address must hold to choose the same."""
    chosen = {"metric": metric.name if metric.name != FIRST else "", "split": str(split)}
    return {name: value for name, value in chosen.items() if value}
