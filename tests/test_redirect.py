"""One line that sends the old Python client here, plain http on loopback included."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
from getcontext import ContextAPI
from getcontext.generated.aio import ContextAPI as AsyncContextAPI
from getcontext.token import AsyncCredential, Credential

import causerie
from causerie.testing import ServerProcess
from tests.conftest import AppServer

BODY = {"conversation": {"messages": [{"role": "user", "message": "hi"}]}}


@pytest.fixture
def server(app_server: AppServer) -> ServerProcess:
    return app_server.process


@pytest.fixture(autouse=True)
def original_clients() -> Iterator[None]:
    """The clients as they were, after each test."""
    kept = [(client, client.__init__) for client in (ContextAPI, AsyncContextAPI)]
    yield
    for client, init in kept:
        client.__init__ = init


def test_a_client_made_after_the_line_talks_to_us_over_plain_http(server: ServerProcess) -> None:
    causerie.redirect_getcontext(server.endpoint)
    with ContextAPI(credential=Credential(server.key("admin"))) as client:
        server.settle()
        before = client.conversations().pagination.total_records
        client.log.conversation(body=BODY)
        server.settle()
        assert client.conversations().pagination.total_records == before + 1


def test_the_asynchronous_client_too(server: ServerProcess) -> None:
    causerie.redirect_getcontext(server.endpoint + "/")

    async def added() -> int:
        async with AsyncContextAPI(credential=AsyncCredential(server.key("admin"))) as client:
            server.settle()
            before: int = (await client.conversations()).pagination.total_records
            await client.log.conversation(body=BODY)
            server.settle()
            total: int = (await client.conversations()).pagination.total_records
            return total - before

    assert asyncio.run(added()) == 1


def test_an_endpoint_that_the_app_names_itself_is_kept(server: ServerProcess) -> None:
    causerie.redirect_getcontext("https://causerie.invalid")
    client = ContextAPI(credential=Credential("t"), endpoint="https://other.invalid")
    assert client._client._base_url == "https://other.invalid"
    assert ContextAPI(credential=Credential("t"))._client._base_url == "https://causerie.invalid"


def test_a_second_line_changes_the_address(server: ServerProcess) -> None:
    causerie.redirect_getcontext("https://one.invalid")
    causerie.redirect_getcontext("https://two.invalid")
    assert ContextAPI(credential=Credential("t"))._client._base_url == "https://two.invalid"


@pytest.mark.parametrize(
    "url", ["http://causerie.example.com", "http://10.0.0.1:8123", "ftp://x", "causerie", ""]
)
def test_an_address_that_would_show_the_key_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"https|address"):
        causerie.redirect_getcontext(url)


def test_importing_the_package_loads_no_server_and_no_client_of_others() -> None:
    program = "import causerie, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"starlette", "sqlalchemy", "clickhouse_connect", "chdb", "getcontext", "typer"}
    assert heavy.isdisjoint(done.stdout.split())
