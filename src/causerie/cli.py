"""The command line: serve, demo, import, export, key, privacy, sql, eval, chat, doctor."""

from __future__ import annotations

import typer

from causerie.audit_command import audit_command
from causerie.chat_command import chat
from causerie.doctor_command import doctor
from causerie.endpoint_commands import endpoint
from causerie.evaluation_commands import evaluation
from causerie.key_commands import key
from causerie.member_commands import member
from causerie.privacy_commands import privacy
from causerie.serve_commands import serving
from causerie.sql_command import sql_command
from causerie.terminal import run_command
from causerie.transfer_commands import transfers

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
app.add_typer(serving)
app.add_typer(transfers)
app.add_typer(key, name="key")
app.add_typer(endpoint, name="endpoint")
app.add_typer(privacy, name="privacy")
app.add_typer(evaluation, name="eval")
app.command("sql")(sql_command)
app.command("audit")(audit_command)
app.command("doctor")(doctor)
app.add_typer(member, name="member")
app.command("chat")(chat)


def main() -> None:
    """Run a command."""
    run_command(app)
