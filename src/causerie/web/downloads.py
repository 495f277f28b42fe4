"""Rows to take away: CSV for a spreadsheet, Parquet for a notebook, JSON for a program, and the
statement behind them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

import msgspec
from starlette.responses import Response

from causerie.reports import Question
from causerie.store.statements import bound, statement
from causerie.web.audited import note
from causerie.wording import encodable

FORMATS = ("csv", "parquet", "json", "sql")
PARQUET = "application/vnd.apache.parquet"
ROWS_MAX = 10_000
# A spreadsheet would run what begins like this.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def download(
    kind: str, name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> Response:
    """Rows as a file of that kind: csv, parquet or json."""
    note(format=kind, rows=len(rows))
    if kind == "csv":
        return as_csv(name, columns, rows)
    return as_parquet(name, columns, rows) if kind == "parquet" else as_json(name, rows)


def as_csv(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """A CSV file with a line of column names. Text that a spreadsheet would run gets a `'`."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    # The mark tells spreadsheets that it is UTF-8.
    return _file("\ufeff" + out.getvalue(), f"{name}.csv", "text/csv; charset=utf-8")


def as_parquet(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Response:
    """A Parquet file; what holds others becomes JSON in it."""
    # Loaded when it is asked for: it takes some 40 MB, and few ask.
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({column: _column([row[column] for row in rows]) for column in columns})
    out = pyarrow.BufferOutputStream()
    parquet.write_table(table, out, compression="zstd")
    return _file(out.getvalue().to_pybytes(), f"{name}.parquet", PARQUET)


def _column(values: list[Any]) -> list[Any]:
    plain = [
        msgspec.json.encode(value, enc_hook=encodable).decode()
        if isinstance(value, (Mapping, list, tuple))
        else value
        for value in values
    ]
    kinds = {type(value) for value in plain if value is not None}
    if len(kinds) < 2 or kinds <= {int, float}:
        return plain
    # A column has one type: where there are several, it is text.
    return [None if value is None else str(value) for value in plain]


def as_json(name: str, rows: Iterable[Mapping[str, Any]]) -> Response:
    """A JSON array of objects."""
    body = msgspec.json.format(msgspec.json.encode(list(rows), enc_hook=encodable), indent=2)
    return _file(body, f"{name}.json", "application/json", shown=True)


def as_sql(
    report: str, question: Question, more: Mapping[str, Any] = MappingProxyType({})
) -> Response:
    """The statement of a report with what is bound to it."""
    parameters = {**question.parameters(), **more}
    text = statement(report, parameters)
    values = "".join(
        f"--   {name} = {value!r}\n" for name, value in bound(text, parameters).items()
    )
    body = f"-- bound by name:\n{values}\n{text}\n"
    return _file(body, f"{report.rpartition('/')[2]}.sql", "text/plain; charset=utf-8", shown=True)


def _file(body: str | bytes, name: str, kind: str, *, shown: bool = False) -> Response:
    headers = {
        "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(body, media_type=kind, headers=headers)


def _cell(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return msgspec.json.encode(value, enc_hook=encodable).decode()
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
