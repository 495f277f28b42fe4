"""`causerie member`: people who sign in."""

from __future__ import annotations

import typer

from causerie.accounts import Role
from causerie.clock import utc_now
from causerie.errors import Conflict
from causerie.store.accounts import Accounts
from causerie.store.sign_ins import SignIns
from causerie.store.state import open_state
from causerie.terminal import LINK_LIFETIME, Data, out, run_alone, settings_of

member = typer.Typer(no_args_is_help=True, help="People who sign in.")


def main() -> None:
    """Run `causerie member` without the other commands."""
    run_alone("member", member)


@member.command("link")
def member_link(email: str, data: Data = None) -> None:
    """Print a one-time link with which a member sets a new password."""
    settings = settings_of(data=data)
    engine = open_state(settings.state_address)
    if Accounts(engine).member_by_email(email) is None:
        raise Conflict(f"there is no member {email!r}", field="email")
    token = SignIns(engine).create_link(email, None, Role.VIEWER, utc_now(), LINK_LIFETIME)
    out.print(f"{settings.base_url}/signin/link/{token}", markup=False)
