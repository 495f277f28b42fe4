"""Mail: one message over SMTP, encrypted on the way, in text and HTML."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from functools import cached_property
from urllib.parse import unquote, urlsplit

from causerie.errors import Invalid
from causerie.notices import Letter
from causerie.webhooks import NotSent, connect, reachable
from causerie.wording import say

TIMEOUT_S = 15
PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
REFUSED_FOR_GOOD = range(500, 600)


@dataclass(frozen=True)
class MailServer:
    """A server that takes mail. `smtp` begins in the clear and is encrypted before anything is said
    (STARTTLS), `smtps` is encrypted from the start; `smtp+plain` never is, and takes no password.
    """

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""


def mail_server(address: str, sender: str) -> MailServer:
    """The server of an address such as `smtps://user:password@mail.example`. Raises Invalid, which
    never says the address.
    """
    wrong = Invalid(
        say("a mail server is smtp:// or smtps://, user:password@ if it asks, and its host"),
        field="server",
    )
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/"):
        raise wrong
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user and parts.scheme == "smtp+plain":
        raise Invalid(say("a password is never sent in the clear"), field="server")
    if not sender or "@" not in sender or not sender.isascii() or not sender.isprintable():
        raise Invalid(say("say whom mails are from: an e-mail address"), field="sender")
    return MailServer(
        parts.scheme, parts.hostname, port or PORTS[parts.scheme], user, password, sender
    )


class Mail:
    """Sends mails. `is_private_allowed` lets it reach a project's own server in private networks;
    `trusts` is what servers show certificates of, by default what the machine trusts.
    """

    def __init__(self, is_private_allowed: bool, trusts: ssl.SSLContext | None = None) -> None:
        self._is_private_allowed = is_private_allowed
        self._given = trusts

    def send(
        self, server: MailServer, to: str, letter: Letter, id: str, *, own: bool = True
    ) -> None:
        """Hand it to the server, a project's `own` or the operator's. `id` stays the same when it
        is sent again. Raises NotSent, which never says a password.
        """
        allowed = self._is_private_allowed or not own
        addresses = reachable(server.host, server.port, is_private_allowed=allowed)
        try:
            with self._connect(server, addresses) as connection:
                if server.scheme == "smtp":
                    connection.starttls(context=self._trusts)
                if server.user:
                    connection.login(server.user, server.password)
                connection.send_message(compose(server.sender, to, letter, id))
        except smtplib.SMTPAuthenticationError as error:
            raise NotSent("the mail server refuses the user or password", permanent=True) from error
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()), (550, b""))
            raise NotSent(
                f"the mail server refuses the address: {code} {_plain(said)}",
                permanent=code in REFUSED_FOR_GOOD,
            ) from error
        except smtplib.SMTPResponseException as error:
            raise NotSent(
                f"the mail server answered {error.smtp_code} {_plain(error.smtp_error)}",
                permanent=error.smtp_code in REFUSED_FOR_GOOD,
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise NotSent(f"the mail server cannot do that: {error}", permanent=True) from error
        except ssl.SSLCertVerificationError as error:
            raise NotSent(
                f"the mail server's certificate is not trusted: {error.verify_message}"
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(f"the mail server cannot be reached: {_reason(error)}") from error

    @cached_property
    def _trusts(self) -> ssl.SSLContext:
        # Not before there is a mail: to read what the machine trusts takes 30 ms of every start.
        return self._given or ssl.create_default_context()

    def _connect(self, server: MailServer, addresses: Sequence[str]) -> smtplib.SMTP:
        if server.scheme == "smtps":
            return _SecureMail(server.host, server.port, addresses, self._trusts)
        return _PlainMail(server.host, server.port, addresses)


def compose(sender: str, to: str, letter: Letter, id: str) -> EmailMessage:
    """The mail: plain text, and the same as HTML."""
    message = EmailMessage()
    message["Subject"] = " ".join(letter.title.split())
    message["From"] = sender
    message["To"] = to
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


class _PlainMail(smtplib.SMTP):
    """Connects to the address that was judged, and knows the server by its name."""

    def __init__(self, host: str, port: int, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        super().__init__(host, port, timeout=TIMEOUT_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return connect(self._addresses, port, timeout)


class _SecureMail(_PlainMail):
    def __init__(
        self, host: str, port: int, addresses: Sequence[str], trusts: ssl.SSLContext
    ) -> None:
        self._trusts = trusts
        super().__init__(host, port, addresses)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        return self._trusts.wrap_socket(plain, server_hostname=host)


def _plain(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:200]


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
