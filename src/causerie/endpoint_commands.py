"""`causerie endpoint`: under which names callers reach which models. A running server follows
within two seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from click.core import ParameterSource
from msgspec.structs import replace
from sqlalchemy import Engine

from causerie.app import utc_now
from causerie.endpoints import (
    LOCAL_ENDPOINT,
    OUTPUT_TOKENS,
    WINDOW_TOKENS,
    Dialect,
    Endpoint,
    Price,
    Upstream,
    new_endpoint_id,
)
from causerie.errors import Conflict, Invalid
from causerie.key_commands import amount_of
from causerie.store.accounts import Accounts
from causerie.store.endpoints import Endpoints
from causerie.store.state import open_state
from causerie.terminal import FIRST_PROJECT, Data, ProjectId, out, project_of, say, settings_of
from causerie.vault import open_vault

endpoint = typer.Typer(no_args_is_help=True, help="Models that callers of the gateway reach.")
NO_KEY = "No upstream key was given: the provider is called without one."


def from_environment(context: typer.Context, parameter: typer.CallbackParam, value: str) -> str:
    """Refuses what stands on a command line, for everybody on the machine to see."""
    if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
        raise typer.BadParameter("others see command lines: use the variable, or --key-file")
    return value


def _amount(help: str) -> Any:
    return typer.Option(parser=amount_of, metavar="AMOUNT", help=help)


BaseURL = Annotated[str, typer.Option("--upstream", help="Its address, up to and with /v1.")]
Model = Annotated[str, typer.Option(help="The model, as the provider names it.")]
KeyFile = Annotated[
    Path | None, typer.Option(help="File of the upstream key; - for standard input.")
]
UpstreamKey = Annotated[
    str,
    typer.Option(
        envvar="CAUSERIE_UPSTREAM_KEY",
        callback=from_environment,
        help="The upstream key; taken from the variable only.",
    ),
]
Weight = Annotated[int, typer.Option(help="Share of the calls; 0 only when all others fail.")]
Hint = Annotated[Dialect, typer.Option(help="What the provider wants to hear to reuse a prefix.")]
Slots = Annotated[int, typer.Option(help="Conversations that llama.cpp keeps apart.")]
ConnectS = Annotated[float, typer.Option(help="Until connected.")]
FirstTokenS = Annotated[float, typer.Option(help="Until the provider begins to answer.")]
IdleS = Annotated[float, typer.Option(help="Between two pieces of an answer.")]
USUAL = Upstream(base_url="", model="")


@endpoint.command("add")
def endpoint_add(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    upstream: BaseURL,
    model: Model,
    id: Annotated[str, typer.Option(help="ep-…; made up unless given.")] = "",
    key_file: KeyFile = None,
    upstream_key: UpstreamKey = "",
    serves: Annotated[
        list[str] | None, typer.Option(help="Model name that it answers too; may be repeated.")
    ] = None,
    weight: Weight = USUAL.weight,
    dialect: Hint = USUAL.dialect,
    slots: Slots = USUAL.slots,
    window_tokens: Annotated[int, typer.Option(help="Read and written in one call.")] = (
        WINDOW_TOKENS
    ),
    output_tokens: Annotated[int, typer.Option(help="Kept free for an answer.")] = OUTPUT_TOKENS,
    default: Annotated[
        list[str] | None, typer.Option(help="Such as temperature=0.2; may be repeated.")
    ] = None,
    input_price: Annotated[Decimal | None, _amount("Of a million tokens.")] = None,
    output_price: Annotated[Decimal | None, _amount("Of a million tokens.")] = None,
    cached_price: Annotated[Decimal | None, _amount("Of a million cached tokens.")] = None,
    currency: Annotated[str, typer.Option(help="Of the prices.")] = "USD",
    connect_timeout_s: ConnectS = USUAL.connect_timeout_s,
    first_token_timeout_s: FirstTokenS = USUAL.first_token_timeout_s,
    idle_timeout_s: IdleS = USUAL.idle_timeout_s,
    project: ProjectId = FIRST_PROJECT,
    data: Data = None,
) -> None:
    """Make an endpoint and print its id."""
    given = dict(locals())
    _make(given)
