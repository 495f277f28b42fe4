"""ClickHouse's HTTP interface over an embedded chDB, in a process of its own, for the tests.

`python -m tests.clickhouse_bridge --path DIR --user U --password P --port 0` prints the port it
chose as its first line and serves 127.0.0.1. Every request has a chDB connection of its own, so
its database and settings end with it. Left out, as no caller of ours needs it: state kept by
`session_id`, external data, progress headers, compressed answers (it declines, as a server with
`enable_http_compression=0` does) and Native's later block headers (the client does without).
"""

from __future__ import annotations

import argparse
import base64
import binascii
import gzip
import http.client
import importlib
import io
import itertools
import json
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import uuid
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import chdb
import uvicorn
from backports import zstd
from chdb import ChdbError
from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.httpclient import HttpClient
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

FORM_FIELD_BYTES_MAX = 64 * 1024 * 1024
START_TIMEOUT_S = 60
# For requests under way at a stop; a stream that its client left open would never end.
GRACE_S = 3
STOP_TIMEOUT_S = 20
# Longer than any test, so that no pooled connection is closed just as a client takes it.
KEEP_ALIVE_S = 600

# What speaks to the interface in the query string; every other key there is a setting.
INTERFACE_KEYS = (
    HttpClient.valid_transport_settings
    | HttpClient.optional_transport_settings
    | {"query", "user", "password"}
)
# chDB encodes a streamed result block by block: only these formats may be put end to end.
STREAMED_FORMATS = {"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"}
# The HTTP status that ClickHouse gives to the engine's error codes; all others are 500.
STATUS_BY_CODE = {
    **dict.fromkeys((6, 15, 16, 25, 26, 27, 36, 38, 41, 44, 53, 62, 72, 117, 167, 168, 427), 400),
    **dict.fromkeys((192, 193, 497, 516), 403),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 511), 404),
    **{48: 501, 159: 408},
}

INSERT = re.compile(
    rb"(\s*INSERT\s+INTO\s+[^\s(]+\s*(?:\([^)]*\))?)(\s+SETTINGS\s.+?)?"
    rb"\s+FORMAT\s+(\w+)[ \t\f;]*\r?\n?",
    re.I | re.S,
)
LAST_FORMAT = re.compile(rb"\sFORMAT\s+(\w+)[\s;]*\Z", re.I)


@dataclass(frozen=True)
class Statement:
    """One request: SQL (an insert's data stands behind it) and what holds for it alone."""

    sql: bytes
    params: dict[str, str]
    settings: dict[str, str]
    database: str
    buffered: bool

    @classmethod
    def of(cls, fields: Mapping[str, str], body: bytes) -> Statement:
        """From the query string, with a form's fields if there were any, and the body."""
        params = {k[6:]: v for k, v in fields.items() if k.startswith("param_")}
        others = {k: v for k, v in fields.items() if not k.startswith("param_")}
        settings = {k: v for k, v in others.items() if k not in INTERFACE_KEYS}
        sql = b"\n".join(part for part in (fields.get("query", "").encode(), body) if part)
        buffered = fields.get("wait_end_of_query") == "1"
        return cls(sql, params, settings, fields.get("database", ""), buffered)

    @property
    def format(self) -> str | None:
        """The FORMAT that the SQL ends with."""
        found = LAST_FORMAT.search(self.sql[-100:])
        return found[1].decode() if found else None


@dataclass(frozen=True)
class Outcome:
    """What a statement gave. No format: no result set, as after an insert."""

    chunks: Iterator[bytes]
    format: str | None
    summary: dict[str, str]


class Engine:
    """The process's chDB at `path`. Its methods may be called from many threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        # Held open: the engine would stop and start again with each last connection.
        self._anchor = chdb.connect(self._path)
        self.timezone = self._anchor.query("SELECT timezone()", "TSV").bytes().decode().strip()

    def close(self) -> None:
        self._anchor.close()

    def run(self, statement: Statement) -> Outcome:
        """Run to the first block of a streamed result, to the end of any other.

        Raises ChdbError with the engine's message.
        """
        if insert := INSERT.match(statement.sql):
            return self._insert(statement, insert)
        if not statement.buffered and statement.format in STREAMED_FORMATS:
            blocks = self._blocks(statement, statement.format)
            return Outcome(itertools.chain([next(blocks, b"")], blocks), statement.format, {})
        return self._query(statement)

    def _insert(self, statement: Statement, insert: re.Match[bytes]) -> Outcome:
        """Through a file: chDB cuts data that stands behind the SQL, and its streaming insert
        reports rows as written that a failed insert threw away."""
        with tempfile.NamedTemporaryFile() as file, self._connection(statement) as connection:
            file.write(statement.sql[insert.end() :])
            file.flush()
            source = f" FROM INFILE '{file.name}' COMPRESSION 'none'".encode()
            sql = insert[1] + source + (insert[2] or b"") + b" FORMAT " + insert[3]
            result = connection.query(sql, "TSV", params=statement.params)
        return Outcome(iter(()), None, {"written_rows": str(result.rows_written())})

    def _blocks(self, statement: Statement, format_: str) -> Iterator[bytes]:
        with (
            self._connection(statement) as connection,
            closing(connection.send_query(statement.sql, format_, params=statement.params)) as rows,
        ):
            for block in rows:
                yield block.bytes()

    def _query(self, statement: Statement) -> Outcome:
        """A statement that names no format is asked for column names, the one sign by which no
        rows and no result set differ; the line of names is then taken off."""
        with self._connection(statement) as connection:
            result = connection.query(statement.sql, "TSVWithNames", params=statement.params)
        body: bytes = result.bytes()
        format_ = statement.format or ("TabSeparated" if body else None)
        rows = body if statement.format else body.partition(b"\n")[2]
        return Outcome(iter([rows]), format_, {"read_rows": str(result.rows_read())})

    @contextmanager
    def _connection(self, statement: Statement) -> Iterator[Any]:
        with closing(chdb.connect(self._path)) as connection:
            if statement.database:
                connection.query(f"USE {quote_identifier(statement.database)}")
            for name, value in statement.settings.items():
                text = value.replace("\\", "\\\\").replace("'", "\\'")
                connection.query(f"SET {quote_identifier(name)} = '{text}'")
            yield connection


class Bridge:
    """The endpoint: who asks, what they ask, and the answer as ClickHouse words it."""

    def __init__(self, engine: Engine, user: str, password: str) -> None:
        self._engine, self._user, self._password = engine, user, password

    async def answer(self, request: Request) -> Response:
        try:
            self._admit(*claimed_account(request))
            statement = Statement.of(*await read(request))
            if not statement.sql:
                return PlainTextResponse("Ok.\n")
            outcome = await run_in_threadpool(self._engine.run, statement)
        except ChdbError as error:
            return failure(error)
        return self._success(request, outcome)

    def _admit(self, user: str, password: str) -> None:
        if (user, password) != (self._user, self._password):
            raise ChdbError(
                f"Code: 516. DB::Exception: {user}: Authentication failed: password is incorrect, "
                "or there is no user with such name. (AUTHENTICATION_FAILED)"
            )

    def _success(self, request: Request, outcome: Outcome) -> Response:
        tag = secrets.token_hex(8)
        headers = {
            "X-ClickHouse-Query-Id": request.query_params.get("query_id") or str(uuid.uuid4()),
            "X-ClickHouse-Timezone": self._engine.timezone,
            "X-ClickHouse-Exception-Tag": tag,
            "X-ClickHouse-Summary": json.dumps(outcome.summary),
        }
        if outcome.format:
            headers["X-ClickHouse-Format"] = outcome.format
        chunks = telling_failure(outcome.chunks, tag)
        return StreamingResponse(chunks, headers=headers, media_type="application/octet-stream")


def claimed_account(request: Request) -> tuple[str, str]:
    headers, query = request.headers, request.query_params
    if "x-clickhouse-user" in headers:
        return headers["x-clickhouse-user"], headers.get("x-clickhouse-key", "")
    if "authorization" not in headers:
        return query.get("user", "default"), query.get("password", "")
    try:
        pair = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return pair.partition(":")[0], pair.partition(":")[2]


async def read(request: Request) -> tuple[dict[str, str], bytes]:
    """The fields, which a client moves to a form when they are long, and the plain body."""
    fields = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_part_size=FORM_FIELD_BYTES_MAX) as form:
            return fields | {k: v for k, v in form.items() if isinstance(v, str)}, b""
    encoding = request.headers.get("content-encoding", "identity")
    return fields, await run_in_threadpool(decoded, await request.body(), encoding)


def decoded(body: bytes, encoding: str) -> bytes:
    """A client may send many frames in a row."""
    match encoding:
        case "identity":
            return body
        case "gzip":
            return gzip.decompress(body)
        case "deflate":
            return zlib.decompress(body)
        case "zstd":
            return zstd.decompress(body)
        case "lz4":
            with importlib.import_module("lz4.frame").open(io.BytesIO(body)) as frames:
                return bytes(frames.read())
    raise ChdbError(f"Code: 89. DB::Exception: Unknown HTTP Content-Encoding: {encoding}.")


def failure(error: ChdbError) -> Response:
    text = engine_message(error)
    found = re.match(r"Code: (\d+)\.", text)
    code = int(found[1]) if found else 1002
    headers = {"X-ClickHouse-Exception-Code": str(code)}
    return PlainTextResponse(text + "\n", STATUS_BY_CODE.get(code, 500), headers)


def telling_failure(chunks: Iterator[bytes], tag: str) -> Iterator[bytes]:
    """An error that comes after the status line is written behind the data, between tags."""
    try:
        yield from chunks
    except ChdbError as error:
        text = (engine_message(error) + "\n").encode()
        mark = b"\r\n__exception__\r\n"
        yield mark + tag.encode() + b"\r\n" + text + f"{len(text)} {tag}".encode() + mark


def engine_message(error: ChdbError) -> str:
    """chDB may put words of its own before the engine's."""
    text = str(error)
    return text[max(text.find("Code: "), 0) :].strip()


def build(engine: Engine, user: str, password: str) -> Starlette:
    async def ping(_: Request) -> Response:
        return PlainTextResponse("Ok.\n")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with closing(engine):
            yield

    answer = Route("/", Bridge(engine, user, password).answer, methods=["GET", "POST"])
    return Starlette(routes=[Route("/ping", ping), answer], lifespan=lifespan)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.clickhouse_bridge")
    parser.add_argument("--path", type=Path, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--port", type=int, default=0)
    chosen = parser.parse_args()
    app = build(Engine(chosen.path), chosen.user, chosen.password)
    with socket.create_server(("127.0.0.1", chosen.port), backlog=128) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(
            app,
            log_level="warning",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        uvicorn.Server(config).run(sockets=[listener])


class ClickHouseBridge:
    """A bridge in a child process, for a `with` block; `kill`, then `start` again, for crashes."""

    def __init__(
        self, path: Path, user: str = "causerie", password: str = "a/b@c:d", port: int = 0
    ) -> None:
        self.path, self.user, self.password, self.port = path, user, password, port
        self._child: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        account = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"clickhouse://{account}@127.0.0.1:{self.port}/default"

    def start(self) -> None:
        """Start (again on the port it had before) and return when it answers."""
        place = [f"--path={self.path}", f"--port={self.port}"]
        account = [f"--user={self.user}", f"--password={self.password}"]
        command = [sys.executable, "-m", "tests.clickhouse_bridge", *place, *account]
        root = Path(__file__).resolve().parents[1]
        self._child = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout is not None
        self.port = int(self._child.stdout.readline())
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, START_TIMEOUT_S)) as door:
            door.request("GET", "/ping")
            assert door.getresponse().status == 200

    def stop(self) -> None:
        """Let it finish what it does, within GRACE_S, and close its files."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End it in the midst of whatever it does (SIGKILL)."""
        self._end(subprocess.Popen.kill)

    def _end(self, signal: Callable[[subprocess.Popen[str]], None]) -> None:
        child, self._child = self._child, None
        if child is not None:
            with child:
                signal(child)
                try:
                    child.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    child.kill()
                    raise

    def __enter__(self) -> ClickHouseBridge:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


if __name__ == "__main__":
    main()
