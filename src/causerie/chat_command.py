"""`causerie chat`: which model, which sessions, which terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console

from causerie.client.environment import data_folder, openai_base_url, openai_key
from causerie.errors import CauserieError, Unavailable
from causerie.exchanges import Cost
from causerie.local_models import MODEL as LOCAL_MODEL
from causerie.local_models import NAME, LocalModel, model_file
from causerie.prices import Prices
from causerie.token_usage import Usage

FILE = Path("causerie") / "chat.db"
NO_KEY = "none"
"""What a model on one's own machine is sent where it wants no key."""
SESSION = "main"
FLUSH_SECONDS_MAX = 10.0


class Where(NamedTuple):
    """A model: its address, the key for it, and its name."""

    base_url: str | None
    key: str
    model: str | None


class ChatPrices(Prices):
    """The price tables, and that a model which runs here costs nothing."""

    def cost(self, model: str, usage: Usage, at: datetime, **known: Any) -> Cost | None:
        """What a call cost; None when no price is known."""
        if model == LOCAL_MODEL:
            return Cost(Decimal(0), "USD", "this machine")
        return super().cost(model, usage, at, **known)


def main() -> None:
    """The command by itself, which is there long before those of the server are loaded."""
    program = typer.Typer(add_completion=False)
    program.command("chat")(chat)
    program.callback()(_nothing)
    program()


def _nothing() -> None:
    """A program with a callback has named commands, though it be one."""


def chat(
    session: Annotated[str, typer.Option(help="Which session to go on with, or to begin.")] = (
        SESSION
    ),
    base_url: Annotated[
        str | None, typer.Option(help="Of any OpenAI-compatible API; default OPENAI_BASE_URL.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Its name; default OPENAI_MODEL.")] = None,
    system: Annotated[str | None, typer.Option(help="What the model is told to be.")] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Where sessions are kept: a file, postgresql://…, or :memory:."),
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="Log to the server of CAUSERIE_URL and CAUSERIE_KEY.")
    ] = False,
) -> None:
    """Talk to a model, in sessions that remain. Without a key or an address it is a small one on
    this machine, which speaks English only.
    """
    console = Console(soft_wrap=True)
    try:
        with _unlogged(), _model(base_url, model, console) as where:
            _run(where, session, system, store, log, console)
    except CauserieError as error:
        raise SystemExit(f"causerie: {error.message}") from error


@contextmanager
def _unlogged() -> Iterator[None]:
    """What goes wrong in a session is told in the chat itself."""
    log = logging.getLogger("causerie.sessions")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


@contextmanager
def _model(base_url: str | None, model: str | None, console: Console) -> Iterator[Where]:
    """The model that was asked for, or else the one on this machine, until the chat ends."""
    address, key = base_url or openai_base_url(), openai_key()
    if address or key:
        yield Where(address, key or NO_KEY, model)
        return
    if model_file() is None:
        raise Unavailable("no model: set OPENAI_API_KEY, or --base-url, or install the local one")
    local = LocalModel(lambda: datetime.now(UTC), slots=1)
    try:
        with console.status(f"starting {NAME}"):
            local.start()
        upstream = local.endpoint("").upstreams[0]
        yield Where(upstream.base_url, upstream.key, upstream.model)
    finally:
        local.stop()


def _run(
    where: Where,
    session: str,
    system: str | None,
    store: str | None,
    log: bool,
    console: Console,
) -> None:
    # They take seconds to load, which `causerie --help` shall not wait.
    with console.status("one moment"):
        from causerie.chat import Chat
        from causerie.sessions import SessionError, Sessions, build_chain, build_model, build_prompt
        from causerie.sessions.models import SYSTEM, read_settings

    settings = read_settings(key=where.key, base_url=where.base_url, model=where.model)
    try:
        handlers = _handlers() if log else []
        with Sessions(_place(store)) as sessions:
            chain = build_chain(build_prompt(system or SYSTEM), build_model(settings))
            talk = Chat(
                sessions,
                sessions.build_conversation(chain),
                console,
                session,
                base_url=where.base_url or "",
                prices=ChatPrices(),
                callbacks=handlers,
            )
            talk.run(_lines())
        for handler in handlers:
            handler.flush(FLUSH_SECONDS_MAX)
    except (SessionError, ValueError) as error:
        raise SystemExit(f"causerie: {error}") from error


def _place(store: str | None) -> str | Path | None:
    if store == ":memory:":
        return None
    if store is not None:
        return store
    file = data_folder() / FILE
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return file


def _handlers() -> list[Any]:
    """What is said goes to the server as well. Raises ValueError where none is named."""
    from causerie.langchain import ContextCallbackHandler

    return [ContextCallbackHandler()]


def _lines() -> Iterator[str]:
    """What is typed, or piped in, until it ends."""
    return _typed() if sys.stdin.isatty() else iter(sys.stdin)


def _typed() -> Iterator[str]:
    if find_spec("readline"):
        import readline  # noqa: F401 - once it is loaded, `input` has arrows and earlier lines
    while True:
        try:
            yield input("> ")
        except KeyboardInterrupt:
            sys.stdout.write("\n")
        except EOFError:
            sys.stdout.write("\n")
            return
