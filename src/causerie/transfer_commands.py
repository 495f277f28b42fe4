"""`causerie import` and `causerie export`: conversations from files, and all of them into one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Annotated
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import typer

from causerie.audit import Action
from causerie.auditing import record_command
from causerie.clock import utc_now
from causerie.errors import Conflict, Unavailable
from causerie.imports import Reading
from causerie.ingest import Ingest
from causerie.privacy import PersonalDataFilter
from causerie.store.accounts import Accounts
from causerie.store.audit import AuditLog
from causerie.store.inbox import Inbox
from causerie.store.state import open_state
from causerie.stores import open_stores
from causerie.terminal import (
    FIRST_PROJECT,
    Data,
    ProjectId,
    log_to_stderr,
    out,
    progress_of,
    project_of,
    run_command,
    say,
    settings_of,
)
from causerie.transfer import Importer, Tally, export

ANSWER_CHUNK_BYTES = 1024 * 1024
MALFORMED_SHOWN_MAX = 20
transfers = typer.Typer(add_completion=False)


def main() -> None:
    """Run one of them without the other commands."""
    run_command(transfers)


@transfers.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="What to read.")],
    project: ProjectId = FIRST_PROJECT,
    data: Data = None,
) -> None:
    """Read conversations from files. The same file again changes nothing."""
    settings = settings_of(data=data)
    log_to_stderr(settings.overriding(log_level="warning"))
    try:
        stores = open_stores(settings)
    except Conflict:
        # The server has the analytics engine; it moves what we put into the inbox.
        engine = open_state(settings.state_address)
        _import(files, project, Accounts(engine), Inbox(engine), lambda: None)
        say.print("The running server moves them into the analytics store.")
        return
    _import(files, project, stores.accounts, stores.inbox, stores.delivery.drain)
    stores.delivery.stop()
    stores.close()


def _import(
    files: list[Path], project: str, accounts: Accounts, inbox: Inbox, drain: Callable[[], None]
) -> None:
    steps = Ingest(PersonalDataFilter())
    importer = Importer(project_of(accounts, project), steps, inbox, utc_now)
    for file in files:
        _tell(file, _import_file(file, importer, drain))


def _import_file(file: Path, importer: Importer, drain: Callable[[], None]) -> Tally:
    reading = Reading(file, utc_now())
    with progress_of(file.name, reading.size) as (progress, task):

        def kept(tally: Tally) -> None:
            drain()
            what = f"{file.name}: {tally.conversations} conversations"
            progress.update(task, completed=reading.position, description=what)

        return importer.take(reading, kept)


def _tell(file: Path, tally: Tally) -> None:
    out.print(
        f"{file}: {tally.conversations} conversations, {tally.messages} messages kept, "
        f"{len(tally.malformed)} lines left out"
    )
    for one in tally.malformed[:MALFORMED_SHOWN_MAX]:
        out.print(f"  line {one.line}: {one.reason}", markup=False)
    if len(tally.malformed) > MALFORMED_SHOWN_MAX:
        out.print(f"  … and {len(tally.malformed) - MALFORMED_SHOWN_MAX} more")


@transfers.command("export")
def export_conversations(
    output: Annotated[
        Path | None, typer.Option(help="File to write; standard output if none.")
    ] = None,
    project: ProjectId = FIRST_PROJECT,
    data: Data = None,
    url: Annotated[str, typer.Option(help="A running server to ask instead.")] = "",
    key: Annotated[str, typer.Option(envvar="CAUSERIE_KEY", help="Its read key.")] = "",
) -> None:
    """Write every conversation as JSON lines that `import` reads."""
    with _exported(project, data, url, key) as lines:
        if output is None:
            sys.stdout.buffer.writelines(lines)
            sys.stdout.buffer.flush()
            return
        # What was cut short must not look like a whole export, nor replace one.
        part = output.with_name(f"{output.name}.part")
        with part.open("wb") as file:
            file.writelines(lines)
        part.replace(output)


@contextmanager
def _exported(project: str, data: Path | None, url: str, key: str) -> Iterator[Iterator[bytes]]:
    if url:
        yield _asked(url, key)
        return
    stores = open_stores(settings_of(data=data))
    try:
        stores.delivery.drain()
        found = project_of(stores.accounts, project)
        log, place = AuditLog(stores.engine), "causerie export"
        record_command(log, found.id, Action.DOWNLOAD, place, utc_now(), format="jsonl")
        yield export(stores.reports, found)
    finally:
        stores.delivery.stop()
        stores.close()


def _asked(url: str, token: str) -> Iterator[bytes]:
    request = Request(
        f"{url.rstrip('/')}/api/v1/export", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urlopen(request) as answer:
            # Not line by line: that would not tell an answer that was cut short.
            while some := answer.read(ANSWER_CHUNK_BYTES):
                yield some
    except HTTPError as error:
        raise Conflict(f"{url} answered {error.code}: {error.read(1000).decode()}") from error
    except URLError as error:
        raise Unavailable(f"{url} cannot be reached: {error.reason}") from error
    except (HTTPException, OSError) as error:
        raise Unavailable(f"{url} did not answer to the end: {error}") from error
