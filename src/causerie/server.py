"""Runs the app under uvicorn: socket, TLS, what a person is told at the start."""

from __future__ import annotations

from collections.abc import Callable

import uvicorn

from causerie.app import Stores, build, utc_now
from causerie.certificates import self_signed as make_certificates
from causerie.config import Settings

BACKLOG_CONNECTIONS_MAX = 2_048
SHUTDOWN_SECONDS_MAX = 20


def run(
    settings: Settings,
    stores: Stores,
    say: Callable[[str], None],
    *,
    sign_in: str | None,
    self_signed: bool,
) -> None:
    """Serve until told to stop. `sign_in` is the token of a one-time link to print."""
    if self_signed:
        files = make_certificates(settings.data / "tls", settings.host, utc_now())
        settings = settings.overriding(
            tls_certificate=str(files.certificate), tls_key=str(files.key)
        )
        say(f"Clients trust this server by {files.authority.resolve()}")
    server_socket = uvicorn.Config("", host=settings.host, port=settings.port).bind_socket()
    settings = settings.overriding(port=server_socket.getsockname()[1])
    server = uvicorn.Server(
        uvicorn.Config(
            build(settings, stores),
            backlog=BACKLOG_CONNECTIONS_MAX,
            ssl_certfile=settings.tls_certificate or None,
            ssl_keyfile=settings.tls_key or None,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
        )
    )
    if sign_in:
        say(f"Sign in, once, with {settings.base_url}/signin/link/{sign_in}")
    say(f"Ready: {settings.base_url}")
    server.run(sockets=[server_socket])
