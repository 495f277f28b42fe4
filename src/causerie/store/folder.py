"""The data folder: one server process at a time, because the embedded engine allows no second."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from causerie.errors import Conflict, Unavailable

LOCK_FILE = "causerie.lock"


class DataFolder:
    """Holds a data folder until it is closed; the system lets go of it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def hold(self) -> None:
        """Take the folder. Raises Conflict, naming the holder, while another process has it,
        Unavailable when there can be no such folder.
        """
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            file = (self._path / LOCK_FILE).open("a+")
        except OSError as error:
            raise Unavailable(f"the data folder cannot be used: {error}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self.holder() or "another process"
            file.close()
            raise Conflict(
                f"the data folder {self._path} is in use by {holder}; the embedded engine allows "
                "one process. Stop that one, choose another --data, or use ClickHouse by URL."
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        self._file = file

    def holder(self) -> str:
        """Who wrote itself into the lock file last."""
        file = self._path / LOCK_FILE
        return file.read_text().strip() if file.is_file() else ""

    def close(self) -> None:
        """Let another process have the folder."""
        if self._file is not None:
            self._file.close()
            self._file = None
