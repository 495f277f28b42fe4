"""`causerie eval`: test sets of a running server, from a terminal or a pipeline."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from causerie.client.errors import ClientError
from causerie.errors import Invalid, NotFound, Unavailable
from causerie.evaluations.reports import Report
from causerie.evaluations.sets import Evaluations, Listed
from causerie.terminal import out, run_alone, say

evaluation = typer.Typer(no_args_is_help=True, help="Test sets of a running server.")
URL = Annotated[str, typer.Option("--url", envvar="CAUSERIE_URL", help="The server.")]
KEY = Annotated[str, typer.Option("--key", envvar="CAUSERIE_KEY", help="An admin key of it.")]


def main() -> None:
    """Run `causerie eval` without the other commands."""
    run_alone("eval", evaluation)


@evaluation.command("run")
def run(
    name: Annotated[str, typer.Argument(help="The test set.")],
    version: Annotated[int | None, typer.Option(help="The last one if none.")] = None,
    iterations: Annotated[int, typer.Option(help="Of each case: 1, 3, 5 or 7.")] = 1,
    model: Annotated[str, typer.Option(help="An endpoint that answers every case.")] = "",
    fail_under: Annotated[
        float, typer.Option(help="The share of answers that has to pass, 0 to 1.")
    ] = 1.0,
    junit: Annotated[Path | None, typer.Option(help="A file of JUnit's XML to write.")] = None,
    wait: Annotated[float, typer.Option(help="Seconds at most.")] = 3600,
    url: URL = "",
    key: KEY = "",
) -> None:
    """Run a test set. Ends with 1 where too few answers pass, with 2 where it could not be run."""
    if not 0 <= fail_under <= 1:
        raise Invalid("--fail-under: a share from 0 to 1 is expected", field="fail_under")
    try:
        with _evaluations(key, url) as evaluations:
            report = _run_shown(evaluations, name, version, iterations, model, wait)
    except (ClientError, LookupError, TimeoutError) as error:
        say.print(f"[red]causerie:[/] {escape(str(error))}")
        raise typer.Exit(2) from error
    if junit is not None:
        junit.write_bytes(report.junit())
    if report.run.status != "completed":
        say.print(f"[red]causerie:[/] {escape(report.run.error or report.run.status)}")
        raise typer.Exit(2)
    out.print(escape(report.told(fail_under)))
    if report.share < fail_under:
        raise typer.Exit(1)


def _run_shown(
    evaluations: Evaluations,
    name: str,
    version: int | None,
    iterations: int,
    model: str,
    wait: float,
) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=say, transient=True) as progress:
        task = progress.add_task(escape(name), total=None)

        def shown(completed: int, total: int) -> None:
            progress.update(task, completed=completed, total=total)

        return evaluations.run(
            name, version, iterations=iterations, model=model, wait=wait, progress=shown
        )


@evaluation.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The test set.")],
    file: Annotated[str, typer.Argument(help="JSON lines, a case each; - is standard input.")],
    evaluators: Annotated[
        Path | None, typer.Option(help="A JSON list of evaluators for all cases.")
    ] = None,
    keeps_prior: Annotated[
        bool, typer.Option("--keep-prior", help="Keep cases before that have no namesake.")
    ] = False,
    url: URL = "",
    key: KEY = "",
) -> None:
    """Make the next version of a test set from cases in a file."""
    text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    uses = [] if evaluators is None else _decoded(evaluators.read_bytes(), evaluators.name)
    with _asked(key, url) as evaluations:
        version = evaluations.add(name, _cases(text, file), uses, keeps_prior=keeps_prior)
    out.print(f"{escape(name)}, version {version}")


@evaluation.command("list")
def list_sets(url: URL = "", key: KEY = "") -> None:
    """List the test sets, the one that changed last first."""
    latest: dict[str, Listed] = {}
    with _asked(key, url) as evaluations:
        for one in evaluations.versions():
            latest.setdefault(one.name, one)
    for one in latest.values():
        out.print(f"{escape(one.name)}, version {one.version}, cases {one.cases}")


@evaluation.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="The test set.")], url: URL = "", key: KEY = ""
) -> None:
    """Delete a test set with its versions, runs and results. What is under way stops."""
    with _asked(key, url) as evaluations:
        gone = evaluations.remove(name)
    out.print(f"versions {gone.versions}, runs {gone.runs}, results {gone.results} are deleted")


@evaluation.command("remove-run")
def remove_run(
    id: Annotated[str, typer.Argument(help="The run.")], url: URL = "", key: KEY = ""
) -> None:
    """Delete a run with its results. One that is under way stops."""
    with _asked(key, url) as evaluations:
        gone = evaluations.remove_run(id)
    out.print(f"results {gone.results} are deleted")


@contextmanager
def _asked(key: str, url: str) -> Iterator[Evaluations]:
    try:
        with _evaluations(key, url) as evaluations:
            yield evaluations
    except ClientError as error:
        raise Unavailable(str(error)) from error


def _cases(text: bytes, file: str) -> list[dict[str, Any]]:
    cases = [
        _decoded(line, f"{file}, line {number}")
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    ]
    if not cases:
        raise NotFound(f"{file} has no cases")
    return cases


def _decoded(text: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{where}: {error}") from error


def _evaluations(key: str, url: str) -> Evaluations:
    try:
        return Evaluations(key or None, url or None)
    except ValueError as error:
        raise Invalid(str(error)) from error
