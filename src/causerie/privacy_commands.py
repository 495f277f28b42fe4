"""`causerie privacy`: what the filter would mask in what is there, and who is to be forgotten."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from causerie.accounts import Project
from causerie.clock import utc_now
from causerie.config import Settings
from causerie.errors import Conflict, Invalid
from causerie.lodge import open_lodge
from causerie.masking import DEFAULT_MASKING, Masking, OwnPattern, check_pattern
from causerie.privacy import ALL_KINDS, filter_of
from causerie.removals import STAGES, Removal, Stage
from causerie.removing import LOOK_INTERVAL_S, ask_for_user
from causerie.scans import Scan, leaves
from causerie.store.accounts import Accounts
from causerie.store.removals import Removals
from causerie.store.state import open_state
from causerie.stores import Stores, open_stores
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
from causerie.transfer import transcripts
from causerie.vault import open_vault

privacy = typer.Typer(no_args_is_help=True, help="Personal data.")


def main() -> None:
    """Run `causerie privacy` without the other commands."""
    run_alone("privacy", privacy)


@privacy.callback()
def group() -> None:
    """A group, also while it has one command."""


@privacy.command("scan")
def scan_command(
    file: Annotated[
        str, typer.Argument(help="JSON lines to read, - for standard input; the store if none.")
    ] = "",
    project: ProjectId = FIRST_PROJECT,
    pattern: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=REGEX", help="A pattern to try; may be repeated."),
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="Also names, as far as they go.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    data: Data = None,
) -> None:
    """Say what would be masked; nothing is changed, and no value is shown."""
    tried = tuple(check_pattern(_pattern(text), ALL_KINDS) for text in pattern or ())
    if file:
        scan = Scan(filter_of(_widened(DEFAULT_MASKING, tried, names)))
        with ExitStack() as stack:
            lines: BinaryIO = sys.stdin.buffer
            if file != "-":
                lines = stack.enter_context(_opened(file))
            _read_lines(scan, lines)
    else:
        scan = _scan_store(project, data, tried, names)
    _tell(scan, as_json)


def _pattern(text: str) -> OwnPattern:
    name, _, expression = text.partition("=")
    return OwnPattern(name=name, expression=expression)


def _widened(masking: Masking, tried: tuple[OwnPattern, ...], names: bool) -> Masking:
    again = {one.name for one in tried}
    kept = tuple(one for one in masking.patterns if one.name not in again)
    return msgspec.structs.replace(masking, patterns=(*kept, *tried), names=names or masking.names)


def _opened(file: str) -> BinaryIO:
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}", field="file") from error


def _read_lines(scan: Scan, lines: BinaryIO) -> None:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value: Any = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise Invalid(f"line {number} is no JSON: {error}", field="file") from error
        scan.read(_messages(value), {})


def _messages(value: Any) -> Iterator[list[str]]:
    """A line's messages where it has some, else all of it as one."""
    inner = value.get("conversation", value) if isinstance(value, dict) else value
    messages = inner.get("messages") if isinstance(inner, dict) else None
    for one in messages if isinstance(messages, list) else [value]:
        yield list(leaves(one))


def _scan_store(
    project: str, data: Path | None, tried: tuple[OwnPattern, ...], names: bool
) -> Scan:
    stores = open_stores(settings_of(data=data))
    try:
        found: Project = project_of(stores.accounts, project)
        stores.delivery.drain()
        scan = Scan(filter_of(_widened(found.masking, tried, names)))
        for transcript in transcripts(stores.reports, found):
            texts = (message.texts for message in transcript.messages)
            scan.read(texts, transcript.row.metadata)
        return scan
    finally:
        stores.delivery.stop()
        stores.close()


@privacy.command("forget")
def forget_command(
    user: Annotated[str, typer.Argument(help="The user's id, as your app sends it.")],
    project: ProjectId = FIRST_PROJECT,
    tenant: Annotated[str, typer.Option(help="Of that tenant; without it, of none.")] = "",
    every_tenant: Annotated[
        bool, typer.Option("--every-tenant", help="Whatever the tenant.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the proof as JSON.")] = False,
    data: Data = None,
) -> None:
    """Delete all that is kept of a user, everywhere, and prove it."""
    settings, asked_for = settings_of(data=data), None if every_tenant else tenant
    try:
        stores = open_stores(settings)
    except Conflict:
        removals = _ask_server(settings, project, user, asked_for)
        say.print("The running server removes it.")
        done = _awaited(removals)
    else:
        done = _forget(settings, stores, project, user, asked_for)
    _tell_proof(done, as_json)


def _forget(
    settings: Settings, stores: Stores, project: str, user: str, tenant: str | None
) -> Removal:
    lodge = open_lodge(settings, stores, open_vault(settings.data, settings.secret), utc_now)
    try:
        found = project_of(stores.accounts, project)
        stores.delivery.drain()
        asked = lodge.removing.remove_user(found, user, tenant, "command")
        lodge.removing.drain(lambda one: say.print(f"{one.step} of {len(STAGES) - 1} steps"))
        return lodge.removals.get(found.id, asked.id)
    finally:
        stores.delivery.stop()
        stores.close()


def _ask_server(
    settings: Settings, project: str, user: str, tenant: str | None
) -> Callable[[], Removal]:
    """Put it where the server that has the data folder finds it; what is given back looks how far
    that is.
    """
    engine = open_state(settings.state_address)
    removals = Removals(engine, open_vault(settings.data, settings.secret))
    found = project_of(Accounts(engine), project)
    asked = ask_for_user(removals, found, user, tenant, "command", utc_now())
    return lambda: removals.get(found.id, asked.id)


def _awaited(look: Callable[[], Removal]) -> Removal:
    while (removal := look()).stage is not Stage.DONE:
        time.sleep(LOOK_INTERVAL_S)
    return removal


def _tell_proof(removal: Removal, as_json: bool) -> None:
    proof = removal.proof
    if proof is None:
        raise Conflict("another process writes to the stores; it will remove it")
    if as_json:
        out.print(msgspec.json.format(msgspec.json.encode(proof), indent=2).decode(), markup=False)
    else:
        gone = ", ".join(f"{count} {place}" for place, count in proof.removed.items() if count)
        out.print(f"Removed: {gone or 'nothing, there was nothing'}.")
        for check in proof.checked:
            out.print(f"  {check.place}: {check.left} left")
        out.print(f"Proof {proof.id}, sealed {proof.seal}. Not covered: {proof.not_covered}.")
    if not proof.complete:
        sys.exit(1)


def _tell(scan: Scan, as_json: bool) -> None:
    if as_json:
        found = {
            "conversations": scan.conversations,
            "messages": scan.messages,
            "kinds": [asdict(finding) for finding in scan.findings],
        }
        out.print(msgspec.json.encode(found).decode(), markup=False)
        return
    read = f"{scan.messages} messages in {scan.conversations} conversations were read"
    if not scan.findings:
        out.print(f"{read}; nothing would be masked.")
        return
    table = Table("kind", "hits", "messages", "conversations", "for example")
    for one in scan.findings:
        samples = "\n".join(
            escape(f"{sample.before} ‹{sample.shown}› {sample.after}".strip())
            for sample in one.samples
        )
        table.add_row(one.kind, str(one.hits), str(one.messages), str(one.conversations), samples)
    out.print(table)
    out.print(f"{read}; nothing was changed.")
