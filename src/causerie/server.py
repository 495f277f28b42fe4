"""Runs the app under uvicorn: socket, TLS, what a person is told at the start."""

from __future__ import annotations

import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from causerie.app import build
from causerie.clock import utc_now
from causerie.config import Settings
from causerie.errors import Conflict
from causerie.local_models import LocalModel
from causerie.stores import Stores

BACKLOG_CONNECTIONS_MAX = 2_048
SHUTDOWN_SECONDS_MAX = 20
COLLECTION_THRESHOLDS = (20_000, 20, 50)
"""How seldom the garbage collector comes: it stops every call, and a start makes no garbage."""
SWITCH_INTERVAL_S = 0.001
"""How long a thread that works in the background keeps the interpreter from one that answers, which
asks for it several times a call; a fifth of what is usual.
"""


def run(
    settings: Settings,
    stores: Stores,
    say: Callable[[str], None],
    *,
    sign_in: str | None,
    self_signed: bool,
    local_model: LocalModel | None = None,
) -> None:
    """Serve until told to stop. `sign_in` is the token of a one-time link to print; a
    `local_model` has been started.
    """
    gc.set_threshold(*COLLECTION_THRESHOLDS)
    if self_signed:
        # Not above: few servers make their own.
        from causerie.certificates import self_signed as make_certificates

        files = make_certificates(settings.data / "tls", settings.host, utc_now())
        settings = settings.overriding(
            tls_certificate=str(files.certificate), tls_key=str(files.key)
        )
        say(f"Clients trust this server by {files.authority.resolve()}")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    server_socket = listen(settings.host, settings.port)
    settings = settings.overriding(port=server_socket.getsockname()[1])
    server = uvicorn.Server(
        uvicorn.Config(
            build(settings, stores, local_model=local_model, warm=True),
            ssl_certfile=settings.tls_certificate or None,
            ssl_keyfile=settings.tls_key or None,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
        )
    )
    open_many_files()
    end_politely()
    if sign_in:
        say(f"Sign in, once, with {settings.base_url}/signin/link/{sign_in}")
    say(f"Ready: {settings.base_url}")
    server.run(sockets=[server_socket])


def open_many_files() -> None:
    """As many as the system lets us have: each connection is one, and each of the engine's threads
    has three. The usual limit, 1,024, is for programs that are older than such servers.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # not every system allows what it says that it allows
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def end_politely() -> None:
    """Exit with code 0 when told to stop; uvicorn repeats the signal once everything is closed."""

    def leave(*_: object) -> None:
        raise SystemExit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises Conflict, with what to do, when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server(
            (host, port), family=family, backlog=BACKLOG_CONNECTIONS_MAX, reuse_port=False
        )
    except OSError as error:
        raise Conflict(
            f"cannot listen on {host} port {port}: {error.strerror}. "
            "Choose another --port or --host."
        ) from error
