"""Typed SQL for programs: `/api/v1/sql`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.accounts import Access, Key, Project
from causerie.errors import Invalid
from causerie.queries.desk import Answer, QueryDesk, TypedQuery
from causerie.queries.outlines import outline
from causerie.reports import default_since
from causerie.web.audited import note
from causerie.web.downloads import as_csv
from causerie.web.edge import JSONResponse, Keys, read_body

FORMATS = ("json", "csv", "parquet")
PARQUET = "application/vnd.apache.parquet"


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """What is sent. `since` and `until` are what `{since}` and `{until}` stand for."""

    sql: str
    since: datetime | None = None
    until: datetime | None = None
    tenant_id: str | None = None
    format: str = "json"


decode = msgspec.json.Decoder(Body).decode


class SqlAPI:
    """Answers over the rows of the key's project."""

    def __init__(self, keys: Keys, desk: QueryDesk, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._desk = desk
        self._clock = clock

    def routes(self) -> list[Route]:
        """Its address."""
        return [Route("/api/v1/sql", self.sql, methods=["POST"])]

    async def sql(self, request: Request) -> Response:
        """The rows of one query, as JSON, CSV or Parquet."""
        key, project = await run_in_threadpool(self._keys.find, request, Access.READ)
        body = _body(await read_body(request))
        return await run_in_threadpool(self._answer, key, project, body)

    def _answer(self, key: Key, project: Project, body: Body) -> Response:
        now = self._clock()
        note(sql=outline(body.sql))
        asked = TypedQuery(
            body.sql,
            project.id,
            body.since or default_since(now, project.zone),
            body.until or now,
            body.tenant_id,
            project.zone,
        )
        if body.format == "parquet":
            return Response(self._desk.parquet(asked), media_type=PARQUET)
        answer = self._desk.answer(asked)
        note(rows=len(answer.rows))
        if body.format == "csv":
            return as_csv("sql", names(answer), records(answer))
        return JSONResponse(told(answer))


def told(answer: Answer) -> dict[str, object]:
    """An answer as JSON has it."""
    return {
        "columns": [{"name": field.name, "type": field.type} for field in answer.fields],
        "rows": answer.rows,
        "truncated": answer.is_cut,
        "seconds": round(answer.seconds, 3),
    }


def names(answer: Answer) -> list[str]:
    """What its columns are called."""
    return [field.name for field in answer.fields]


def records(answer: Answer) -> list[dict[str, object]]:
    """Its rows with the names of their columns."""
    return [dict(zip(names(answer), row, strict=True)) for row in answer.rows]


def _body(given: bytes) -> Body:
    try:
        body = decode(given)
    except msgspec.ValidationError as error:
        raise Invalid(str(error), field="body") from error
    except msgspec.DecodeError as error:
        raise Invalid("the body is not JSON", field="body") from error
    if body.format not in FORMATS:
        raise Invalid(f"format: {', '.join(FORMATS)}", field="format")
    for name in ("since", "until"):
        moment = getattr(body, name)
        if moment is not None and moment.tzinfo is None:
            raise Invalid(f"{name} says no time zone: 2026-05-01T00:00:00Z", field=name)
    return body
