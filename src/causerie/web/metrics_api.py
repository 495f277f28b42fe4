"""Every metric for programs: `/api/v1/metrics`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.discretion import Discretion
from causerie.errors import Invalid
from causerie.metric_catalogue import METRICS, metric_of
from causerie.metric_reports import Line, MetricReports, Part, Series
from causerie.metrics import Metric, split_of
from causerie.reports import Reports
from causerie.topic_trees import TopicTree
from causerie.uncertainty import Value
from causerie.web.downloads import download
from causerie.web.edge import JSONResponse, Keys, Reader
from causerie.web.explore_pages import in_currency
from causerie.web.filters import WITHOUT_TENANT
from causerie.web.metric_lines import COLUMNS, part_title, rows_of
from causerie.web.questions import Asked, Reach, parse

FORMATS = ("json", "csv", "parquet")
Document = dict[str, Any]


class MetricsAPI:
    """Answers about the project of a key that may read."""

    def __init__(
        self,
        keys: Keys,
        metrics: MetricReports,
        reports: Reports,
        discretion: Discretion,
        clock: Callable[[], datetime],
    ) -> None:
        self._keys = keys
        self._metrics = metrics
        self._reports = reports
        self._discretion = discretion
        self._clock = clock

    def routes(self) -> list[Route]:
        """Its addresses."""
        return [
            Route("/api/v1/metrics", self.index),
            Route("/api/v1/metrics/{name}", self.metric),
        ]

    async def index(self, request: Request) -> Response:
        """Which metrics there are, and what they can be split by."""
        await run_in_threadpool(self._keys.reader, request)
        return JSONResponse({"metrics": [_described(metric) for metric in METRICS.values()]})

    async def metric(self, request: Request) -> Response:
        """One metric over a span: the whole, its parts, and the span before."""
        reader = await run_in_threadpool(self._keys.reader, request)
        name = request.path_params["name"]
        return await run_in_threadpool(self._answer, reader, name, request.query_params)

    def _answer(self, reader: Reader, name: str, given: QueryParams) -> Response:
        metric, project = metric_of(name), reader.project
        split = split_of(given.get("split", ""), metric)
        kind = given.get("format", "json")
        if kind not in FORMATS:
            raise Invalid(f"format: {', '.join(FORMATS)}", field="format")
        tree = self._discretion.tree(project.id)
        asked = self._asked(reader, given, tree)
        question = in_currency(asked.question, metric, given.get("currency", ""))
        series = self._metrics.series(question, metric, split, tree, compares=asked.compares)
        if kind != "json":
            return download(kind, f"{project.id}-{metric.kind}", COLUMNS, rows_of(series))
        return JSONResponse(_told(series, tree))

    def _asked(self, reader: Reader, given: QueryParams, tree: TopicTree) -> Asked:
        """The question of an address as pages have it. Raises Invalid where it is not understood:
        a program reads no notices.
        """

        project = reader.project

        def reach() -> Reach | None:
            extent = self._reports.extent(project.id)
            return (extent.first, extent.latest) if extent.first and extent.latest else None

        own = [pair for pair in given.multi_items() if pair[0] not in ("tenant", "tenant_id")]
        # As everywhere in this API: without a tenant, what was logged without one.
        tenant = reader.tenant(given.get("tenant_id")) or WITHOUT_TENANT
        pairs = QueryParams([*own, ("tenant", tenant)])
        asked = parse(project.id, pairs, self._clock(), reach, tree=tree, zone=project.zone)
        if asked.notices:
            raise Invalid(str(asked.notices[0]), field="query")
        return asked


def _described(metric: Metric) -> Document:
    return {
        "name": metric.name,
        "title": str(metric.title),
        "definition": str(metric.definition),
        "unit": metric.unit,
        "of": metric.of,
        "summing": metric.summing,
        "splits": [*metric.told_splits],
    }


def _told(series: Series, tree: TopicTree) -> Document:
    question = series.question
    return {
        **_described(series.metric),
        "split": str(series.split),
        "currency": series.currency,
        "since": question.since.isoformat(),
        "until": question.until.isoformat(),
        "period": question.period,
        "zone": question.zone,
        "starts": [start.isoformat() for start in series.starts],
        "starts_before": [start.isoformat() for start in series.starts_before],
        "whole": _part(series.whole),
        "parts": [
            {
                "name": part.name,
                "title": part_title(part, series.split, tree),
                "tenant": part.within,
                "is_other": part.is_other,
                **_part(part),
            }
            for part in series.parts
        ],
    }


def _part(part: Part) -> Document:
    return {
        **_line(part.now),
        "before": None if part.before is None else _line(part.before),
    }


def _line(line: Line) -> Document:
    return {"total": _value(line.total), "series": [_value(value) for value in line.buckets]}


def _value(value: Value) -> Document:
    return {
        "value": value.value,
        "sample": value.sample,
        "low": value.low,
        "high": value.high,
        **({"missing": value.missing} if value.missing else {}),
    }
