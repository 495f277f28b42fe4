"""Where notices arrive in tests: a real mail server and a real web server in this process."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

USER, PASSWORD = "causerie", "a password/with@signs"


class Mailbox:
    """What a mail server took, and what it answers to who wants to give it something."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.answer = "250 taken"
        self.was_encrypted: list[bool] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content))
            self.was_encrypted.append(session.ssl is not None)
        return self.answer


@contextmanager
def mail_server(encrypts: bool = True) -> Iterator[tuple[Mailbox, int, ssl.SSLContext]]:
    """A server that asks for STARTTLS and a password; its mailbox, port, and what trusts it."""
    authority, mailbox = trustme.CA(), Mailbox()
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(shown)
    trusts = ssl.create_default_context()
    authority.configure_trust(trusts)

    def admit(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        fits = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=fits, handled=fits)

    given: dict[str, Any] = {}
    if encrypts:
        given = {
            "tls_context": shown,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": admit,
        }
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **given)
    controller.start()
    try:
        yield mailbox, port, trusts
    finally:
        controller.stop()


class Receiver(ThreadingHTTPServer):
    """A web server that keeps what it is sent, and answers with `status`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", f"{self.server.url}/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A web server on this machine."""
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
