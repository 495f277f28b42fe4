"""`causerie audit`: who has read what."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from causerie.audit import SERVER
from causerie.errors import Invalid
from causerie.store.accounts import Accounts
from causerie.store.audit import AuditLog, Sought
from causerie.store.state import open_state
from causerie.terminal import (
    FIRST_PROJECT,
    Data,
    ProjectId,
    out,
    project_of,
    run_alone,
    settings_of,
)
from causerie.web.audit_questions import row_of, sought_of

LIMIT_MAX = 100_000


def main() -> None:
    """Run `causerie audit` without the other commands."""
    run_alone("audit", audit_command)


def audit_command(
    project: ProjectId = FIRST_PROJECT,
    by: Annotated[str, typer.Option(help="Id of a member or key.")] = "",
    action: Annotated[str, typer.Option(help="Such as transcript, download, failed_sign_in.")] = "",
    object: Annotated[str, typer.Option(help="Id of a conversation, user, key …")] = "",
    since: Annotated[str, typer.Option(help="From that day on.")] = "",
    until: Annotated[str, typer.Option(help="To the end of that day.")] = "",
    limit: Annotated[int, typer.Option(help="How many of the latest.")] = 50,
    nobody: Annotated[
        bool, typer.Option("--nobody", help="Attempts to sign in by nobody known, of no project.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
    data: Data = None,
) -> None:
    """Say who has read what, the newest first; also beside a running server."""
    if not 1 <= limit <= LIMIT_MAX:
        raise Invalid(f"--limit: 1 to {LIMIT_MAX}", field="limit")
    engine = open_state(settings_of(data=data).state_address)
    names = ("by", "action", "object", "since", "until")
    given = dict(zip(names, (by, action, object, since, until), strict=True))
    sought = sought_of(project_of(Accounts(engine), project), given)
    found = AuditLog(engine).page(Sought(SERVER) if nobody else sought, limit)
    rows = [row_of(entry) for entry in found]
    if as_json:
        for row in rows:
            out.print(msgspec.json.encode(row).decode(), markup=False)
        return
    table = Table("when (UTC)", "who", "what", "where", "of which", "address")
    for entry in found:
        of = f"{entry.object_kind} {entry.object}".strip()
        who = f"{entry.by.kind} {entry.by.name}".strip()
        cells = (f"{entry.at:%F %T}", who, entry.action.value, entry.place, of, entry.address)
        table.add_row(*map(escape, cells))
    out.print(table)
