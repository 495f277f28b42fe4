"""`causerie endpoint`: under which names callers reach which models. A running server follows
within two seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import replace

from causerie.clock import utc_now
from causerie.endpoints import (
    OUTPUT_TOKENS,
    WINDOW_TOKENS,
    Dialect,
    Endpoint,
    Price,
    Upstream,
    new_endpoint_id,
)
from causerie.errors import Invalid
from causerie.key_commands import amount_of
from causerie.store.accounts import Accounts
from causerie.store.endpoints import Endpoints
from causerie.store.state import open_state
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
from causerie.vault import open_vault

endpoint = typer.Typer(no_args_is_help=True, help="Models that callers of the gateway reach.")


def main() -> None:
    """Run `causerie endpoint` without the other commands."""
    run_alone("endpoint", endpoint)


NO_KEY = "No upstream key was given: the provider is called without one."


def from_environment(context: typer.Context, parameter: typer.CallbackParam, value: str) -> str:
    """Refuses what stands on a command line, for everybody on the machine to see."""
    source = context.get_parameter_source(parameter.name or "")
    if source is not None and source.name == "COMMANDLINE":
        raise typer.BadParameter("others see command lines: use the variable, or --key-file")
    return value


def _amount(help: str) -> Any:
    return typer.Option(parser=amount_of, metavar="AMOUNT", help=help)


Name = Annotated[str, typer.Argument(help="What people call it.")]
Id = Annotated[str, typer.Argument(help="ep-…")]
NewId = Annotated[str, typer.Option("--id", help="ep-…; made up unless given.")]
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
Serves = Annotated[
    list[str] | None, typer.Option(help="Model name that it answers too; may be repeated.")
]
Weight = Annotated[int, typer.Option(help="Share of the calls; 0 only when all others fail.")]
Hint = Annotated[Dialect, typer.Option(help="What the provider wants to hear to reuse a prefix.")]
Slots = Annotated[int, typer.Option(help="Conversations that llama.cpp keeps apart.")]
WindowTokens = Annotated[int, typer.Option(help="Read and written in one call.")]
OutputTokens = Annotated[int, typer.Option(help="Kept free for an answer.")]
Default = Annotated[
    list[str] | None, typer.Option(help="Such as temperature=0.2; may be repeated.")
]
InputPrice = Annotated[Decimal | None, _amount("Of a million tokens.")]
OutputPrice = Annotated[Decimal | None, _amount("Of a million tokens.")]
CachedPrice = Annotated[Decimal | None, _amount("Of a million cached tokens.")]
Currency = Annotated[str, typer.Option(help="Of the prices.")]
ConnectS = Annotated[float, typer.Option(help="Until connected.")]
FirstTokenS = Annotated[float, typer.Option(help="Until the provider begins to answer.")]
IdleS = Annotated[float, typer.Option(help="Between two pieces of an answer.")]
USUAL = Upstream(base_url="", model="")


@endpoint.command("add")
def endpoint_add(
    name: Name,
    upstream: BaseURL,
    model: Model,
    id: NewId = "",
    key_file: KeyFile = None,
    upstream_key: UpstreamKey = "",
    serves: Serves = None,
    weight: Weight = USUAL.weight,
    dialect: Hint = USUAL.dialect,
    slots: Slots = USUAL.slots,
    window_tokens: WindowTokens = WINDOW_TOKENS,
    output_tokens: OutputTokens = OUTPUT_TOKENS,
    default: Default = None,
    input_price: InputPrice = None,
    output_price: OutputPrice = None,
    cached_price: CachedPrice = None,
    currency: Currency = "USD",
    connect_timeout_s: ConnectS = USUAL.connect_timeout_s,
    first_token_timeout_s: FirstTokenS = USUAL.first_token_timeout_s,
    idle_timeout_s: IdleS = USUAL.idle_timeout_s,
    project: ProjectId = FIRST_PROJECT,
    data: Data = None,
) -> None:
    """Make an endpoint and print its id."""
    key = _key(key_file, upstream_key)
    timeouts = (connect_timeout_s, first_token_timeout_s, idle_timeout_s)
    endpoints, within = _opened(data, project)
    made = Endpoint(
        project=within,
        id=id or new_endpoint_id(utc_now()),
        name=name,
        upstreams=(_upstream(upstream, model, key, weight, dialect, slots, timeouts),),
        created_at=utc_now(),
        serves=tuple(serves or ()),
        defaults=_defaults(default or ()),
        price=_price(input_price, output_price, cached_price, currency),
        window_tokens=window_tokens,
        output_tokens=output_tokens,
    )
    out.print(endpoints.add(made).id, markup=False)


@endpoint.command("add-upstream")
def endpoint_add_upstream(
    id: Id,
    upstream: BaseURL,
    model: Model,
    key_file: KeyFile = None,
    upstream_key: UpstreamKey = "",
    weight: Weight = USUAL.weight,
    dialect: Hint = USUAL.dialect,
    slots: Slots = USUAL.slots,
    connect_timeout_s: ConnectS = USUAL.connect_timeout_s,
    first_token_timeout_s: FirstTokenS = USUAL.first_token_timeout_s,
    idle_timeout_s: IdleS = USUAL.idle_timeout_s,
    project: ProjectId = FIRST_PROJECT,
    data: Data = None,
) -> None:
    """Give an endpoint one more provider to share its calls, or to ask when others fail."""
    key = _key(key_file, upstream_key)
    timeouts = (connect_timeout_s, first_token_timeout_s, idle_timeout_s)
    endpoints, within = _opened(data, project)
    before = endpoints.shown(within, id)
    more = _upstream(upstream, model, key, weight, dialect, slots, timeouts)
    endpoints.change(replace(before, upstreams=(*before.upstreams, more)))


@endpoint.command("list")
def endpoint_list(project: ProjectId = FIRST_PROJECT, data: Data = None) -> None:
    """List the endpoints of a project."""
    endpoints, within = _opened(data, project)
    for one in endpoints.list(within):
        models = ", ".join(f"{upstream.model} at {upstream.host}" for upstream in one.upstreams)
        state = "  (disabled)" if one.disabled else ""
        out.print(f"{one.id}  {one.name}  {models}{state}", markup=False)


@endpoint.command("show")
def endpoint_show(id: Id, project: ProjectId = FIRST_PROJECT, data: Data = None) -> None:
    """Say all that is configured but for the upstream keys."""
    endpoints, within = _opened(data, project)
    for name, value in _facts(endpoints.shown(within, id)):
        out.print(f"{name:14}  {value}", markup=False)


@endpoint.command("remove")
def endpoint_remove(id: Id, project: ProjectId = FIRST_PROJECT, data: Data = None) -> None:
    """Forget an endpoint and its upstream keys."""
    endpoints, within = _opened(data, project)
    endpoints.remove(within, id)


def _opened(data: Path | None, project: str) -> tuple[Endpoints, str]:
    """The store, also beside a running server, and the id of a project that is there."""
    settings = settings_of(data=data)
    engine = open_state(settings.state_address)
    vault = open_vault(settings.data, settings.secret)
    return Endpoints(engine, vault), project_of(Accounts(engine), project).id


def _key(file: Path | None, from_variable: str) -> str:
    if file is None:
        key = from_variable.strip()
    elif str(file) == "-":
        key = sys.stdin.readline().strip()
    else:
        key = _read(file)
    if not key:
        say.print(NO_KEY)
    return key


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"the key file cannot be read: {error}", field="key_file") from error


def _upstream(
    base_url: str,
    model: str,
    key: str,
    weight: int,
    dialect: Dialect,
    slots: int,
    timeouts_s: tuple[float, float, float],
) -> Upstream:
    connect, first_token, idle = timeouts_s
    return Upstream(
        base_url=base_url,
        model=model,
        key=key,
        weight=weight,
        dialect=dialect,
        slots=slots,
        connect_timeout_s=connect,
        first_token_timeout_s=first_token,
        idle_timeout_s=idle,
    )


def _defaults(given: Sequence[str]) -> dict[str, Any]:
    """`name=value`; what is not JSON is text."""
    defaults: dict[str, Any] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            raise Invalid(f"--default {pair}: name=value is expected", field="default")
        try:
            defaults[name] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            defaults[name] = text
    return defaults


def _price(
    input: Decimal | None, output: Decimal | None, cached: Decimal | None, currency: str
) -> Price | None:
    if input is not None and output is not None:
        return Price(input=input, output=output, cached=cached, currency=currency)
    if (input, output, cached) != (None, None, None):
        raise Invalid("--input-price and --output-price go together", field="price")
    return None


def _facts(endpoint: Endpoint) -> Iterator[tuple[str, object]]:
    yield "id", endpoint.id
    yield "name", endpoint.name
    yield "made", f"{endpoint.created_at:%F %R} UTC"
    yield "serves", ", ".join(endpoint.serves) or "nothing but its id"
    yield "window tokens", endpoint.window_tokens
    yield "output tokens", endpoint.output_tokens
    yield "disabled", "yes" if endpoint.disabled else "no"
    yield "defaults", msgspec.json.encode(endpoint.defaults).decode()
    if (price := endpoint.price) is not None:
        cached = price.input if price.cached is None else price.cached
        a_million = f"{price.input} in, {cached} cached, {price.output} out"
        yield "price", f"{a_million} {price.currency} per million tokens"
    for upstream in endpoint.upstreams:
        key = "with a key" if upstream.key else "without a key"
        said = f"{upstream.model} at {upstream.base_url}, {key}, weight {upstream.weight}"
        waits = (upstream.connect_timeout_s, upstream.first_token_timeout_s)
        seconds = " ".join(f"{wait:g}" for wait in (*waits, upstream.idle_timeout_s))
        yield "upstream", f"{said}, {upstream.dialect}, timeouts {seconds} s"
