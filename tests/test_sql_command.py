"""`causerie sql`, as an operator types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from causerie.cli import app
from causerie.errors import CauserieError, Invalid, Unavailable
from causerie.testing import ServerProcess
from tests.conftest import AppServer


def run(*words: str, given: str = "") -> Result:
    """A command; what it refuses is raised."""
    result = CliRunner().invoke(app, ["sql", *words], input=given or None)
    if isinstance(result.exception, CauserieError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_a_running_server_is_asked(app_server: AppServer, tmp_path: Path) -> None:
    where = ("--url", app_server.url, "--key", app_server.key)
    shown = run("SELECT 1 AS one, NULL AS none, [2] AS list, '[b]' AS marked", *where)
    assert all(word in shown.stdout for word in ("one", "1", "–", "[2]", "[b]"))
    assert "1 row in" in shown.stderr
    told = json.loads(run("-", "--format", "json", *where, given="SELECT {since} AS x").stdout)
    assert told["columns"][0]["name"] == "x"
    file = tmp_path / "rows.parquet"
    run("SELECT 1", "--format", "parquet", "--output", str(file), *where)
    assert file.read_bytes().startswith(b"PAR1")
    with pytest.raises(Invalid, match="line 1, column 15"):
        run("SELECT 1 FROM nothing", *where)
    with pytest.raises(Invalid, match="unknown or revoked"):
        run("SELECT 1", "--url", app_server.url, "--key", "csr_read_x")


def test_the_stores_here_are_asked_unless_a_server_has_them(
    app_server: AppServer, tmp_path: Path
) -> None:
    here = ServerProcess(tmp_path)
    since = ("--since", "2026-05-01T00:00:00Z")
    told = json.loads(
        here.command("sql", "SELECT toString({since}) AS x", *since, "--format", "json")
    )
    assert told["rows"] == [["2026-05-01 00:00:00.000000"]]
    with pytest.raises(RuntimeError, match="in use by process"):
        app_server.process.command("sql", "SELECT 1")


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        run("SELECT 1", "--url", "http://127.0.0.1:9", "--key", "x")
    with pytest.raises(Invalid, match="one of table"):
        run("SELECT 1", "--format", "xlsx")
    with pytest.raises(Invalid, match="give --url"):
        run("SELECT 1", "--format", "csv")
