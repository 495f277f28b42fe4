"""For tests, ours and those of apps: a real server as a child process, a clock that stands."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

STOP_SECONDS_MAX = 60
SETTLE_INTERVAL_S = 0.05


class Ticking:
    """A clock to pass where the time is asked for."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time it stands at."""
        return self.now

    def move(self, **by: float) -> None:
        """Go on, by the arguments of `timedelta`."""
        self.now += timedelta(**by)


class ServerProcess:
    """`causerie serve` on a folder and a free port of this machine.

    `options` are added to the command, `settings` to its environment.
    """

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        self._folder = folder
        self._options = options
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self.endpoint = ""
        """Its address, once it has started."""
        self.sign_in_link = ""
        """The one-time link that a first start prints."""

    @property
    def authority(self) -> Path:
        """With `--tls-self-signed`: the file that clients are told to trust."""
        return self._folder / "tls" / "ca.pem"

    @property
    def pid(self) -> int:
        """The process id of a started server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and return once it listens. Raises RuntimeError when it ends instead."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "causerie", "serve", "--port", "0", *self._options],
            env=self._environ(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "/signin/link/" in line:
                self.sign_in_link = line.split()[-1]
            if line.startswith("Ready"):
                self.endpoint = line.split()[-1]
                return
        code = self._process.wait()
        self._close()
        raise RuntimeError(f"the server ended with code {code}")

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(STOP_SECONDS_MAX)
        self._close()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        self._process.stdout.close()

    def command(self, *arguments: str) -> str:
        """What another command of `causerie` on the same folder prints."""
        done = subprocess.run(
            [sys.executable, "-m", "causerie", *arguments],
            env=self._environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"causerie {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def key(self, kind: str) -> str:
        """The token of a new key; made here, as a command would take half a second."""
        from causerie.accounts import KeyKind
        from causerie.clock import utc_now
        from causerie.config import load
        from causerie.store.accounts import Accounts
        from causerie.store.state import open_state
        from causerie.terminal import first_project

        engine = open_state(load(self._environ()).state_address)
        try:
            accounts = Accounts(engine)
            project = first_project(accounts)
            return accounts.create_key(project.id, KeyKind(kind), f"{kind} key", utc_now())[1]
        finally:
            engine.dispose()

    def health(self) -> dict[str, Any]:
        """What the server says of itself."""
        trust = (
            ssl.create_default_context(cafile=self.authority) if self.authority.exists() else None
        )
        with urlopen(f"{self.endpoint}/health", context=trust) as answer:
            said: dict[str, Any] = json.load(answer)
            return said

    def settle(self) -> None:
        """Wait until all that was acknowledged is in the analytics store."""
        while self.health()["waiting"]:
            time.sleep(SETTLE_INTERVAL_S)

    def _environ(self) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith("CAUSERIE_")}
        quiet = {
            "CAUSERIE_DATA": str(self._folder),
            "CAUSERIE_LOG_LEVEL": "warning",
            # Models take memory and seconds that few tests need.
            "CAUSERIE_MEANING_PROCESSES": "0",
        }
        return {**own, **quiet, **self._settings}
