"""`causerie privacy`: what the personal-data filter would mask in what is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from causerie.accounts import Project
from causerie.errors import Invalid
from causerie.masking import DEFAULT_MASKING, Masking, OwnPattern, check_pattern
from causerie.privacy import ALL_KINDS, filter_of
from causerie.scans import Scan, leaves
from causerie.stores import open_stores
from causerie.terminal import FIRST_PROJECT, Data, ProjectId, out, project_of, settings_of
from causerie.transfer import transcripts

privacy = typer.Typer(no_args_is_help=True, help="Personal data.")


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
