"""The command line: serve, demo, import, export, key, privacy, sql, eval, chat, doctor."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Annotated
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine

from causerie.accounts import Project, Role, new_id
from causerie.app import open_workshop_of
from causerie.audit import Action
from causerie.audit_command import audit_command
from causerie.auditing import record_command
from causerie.cases import CopyFrom
from causerie.chat_command import chat
from causerie.clock import utc_now
from causerie.config import Settings
from causerie.diagnosis import diagnose
from causerie.endpoint_commands import endpoint
from causerie.errors import Conflict, Unavailable
from causerie.evaluation_commands import evaluation
from causerie.evaluation_runs import Run
from causerie.imports import Reading
from causerie.ingest import Ingest
from causerie.key_commands import key
from causerie.local_models import LocalModel, model_file
from causerie.online_evaluators import OnlineEvaluator
from causerie.privacy import PersonalDataFilter
from causerie.privacy_commands import privacy
from causerie.server import run
from causerie.sql_command import sql_command
from causerie.store.accounts import Accounts
from causerie.store.audit import AuditLog
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.inbox import Inbox
from causerie.store.online_evaluators import OnlineEvaluators
from causerie.store.sign_ins import SignIns
from causerie.store.state import open_state
from causerie.store.test_sets import TestSets
from causerie.stores import Stores, open_events, open_stores
from causerie.terminal import (
    FIRST_PROJECT,
    Data,
    ProjectId,
    first_project,
    out,
    project_of,
    run_command,
    say,
    settings_of,
)
from causerie.transfer import Importer, Tally, export
from causerie.world import make_world
from causerie.world_cases import SET_NAME, SHIFTS, USES, sample_cases

ANSWER_CHUNK_BYTES = 1024 * 1024
LINK_LIFETIME = timedelta(days=7)
MALFORMED_SHOWN_MAX = 20
SAMPLE_PROJECT = "Brume, a sample"
SAMPLE_ONLINE = (("Does not refuse", "no_refusal"), ("In their language", "language_match"))
"""What judges its answers, by which evaluators."""
WORLD_SEED = 20
app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
app.add_typer(key, name="key")
app.add_typer(endpoint, name="endpoint")
app.add_typer(privacy, name="privacy")
app.add_typer(evaluation, name="eval")
app.command("sql")(sql_command)
app.command("audit")(audit_command)
member = typer.Typer(no_args_is_help=True, help="People who sign in.")
app.add_typer(member, name="member")
app.command("chat")(chat)


def main() -> None:
    """Run a command."""
    run_command(app)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one.")] = None,
    data: Data = None,
    tls_self_signed: Annotated[
        bool, typer.Option(help="Speak https with a certificate authority of its own.")
    ] = False,
    local_model: Annotated[
        bool,
        typer.Option("--local-model", help="Run a small model here, as ep-local. English only."),
    ] = False,
) -> None:
    """Run the server. The first start prints a one-time sign-in link."""
    settings = settings_of(host=host, port=port, data=data)
    _log_to_stderr(settings)
    stores = open_stores(settings)
    project = first_project(stores.accounts)
    link = None
    if not stores.accounts.has_members():
        link = _owner_link(stores, project)
    with _local_model(local_model, needed=True) as model:
        run(
            settings,
            stores,
            out.print,
            sign_in=link,
            self_signed=tls_self_signed,
            local_model=model,
        )


@contextmanager
def _local_model(wanted: bool, *, needed: bool) -> Iterator[LocalModel | None]:
    model = LocalModel(utc_now) if wanted else None
    try:
        if model is not None:
            model.start()
            out.print("A small model here answers as ep-local: SmolLM2 135M, English only")
    except Unavailable as error:
        if needed:
            raise
        say.print(error.message, markup=False)
        model = None
    try:
        yield model
    finally:
        if model is not None:
            model.stop()


def _owner_link(stores: Stores, project: Project) -> str:
    sign_ins = SignIns(stores.engine)
    return sign_ins.create_link("", project.id, Role.OWNER, utc_now(), LINK_LIFETIME)


@app.command()
def demo(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one.")] = None,
    data: Annotated[Path, typer.Option(help="Folder of the demo.")] = Path("data/demo"),
    no_data: Annotated[
        bool, typer.Option("--no-data", help="Begin without the sample world.")
    ] = False,
    no_local_model: Annotated[
        bool, typer.Option("--no-local-model", help="Leave out the small model, ep-local.")
    ] = False,
) -> None:
    """Serve a made-up world of conversations to look around in."""
    settings = settings_of(host=host, port=port, data=data)
    _log_to_stderr(settings)
    stores = open_stores(settings)
    project = first_project(stores.accounts, "Default" if no_data else SAMPLE_PROJECT)
    if not no_data and not stores.reports.known(project.id):
        _fill(stores, project)
    link = _owner_link(stores, project)
    wanted = not no_local_model and model_file() is not None
    with _local_model(wanted, needed=False) as model:
        run(settings, stores, out.print, sign_in=link, self_signed=False, local_model=model)


def _fill(stores: Stores, project: Project) -> None:
    world = list(make_world(WORLD_SEED, utc_now()))
    with _progress("making a sample world", len(world)) as (progress, task):
        importer = Importer(project, Ingest(PersonalDataFilter()), stores.inbox, utc_now)

        def kept(tally: Tally) -> None:
            stores.delivery.drain()
            progress.update(task, completed=tally.conversations)

        importer.take(world, kept)
    _add_tests(stores.engine, project.id)
    _add_online(stores.engine, project.id)


def _add_online(engine: Engine, project: str) -> None:
    """What judges all answers of the sample, once the server has started."""
    now = utc_now()
    for name, evaluator in SAMPLE_ONLINE:
        online = OnlineEvaluator(
            project=project,
            name=name,
            evaluator=evaluator,
            since=now - timedelta(days=365),
            created_at=now,
            changed_at=now,
        )
        OnlineEvaluators(engine).add(online)


def _add_tests(engine: Engine, project: str) -> None:
    """The sample's test set in two versions; both are run when the server has started."""
    sets, runs = TestSets(engine), EvaluationRuns(engine)
    for prompt in range(len(SHIFTS)):
        cases = sample_cases(WORLD_SEED, prompt)
        made = sets.add(project, SET_NAME, cases, USES, CopyFrom.NONE, "", utc_now())
        runs.begin(
            Run(
                id=new_id("run"),
                project=project,
                name=made.name,
                version=made.version,
                iterations=1,
                total=made.cases,
                created_at=utc_now(),
            )
        )


@contextmanager
def _progress(what: str, total: int) -> Iterator[tuple[Progress, TaskID]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=say) as progress:
        yield progress, progress.add_task(what, total=total)


def _log_to_stderr(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Their lines about each start would bury the one with the link.
    for name in ("alembic", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)


@member.command("link")
def member_link(email: str, data: Data = None) -> None:
    """Print a one-time link with which a member sets a new password."""
    settings = settings_of(data=data)
    engine = open_state(settings.state_address)
    if Accounts(engine).member_by_email(email) is None:
        raise Conflict(f"there is no member {email!r}", field="email")
    token = SignIns(engine).create_link(email, None, Role.VIEWER, utc_now(), LINK_LIFETIME)
    out.print(f"{settings.base_url}/signin/link/{token}", markup=False)


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="What to read.")],
    project: ProjectId = FIRST_PROJECT,
    data: Data = None,
) -> None:
    """Read conversations from files. The same file again changes nothing."""
    settings = settings_of(data=data)
    _log_to_stderr(settings.overriding(log_level="warning"))
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
    with _progress(file.name, reading.size) as (progress, task):

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


@app.command("export")
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


@app.command()
def enrich(data: Data = None) -> None:
    """Understand all that lacks meaning now; a running server does so by itself."""
    settings = settings_of(data=data)
    _log_to_stderr(settings.overriding(log_level="warning"))
    stores = open_stores(settings)
    workshop = open_workshop_of(settings, stores)
    try:
        stores.delivery.drain()
        with _progress("understanding", workshop.left()) as (progress, task):
            workshop.enrichment.drain(lambda messages: progress.advance(task, messages))
    finally:
        workshop.stop()
        stores.delivery.stop()
        stores.close()


@app.command()
def doctor(
    data: Data = None,
    retry: Annotated[bool, typer.Option(help="Try entries again that failed too often.")] = False,
) -> None:
    """Say what is configured, what answers, and how far behind the worker is."""
    settings = settings_of(data=data)
    if retry:
        tried = Inbox(open_state(settings.state_address)).retry_parked()
        out.print(f"{tried} entries will be tried again")
    marks = {"ok": "[green]ok    [/]", "note": "[yellow]note  [/]", "broken": "[red]broken[/]"}
    findings = list(diagnose(settings, open_events))
    for finding in findings:
        out.print(f"{marks[finding.state]} {finding.topic}: {escape(finding.text)}")
    if any(finding.state == "broken" for finding in findings):
        sys.exit(1)
