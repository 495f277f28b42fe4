"""Vault: keeps the keys of others, encrypted under a secret that is not in the state store."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from causerie.errors import Conflict, Unavailable

SECRET_FILE = "secret.key"
SECRET_BYTES = 32
KEY_BYTES = 32
STRETCH_ROUNDS = 2**14
"""Of scrypt: 16 MiB and some hundredths of a second, once in a process."""
# One for everybody: processes that share a store have nothing else in common but the secret.
SALT = b"causerie vault 1"
ANOTHER_SECRET = (
    "the upstream key was encrypted with another secret: start with the CAUSERIE_SECRET or the "
    f"{SECRET_FILE} that it was kept with, or put the upstream key in anew"
)


class Vault:
    """Encrypts and decrypts with a secret of any form, or with one that `secret` finds or makes
    when it is first needed. Safe in threads.
    """

    def __init__(self, secret: bytes | Callable[[], bytes]) -> None:
        self._secret = secret
        self._opened: Fernet | None = None
        self._lock = threading.Lock()

    def encrypt(self, text: str) -> str:
        """What is kept of a text; each time it looks different. Raises Unavailable when the secret
        can be neither read nor made.
        """
        return self._fernet().encrypt(text.encode()).decode()

    def decrypt(self, text: str) -> str:
        """The text. Raises Conflict, saying what to do, when the secret is another one, and
        Unavailable when it can be neither read nor made.
        """
        try:
            return self._fernet().decrypt(text.encode()).decode()
        except InvalidToken as error:
            raise Conflict(ANOTHER_SECRET) from error

    def _fernet(self) -> Fernet:
        with self._lock:
            if self._opened is None:
                secret = self._secret if isinstance(self._secret, bytes) else self._secret()
                self._opened = Fernet(_stretched(secret))
            return self._opened


def _stretched(secret: bytes) -> bytes:
    key = hashlib.scrypt(secret, salt=SALT, n=STRETCH_ROUNDS, r=8, p=1, dklen=KEY_BYTES)
    return urlsafe_b64encode(key)


def open_vault(folder: Path, given: str) -> Vault:
    """The vault of the secret that is given, else of the one in the data folder, which is made
    when it is first needed: a server that keeps no such key needs no folder.
    """
    if given.strip():
        return Vault(given.strip().encode())
    return Vault(lambda: _secret(folder / SECRET_FILE))


def _secret(file: Path) -> bytes:
    try:
        if not file.exists():
            _make(file)
        secret = file.read_bytes().strip()
    except OSError as error:
        raise Unavailable(f"the secret of the vault cannot be kept: {error}") from error
    if not secret:
        raise Unavailable(f"{file} is empty: put it back from a backup, or remove it")
    return secret


def _make(file: Path) -> None:
    """Make the file whole or not at all; of two who do it at once, one is first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{SECRET_FILE}.{secrets.token_hex(8)}")
    _write(part, f"{secrets.token_urlsafe(SECRET_BYTES)}\n".encode())
    try:
        os.link(part, file)
    except FileExistsError:
        return
    finally:
        part.unlink()
    _settle(file.parent)


def _write(file: Path, content: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _settle(folder: Path) -> None:
    """What is encrypted from now on can only be read with it: it must survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
