"""`causerie key`: keys for clients, and what those that call models may spend."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from causerie.accounts import NO_LIMITS, Allowance, KeyKind, Logging
from causerie.clock import utc_now
from causerie.errors import Invalid
from causerie.terminal import (
    FIRST_PROJECT,
    Data,
    ProjectId,
    accounts_of,
    out,
    project_of,
    run_alone,
    settings_of,
)

CALLERS = (KeyKind.GATEWAY, KeyKind.ADMIN)
key = typer.Typer(no_args_is_help=True, help="Keys for clients.")


def main() -> None:
    """Run `causerie key` without the other commands."""
    run_alone("key", key)


def amount_of(text: str) -> Decimal:
    """An amount of money as it is typed. Raises BadParameter."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not an amount such as 12.50") from None


@key.command("create")
def key_create(
    kind: Annotated[KeyKind, typer.Option(help="What the key opens.")],
    project: ProjectId = FIRST_PROJECT,
    name: Annotated[str, typer.Option(help="What the key is for, to tell it from others.")] = "",
    requests_per_minute: Annotated[int | None, typer.Option(help="Calls of models.")] = None,
    tokens_per_minute: Annotated[int | None, typer.Option(help="Tokens read and written.")] = None,
    monthly_budget: Annotated[
        Decimal | None,
        typer.Option(parser=amount_of, metavar="AMOUNT", help="For the calendar month, UTC."),
    ] = None,
    currency: Annotated[str, typer.Option(help="Of the budget.")] = NO_LIMITS.currency,
    endpoint: Annotated[
        list[str] | None, typer.Option(help="Id of an endpoint it may call; may be repeated.")
    ] = None,
    logging: Annotated[Logging, typer.Option(help="What is kept of calls.")] = NO_LIMITS.logging,
    tenant: Annotated[
        str | None, typer.Option(help="Of a read key: the one tenant it is for.")
    ] = None,
    data: Data = None,
) -> None:
    """Make a key and print its token, this once. Only its hash is kept."""
    allowance = Allowance(
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        monthly_budget=monthly_budget,
        currency=currency,
        endpoints=tuple(endpoint) if endpoint else None,
        logging=logging,
    )
    if allowance != NO_LIMITS and kind not in CALLERS:
        raise Invalid("limits are for keys that call models: --kind gateway or admin", field="kind")
    accounts = accounts_of(settings_of(data=data))
    label = name or f"{kind.value} key"
    made = accounts.create_key(
        project_of(accounts, project).id, kind, label, utc_now(), allowance, tenant
    )
    out.print(made[1], markup=False)


@key.command("list")
def key_list(project: ProjectId = FIRST_PROJECT, data: Data = None) -> None:
    """List the keys of a project."""
    accounts = accounts_of(settings_of(data=data))
    for one in accounts.keys(project_of(accounts, project).id):
        used = f"last used {one.last_used_at:%F %R}" if one.last_used_at else "never used"
        state = f"revoked {one.revoked_at:%F}" if one.revoked_at else used
        limits = "".join(f"  {limit}" for limit in _limits(one.allowance))
        line = f"{one.id}  {one.kind:8}  …{one.hint}  {one.name}  ({state}){limits}"
        out.print(line, markup=False)


def _limits(allowance: Allowance) -> list[str]:
    said = []
    if allowance.requests_per_minute is not None:
        said.append(f"{allowance.requests_per_minute} requests/min")
    if allowance.tokens_per_minute is not None:
        said.append(f"{allowance.tokens_per_minute} tokens/min")
    if allowance.monthly_budget is not None:
        said.append(f"{allowance.monthly_budget} {allowance.currency}/month")
    if allowance.endpoints is not None:
        said.append(f"only {', '.join(allowance.endpoints)}")
    if allowance.logging is not Logging.EVERYTHING:
        said.append(f"logs {allowance.logging}")
    return said


@key.command("revoke")
def key_revoke(id: str, project: ProjectId = FIRST_PROJECT, data: Data = None) -> None:
    """Refuse a key from now on."""
    accounts = accounts_of(settings_of(data=data))
    accounts.revoke_key(project_of(accounts, project).id, id, utc_now())
