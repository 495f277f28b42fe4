"""What commands share: where they print, and which stores and project they mean."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from causerie import config
from causerie.accounts import Project
from causerie.clock import utc_now
from causerie.config import Settings
from causerie.errors import CauserieError, Conflict
from causerie.store.accounts import Accounts
from causerie.store.state import open_state

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

FIRST_PROJECT = "default"
LINK_LIFETIME = timedelta(days=7)
"""Of a link to sign in with."""
out = Console(highlight=False, soft_wrap=True)
say = Console(stderr=True, highlight=False, soft_wrap=True)

Data = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded stores.")]
ProjectId = Annotated[str, typer.Option("--project", help="Id of the project.")]


def run_command(app: typer.Typer) -> None:
    """Run a command; what a person can mend is said in one sentence."""
    try:
        app()
    except CauserieError as error:
        say.print(f"[red]causerie:[/] {error.message}", markup=True)
        sys.exit(1)


def run_alone(name: str, command: typer.Typer | Callable[..., None]) -> None:
    """Run a command without the others, which need not be loaded then."""
    app = typer.Typer(add_completion=False)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)
        app.callback()(_nothing)
    run_command(app)


def _nothing() -> None:
    """A program with a callback has named commands, though it be one."""


def settings_of(**given: object) -> Settings:
    """The settings of the environment, with those options that were given."""
    return config.load().overriding(**given)


def accounts_of(settings: Settings) -> Accounts:
    """The accounts, also beside a running server."""
    return Accounts(open_state(settings.state_address))


def first_project(accounts: Accounts, name: str = "Default") -> Project:
    """The default project, made when there is none at all."""
    projects = accounts.projects()
    return projects[0] if projects else accounts.create_project(name, utc_now(), FIRST_PROJECT)


def project_of(accounts: Accounts, id: str) -> Project:
    """The project of that id. Raises Conflict, naming those there are."""
    first_project(accounts)
    found = accounts.project(id)
    if found is None:
        known = ", ".join(project.id for project in accounts.projects())
        raise Conflict(f"there is no project {id!r}; there are: {known}", field="project")
    return found


@contextmanager
def progress_of(what: str, total: int) -> Iterator[tuple[Progress, TaskID]]:
    """A bar at which one sees how far something is."""
    # Not above: most commands show none.
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=say) as progress:
        yield progress, progress.add_task(what, total=total)


def log_to_stderr(settings: Settings) -> None:
    """Let the log be read beside what is printed."""
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Their lines about each start would bury the one with the link.
    for name in ("alembic", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
