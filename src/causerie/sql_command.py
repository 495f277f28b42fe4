"""`causerie sql`: typed SQL in a terminal, asked of a running server or of the stores here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from causerie.audit import Action
from causerie.auditing import record_command
from causerie.clock import utc_now
from causerie.errors import Invalid, Unavailable
from causerie.queries.desk import TypedQuery
from causerie.queries.outlines import outline
from causerie.reports import default_since
from causerie.store.audit import AuditLog
from causerie.stores import open_desk, open_discretion, open_stores
from causerie.terminal import (
    FIRST_PROJECT,
    Data,
    ProjectId,
    out,
    project_of,
    run_alone,
    say,
    settings_of,
)
from causerie.web.sql_api import FORMATS, told

ERROR_BYTES_MAX = 10_000


def main() -> None:
    """Run `causerie sql` without the other commands."""
    run_alone("sql", sql_command)


def sql_command(
    query: Annotated[str, typer.Argument(help="One SELECT; - reads it from standard input.")],
    kind: Annotated[
        str, typer.Option("--format", help="table, or of a server json, csv or parquet.")
    ] = "table",
    output: Annotated[
        Path | None, typer.Option(help="File to write; standard output if none.")
    ] = None,
    since: Annotated[str, typer.Option(help="What {since} is; seven days ago if none.")] = "",
    until: Annotated[str, typer.Option(help="What {until} is; now if none.")] = "",
    project: ProjectId = FIRST_PROJECT,
    data: Data = None,
    url: Annotated[str, typer.Option(help="A running server to ask instead.")] = "",
    key: Annotated[str, typer.Option(envvar="CAUSERIE_KEY", help="Its read key.")] = "",
) -> None:
    """Answer a query over the rows of one project."""
    if kind not in ("table", *FORMATS):
        raise Invalid(f"--format is one of table, {', '.join(FORMATS)}", field="format")
    text = sys.stdin.read() if query == "-" else query
    span = {"since": since, "until": until}
    asked = {"sql": text, **{name: day for name, day in span.items() if day}}
    if url:
        wanted = "json" if kind == "table" else kind
        body = _answered(url, key, {**asked, "format": wanted})
        answer = msgspec.json.decode(body) if kind == "table" else {}
    elif kind in ("table", "json"):
        answer = _here(asked, project, data)
        body = msgspec.json.encode(answer)
    else:
        raise Invalid("--format csv and parquet are a running server's: give --url", field="format")
    if kind == "table":
        _print(answer)
    elif output is None:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    else:
        output.write_bytes(body)


def _here(asked: dict[str, str], project: str, data: Path | None) -> dict[str, Any]:
    settings = settings_of(data=data)
    stores = open_stores(settings)
    desk = open_desk(settings, stores, open_discretion(stores, utc_now))
    try:
        stores.delivery.drain()
        about, now = project_of(stores.accounts, project), utc_now()
        moments = {
            "since": default_since(now, about.zone),
            "until": now,
            **{name: _moment(asked[name]) for name in ("since", "until") if name in asked},
        }
        query = TypedQuery(asked["sql"], about.id, zone=about.zone, **moments)
        log, said = AuditLog(stores.engine), outline(query.text)
        record_command(log, about.id, Action.SQL, "causerie sql", now, sql=said)
        return told(desk.answer(query))
    finally:
        desk.close()
        stores.delivery.stop()
        stores.close()


def _moment(text: str) -> Any:
    try:
        return msgspec.json.decode(msgspec.json.encode(text), type=type(utc_now()))
    except msgspec.ValidationError as error:
        raise Invalid(f"{text!r} is no time such as 2026-05-01T00:00:00Z") from error


def _answered(url: str, token: str, asked: dict[str, str]) -> bytes:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(f"{url.rstrip('/')}/api/v1/sql", msgspec.json.encode(asked), headers)
    try:
        with urlopen(request) as answer:
            return bytes(answer.read())
    except HTTPError as error:
        raise Invalid(_said(error.read(ERROR_BYTES_MAX), error.code)) from error
    except (URLError, OSError) as error:
        raise Unavailable(f"{url} cannot be reached: {error}") from error


def _said(body: bytes, status: int) -> str:
    try:
        return str(msgspec.json.decode(body)["error"]["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"the server answered {status}"


def _print(answer: dict[str, Any]) -> None:
    table = Table()
    for column in answer["columns"]:
        table.add_column(escape(column["name"]))
    for row in answer["rows"]:
        table.add_row(*_cells(row))
    out.print(table)
    rows = len(answer["rows"])
    more = "; there are more" if answer["truncated"] else ""
    say.print(f"{rows} {'row' if rows == 1 else 'rows'} in {answer['seconds']} s{more}")


def _cells(row: Sequence[Any]) -> list[str]:
    return [
        "–"
        if value is None
        else escape(value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for value in row
    ]
