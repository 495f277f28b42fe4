"""The page about models and cost: what calls took, by model, user, key, endpoint or day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from causerie.buckets import bucket_end
from causerie.costs import COST_SORTS, CallOverview, CallQuestion, CallRow, Costs, Sums
from causerie.discretion import Discretion
from causerie.reports import Page
from causerie.store.accounts import Accounts
from causerie.web.call_charts import draw_calls
from causerie.web.call_questions import BY, KEY, AskedCalls, ask
from causerie.web.changes import Change, count_change
from causerie.web.charts import title as bucket_title
from causerie.web.downloads import FORMATS, ROWS_MAX, as_json, as_sql, download
from causerie.web.filters import WITHOUT_TENANT
from causerie.web.offers import Offers
from causerie.web.pages import Pages
from causerie.web.questions import DAYS, Reach
from causerie.web.signin import Doors, Visitor
from causerie.wording import say

NANO = 1_000_000_000
SPREAD = 2
"""How much calls differ from each other: their variance over the square of their mean, plus one."""
ANYONE = "anyone"
SUMS_SHOWN = (
    "calls",
    "users",
    "conversations",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "estimated",
    "unpriced",
    "errors",
    "total_p50_ms",
    "total_p95_ms",
    "first_p50_ms",
    "first_p95_ms",
)
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Line:
    """A row of the table: what it is about, where it leads, what its calls took."""

    name: str
    detail: str
    door: str
    sums: Sums


class CostPages:
    """The page under `/p/{project}/models`."""

    def __init__(
        self,
        costs: Costs,
        accounts: Accounts,
        discretion: Discretion,
        offers: Offers,
        doors: Doors,
        pages: Pages,
        base_url: str,
        clock: Clock,
    ) -> None:
        self._costs = costs
        self._accounts = accounts
        self._discretion = discretion
        self._offers = offers
        self._doors = doors
        self._pages = pages
        self._base_url = base_url
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """The address of the page."""
        return [Route("/p/{project}/models", self.show)]

    def show(self, request: Request) -> Response:
        """What calls took, or the rows of the table to take away."""
        visitor = self._doors.enter(request)
        keys = self._keys(visitor.project.id)
        asked = self._asked(visitor, request, keys)
        kind = request.query_params.get("format")
        if kind in FORMATS:
            return self._take(kind, asked)
        overview = self._costs.overview(asked.question)
        if not overview.now.calls:
            return self._render(request, visitor, asked, is_empty=True)
        page = self._page(asked, overview)
        return self._render(
            request,
            visitor,
            asked,
            is_empty=False,
            **self._told(visitor, asked, overview),
            page=page,
            lines=self._lines(visitor, asked, page.rows, keys),
            unpriced=self._costs.unpriced(asked.question) if overview.now.unpriced else [],
            failures=self._costs.errors(asked.question) if overview.now.errors else [],
        )

    def _keys(self, project: str) -> dict[str, str]:
        named = {key.id: f"{key.name} …{key.hint}" for key in self._accounts.keys(project)}
        return {**named, ANYONE: say("Without a key")}

    def _asked(self, visitor: Visitor, request: Request, keys: Mapping[str, str]) -> AskedCalls:
        project = visitor.project.id

        def reach() -> Reach | None:
            extent = self._costs.extent(project)
            return (extent.first, extent.latest) if extent.first and extent.latest else None

        tree = self._discretion.tree(project)
        zone = visitor.project.zone
        return ask(project, request.query_params, self._clock(), reach, keys, tree, zone)

    # ---- what it shows -----------------------------------------------------------------------

    def _told(self, visitor: Visitor, asked: AskedCalls, overview: CallOverview) -> dict[str, Any]:
        home = f"/p/{visitor.project.id}"
        compares = asked.compares and self._reaches(asked.question.previous())
        return {
            "sums": overview.now,
            "changes": _changes(overview) if compares else None,
            "before": overview.before,
            "charts": draw_calls(
                overview, asked, f"{home}/conversations", f"{home}/models", compares=compares
            ),
        }

    def _reaches(self, before: CallQuestion) -> bool:
        """Whether there was anything yet when that span began: else growth would be invented."""
        first = self._costs.extent(before.project).first
        return first is not None and first < before.since + timedelta(days=1)

    def _page(self, asked: AskedCalls, overview: CallOverview) -> Page[CallRow]:
        """The page asked for, or the first when there are not that many."""
        if asked.by == "day":
            rows = _days(asked, overview.series)
            return Page(rows, len(rows), 1, max(1, len(rows)))
        question = replace(asked.question, currency=overview.now.currency)
        found = self._costs.rows(question)
        if found.rows or question.page == 1:
            return found
        return self._costs.rows(replace(question, page=1))

    def _lines(
        self,
        visitor: Visitor,
        asked: AskedCalls,
        rows: Sequence[CallRow],
        keys: Mapping[str, str],
    ) -> list[Line]:
        home = f"/p/{visitor.project.id}"
        names = self._offers.names(visitor.project.id) if asked.by == "endpoint" else {}
        lines = []
        for row in rows:
            name, detail = _named(
                asked.by, row, asked.question.period, {"key": keys, "endpoint": names}
            )
            lines.append(Line(name, detail, _door(home, asked, row), row.sums))
        return lines

    def _render(
        self, request: Request, visitor: Visitor, asked: AskedCalls, **context: Any
    ) -> Response:
        project = visitor.project.id
        response = self._pages.render(
            request,
            "models.html",
            visitor,
            section="models",
            asked=asked,
            carry=asked.carry,
            notices=asked.notices,
            values=self._costs.values(project),
            spans=DAYS,
            without_tenant=WITHOUT_TENANT,
            extent=self._costs.extent(project) if context["is_empty"] else None,
            offers=self._offers.list(project) if context["is_empty"] else [],
            url=self._base_url,
            dimensions=BY,
            sort=asked.question.sort or COST_SORTS[0],
            **context,
        )
        response.set_cookie(
            "project", project, secure=self._doors.secure, httponly=True, samesite="lax"
        )
        return response

    # ---- to take away ------------------------------------------------------------------------

    def _take(self, kind: str, asked: AskedCalls) -> Response:
        question = replace(asked.question, page=1, per_page=ROWS_MAX)
        by_day = asked.by == "day"
        if kind == "sql":
            return as_sql("costs/series" if by_day else "costs/rows", asked.question)
        if by_day:
            rows = _days(asked, self._costs.series(question))[::-1]
        else:
            currency = self._costs.totals(question).currency
            rows = self._costs.rows(replace(question, currency=currency)).rows
        name = f"{asked.question.project}-calls-by-{asked.by}"
        if kind == "json":
            return _as_json(name, asked.by, rows)
        return _as_table(kind, name, asked.by, rows)


def _as_table(kind: str, name: str, by: str, rows: Sequence[CallRow]) -> Response:
    """With a column for each currency, so that a spreadsheet or notebook can add them up."""
    currencies = sorted({currency for row in rows for currency in row.sums.costs})
    columns = [by, "tenant", *SUMS_SHOWN, *(f"cost_{currency}" for currency in currencies)]
    taken = [
        {
            **_cells(by, row),
            **{f"cost_{currency}": row.sums.cost(currency) for currency in currencies},
        }
        for row in rows
    ]
    return download(kind, name, columns, taken)


def _as_json(name: str, by: str, rows: Sequence[CallRow]) -> Response:
    return as_json(name, [{**_cells(by, row), "costs": dict(row.sums.costs)} for row in rows])


def _cells(by: str, row: CallRow) -> dict[str, Any]:
    sums = {name: getattr(row.sums, name) for name in SUMS_SHOWN}
    return {by: row.name, "tenant": row.within, **sums}


def _days(asked: AskedCalls, series: Sequence[Any]) -> list[CallRow]:
    """The days, weeks or months in which there were calls, the latest first."""
    return [
        CallRow(bucket.start.isoformat(), "", bucket.sums)
        for bucket in reversed(series)
        if bucket.sums.calls
    ]


def _named(
    by: str, row: CallRow, period: str, names: Mapping[str, Mapping[str, str]]
) -> tuple[str, str]:
    """What a row is called, and what stands below in small."""
    if by in names:
        known = names[by].get(row.name, "")
        return known or row.name, row.name if known and by == "endpoint" else ""
    if by == "user":
        return row.name or say("Not told"), row.within
    if by == "day":
        return bucket_title(date.fromisoformat(row.name), period), ""
    return row.name or "Unknown", ""


def _door(home: str, asked: AskedCalls, row: CallRow) -> str:
    """The conversations behind a row; where none can be listed, this page about the row alone."""
    if not row.name:
        return ""
    address = f"{home}/conversations" if asked.has_doors else f"{home}/models"
    if asked.by == "key":
        return f"{home}/models{asked.query(**{KEY: row.name, 'by': ''})}"
    if asked.by == "endpoint":
        return address + asked.query_with("endpoint", row.name)
    changes = _changes_of(asked, row)
    return address + (asked.door(**changes) if asked.has_doors else asked.query(**changes, by=""))


def _changes_of(asked: AskedCalls, row: CallRow) -> dict[str, str]:
    """What the question about a row has that this one has not."""
    if asked.by == "day":
        start = date.fromisoformat(row.name)
        last = min(bucket_end(start, asked.question.period) - timedelta(days=1), asked.last_day)
        first = max(start, asked.first_day)
        return {"since": first.isoformat(), "until": last.isoformat()}
    return {asked.by: row.name, **({"tenant": row.within} if row.within else {})}


@dataclass(frozen=True)
class CallChanges:
    """How the numbers moved since the span before. Costs are in billionths."""

    calls: Change
    tokens: Change
    cost: Change | None
    """In the currency of the span; None where a price is unknown in either."""


def _changes(overview: CallOverview) -> CallChanges:
    now, before = overview.now, overview.before
    # Calls come in conversations, not one by one.
    clump = _calls_each(now, before)
    known = not (now.unpriced or before.unpriced)
    cost = _count(now, before, _nano(now, now), _nano(before, now), clump)
    return CallChanges(
        calls=_count(now, before, now.calls, before.calls, clump),
        tokens=_count(now, before, now.tokens, before.tokens, clump),
        cost=cost if known else None,
    )


def _calls_each(now: Sums, before: Sums) -> float:
    conversations = now.conversations + before.conversations
    return (now.calls + before.calls) / conversations if conversations else 1.0


def _count(now: Sums, before: Sums, more: int, less: int, clump: float) -> Change:
    """The change of a sum over calls that differ as much as they are expected to."""
    calls = now.calls + before.calls
    mean = (more + less) / calls if calls else 0.0
    return count_change(more, less, SPREAD * mean * clump)


def _nano(sums: Sums, of: Sums) -> int:
    return int((sums.costs.get(of.currency) or 0) * NANO)
