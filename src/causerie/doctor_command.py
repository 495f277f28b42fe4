"""`causerie doctor`: whether all is as it should be."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape

from causerie.diagnosis import diagnose
from causerie.store.inbox import Inbox
from causerie.store.state import open_state
from causerie.stores import open_events
from causerie.terminal import Data, out, run_alone, settings_of


def main() -> None:
    """Run `causerie doctor` without the other commands."""
    run_alone("doctor", doctor)


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
