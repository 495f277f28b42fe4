"""The commands that need the whole server: serve, demo, enrich."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from causerie.accounts import Project, Role, new_id
from causerie.app import open_workshop_of
from causerie.cases import CopyFrom
from causerie.clock import utc_now
from causerie.errors import Unavailable
from causerie.evaluation_runs import Run
from causerie.ingest import Ingest
from causerie.local_models import LocalModel, model_file
from causerie.online_evaluators import OnlineEvaluator
from causerie.privacy import PersonalDataFilter
from causerie.server import run
from causerie.store.evaluation_runs import EvaluationRuns
from causerie.store.online_evaluators import OnlineEvaluators
from causerie.store.sign_ins import SignIns
from causerie.store.test_sets import TestSets
from causerie.stores import Stores, open_stores
from causerie.terminal import (
    LINK_LIFETIME,
    Data,
    first_project,
    log_to_stderr,
    out,
    progress_of,
    run_command,
    say,
    settings_of,
)
from causerie.transfer import Importer, Tally
from causerie.world import make_world
from causerie.world_cases import SET_NAME, SHIFTS, USES, sample_cases

SAMPLE_PROJECT = "Brume, a sample"
SAMPLE_ONLINE = (("Does not refuse", "no_refusal"), ("In their language", "language_match"))
"""What judges its answers, by which evaluators."""
WORLD_SEED = 20
serving = typer.Typer(add_completion=False)


def main() -> None:
    """Run one of them without the other commands."""
    run_command(serving)


@serving.command()
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
    log_to_stderr(settings)
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


@serving.command()
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
    log_to_stderr(settings)
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
    with progress_of("making a sample world", len(world)) as (progress, task):
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


@serving.command()
def enrich(data: Data = None) -> None:
    """Understand all that lacks meaning now; a running server does so by itself."""
    settings = settings_of(data=data)
    log_to_stderr(settings.overriding(log_level="warning"))
    stores = open_stores(settings)
    workshop = open_workshop_of(settings, stores)
    try:
        stores.delivery.drain()
        with progress_of("understanding", workshop.left()) as (progress, task):
            workshop.enrichment.drain(lambda messages: progress.advance(task, messages))
    finally:
        workshop.stop()
        stores.delivery.stop()
        stores.close()
