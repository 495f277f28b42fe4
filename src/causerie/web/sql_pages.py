"""Reports, SQL: a box for a query, what can be asked beside it, and what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from causerie.accounts import Role
from causerie.errors import CauserieError, Forbidden, TooMany
from causerie.queries.desk import VALUES, Answer, QueryDesk, TypedQuery
from causerie.queries.outlines import outline
from causerie.queries.tables import TABLES
from causerie.queries.tokens import SqlError
from causerie.store.views import Views
from causerie.topic_trees import TopicTree
from causerie.views import VIEW_QUERY_CHARS_MAX
from causerie.web.audited import note
from causerie.web.downloads import as_csv, as_json
from causerie.web.filtered_pages import FilteredPages
from causerie.web.questions import Asked
from causerie.web.signin import Doors, Visitor
from causerie.web.sql_api import PARQUET, names, records
from causerie.web.sql_examples import EXAMPLES
from causerie.web.sql_results import CELL_CHARS_MAX, ROWS_SHOWN, SHOWS, Axes, cell, drawing
from causerie.wording import say

PATH = "/p/{project}/reports/sql"
FILES = ("csv", "json", "parquet")
NOT_FOR_VIEWERS = say("Members and owners run queries; viewers see those that are saved as views.")


@dataclass(frozen=True)
class Wish:
    """What is to be run, and how it is to be looked at."""

    sql: str
    show: str
    axes: Axes
    file: str

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Wish:
        """From a form, or the query of an address."""
        show, file = given.get("show", ""), given.get("format", "")
        axes = Axes(given.get("x", ""), given.get("y", ""), given.get("split", ""))
        sql = given.get("sql", "").replace("\r\n", "\n").strip()
        return cls(sql, show if show in SHOWS else "table", axes, file if file in FILES else "")

    @property
    def parts(self) -> dict[str, str]:
        """What of it stands in an address."""
        show = self.show if self.show != "table" else ""
        return {"sql": self.sql, "show": show, **vars(self.axes)}


class SqlPages:
    """Sync but for the form: the server runs it in its thread pool."""

    def __init__(
        self, desk: QueryDesk, views: Views, filtered: FilteredPages, doors: Doors
    ) -> None:
        self._desk = desk
        self._views = views
        self._filtered = filtered
        self._doors = doors

    def routes(self) -> list[BaseRoute]:
        """Its addresses."""
        return [Route(PATH, self.sql), Route(PATH, self.run, methods=["POST"])]

    def sql(self, request: Request) -> Response:
        """The query of the address, run; without one, the empty box."""
        return self._page(request, Wish.of(request.query_params))

    async def run(self, request: Request) -> Response:
        """The query of the form: by its address, where that is short enough to be shared."""
        visitor = await run_in_threadpool(self._doors.enter, request, Role.MEMBER)
        form = await self._doors.check_form(request, visitor)
        return await run_in_threadpool(self._run, request, Wish.of(form))

    def _run(self, request: Request, wish: Wish) -> Response:
        _, asked, _ = self._filtered.enter(request)
        address = asked.query(**wish.parts)
        if wish.file or len(address) > VIEW_QUERY_CHARS_MAX:
            return self._page(request, wish)
        return RedirectResponse(request.url.path + address, 303)

    def _page(self, request: Request, wish: Wish) -> Response:
        visitor, asked, tree = self._filtered.enter(request)
        may_type = visitor.role.covers(Role.MEMBER)
        if not wish.sql:
            return self._render(request, visitor, asked, tree, wish, may_type=may_type)
        try:
            if not may_type and not self._is_saved(visitor.project.id, wish.sql):
                raise Forbidden(NOT_FOR_VIEWERS)
            query = _query(visitor, asked, wish)
            note(sql=outline(wish.sql))
            if wish.file:
                note(format=wish.file)
            if wish.file == "parquet":
                name = f'attachment; filename="{visitor.project.id}-sql.parquet"'
                content = self._desk.parquet(query)
                return Response(content, media_type=PARQUET, headers={"Content-Disposition": name})
            answer = self._desk.answer(query)
            note(rows=len(answer.rows))
        except (SqlError, TooMany, Forbidden) as error:
            return self._render(request, visitor, asked, tree, wish, may_type=may_type, error=error)
        if wish.file:
            name = f"{visitor.project.id}-sql"
            rows = records(answer)
            return as_json(name, rows) if wish.file == "json" else as_csv(name, names(answer), rows)
        return self._render(request, visitor, asked, tree, wish, may_type=may_type, answer=answer)

    def _is_saved(self, project: str, sql: str) -> bool:
        """Whether a member kept this very query as a view."""
        kept = (view for view in self._views.all(project) if view.page == "sql")
        return any(Wish.of({"sql": _first(view.query, "sql")}).sql == sql for view in kept)

    def _render(
        self,
        request: Request,
        visitor: Visitor,
        asked: Asked,
        tree: TopicTree,
        wish: Wish,
        *,
        may_type: bool,
        answer: Answer | None = None,
        error: CauserieError | None = None,
    ) -> Response:
        drawn = wish.show != "table" and answer is not None
        zone = visitor.project.zone
        status = 200 if error is None else 403 if isinstance(error, Forbidden) else 400
        return self._filtered.render(
            request,
            "sql.html",
            visitor,
            asked,
            tree,
            is_empty=False,
            status=status,
            section="reports",
            path=request.url.path,
            wish=wish,
            may_type=may_type,
            answer=answer,
            cells=_cells(answer, zone) if answer else [],
            drawing=drawing(answer, wish.axes, zone) if drawn and answer else None,
            error=error,
            is_shared=len(asked.query(**wish.parts)) <= VIEW_QUERY_CHARS_MAX,
            tables=TABLES,
            examples=EXAMPLES,
            bound=list(VALUES),
            shows=SHOWS,
            files=FILES,
            limits=self._desk.limits,
            rows_shown=ROWS_SHOWN,
        )


def _query(visitor: Visitor, asked: Asked, wish: Wish) -> TypedQuery:
    question = asked.question
    project = visitor.project
    return TypedQuery(wish.sql, project.id, question.since, question.until, zone=project.zone)


def _cells(answer: Answer, zone: str) -> list[list[dict[str, Any]]]:
    """The rows that are shown: each value as text, with whom or what it leads to."""
    place = {field.name: index for index, field in enumerate(answer.fields)}
    tenants = place.get("tenant")
    shown = []
    for row in answer.rows[:ROWS_SHOWN]:
        tenant = row[tenants] if tenants is not None else ""
        line = []
        for field, value in zip(answer.fields, row, strict=True):
            text = cell(value, field, zone)
            is_door = field.name in ("conversation", "user") and isinstance(value, str) and value
            line.append(
                {
                    "text": text[:CELL_CHARS_MAX] + ("…" if len(text) > CELL_CHARS_MAX else ""),
                    "leads_to": field.name if is_door else "",
                    "value": value,
                    "tenant": tenant,
                    "is_number": field.kind == "number",
                }
            )
        shown.append(line)
    return shown


def _first(query: str, name: str) -> str:
    return parse_qs(query).get(name, [""])[0]
