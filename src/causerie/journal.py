"""The journal: what was answered, on the disk before the caller has the end of it.

A record in a file that only grows costs microseconds, a transaction milliseconds: an answer must
not wait for one. What is in the journal outlives the process; from there it goes to the inbox,
and a file all of whose records are there is emptied. A process that starts takes over the files
of those that died: it can lock them.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

SEGMENT_BYTES_MAX = 32 * 1024 * 1024
SEGMENT_SECONDS_MAX = 60
"""While calls overlap without end a file is not emptied: so another is begun, and what was said
does not stand in it for long.
"""
SUFFIX = ".journal"
FAILED_SUFFIX = ".failed"
"""Of a file that could not be read."""
HEADER = struct.Struct("<I")
log = logging.getLogger(__name__)


class Segment:
    """One file, and how many of its records are still to be kept elsewhere."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open_records = 0
        self.size = 0
        self.closed = False
        self._begun = monotonic()
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def full(self) -> bool:
        """Whether the next exchange belongs into another file."""
        old = monotonic() - self._begun > SEGMENT_SECONDS_MAX and self.size > 0
        return old or self.size > SEGMENT_BYTES_MAX

    def write(self, record: bytes) -> None:
        """Append one record in one call, so that a kill leaves it whole or not at all."""
        whole = HEADER.pack(len(record)) + record
        if os.write(self._file, whole) != len(whole):
            os.ftruncate(self._file, self.size)  # what follows would not be found behind a half one
            raise OSError("the disk is full")
        self.size += len(whole)

    def empty(self) -> None:
        """Forget the records: all of them are kept elsewhere."""
        os.ftruncate(self._file, 0)
        self.size = 0

    def drop(self) -> None:
        """Take the file away."""
        self.path.unlink(missing_ok=True)
        os.close(self._file)


class Journal:
    """The files of one process in a folder. To be used by one thread.

    A disk that is full does not stop the callers: they are answered, and it is logged that a kill
    now would lose what they were told.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._count = 0
        self._segment: Segment | None = None

    def begin(self) -> Segment | None:
        """The file to write the records of one exchange to, until `end`; None where there cannot
        be one.
        """
        segment = self._segment
        if segment is None or segment.full:
            segment = self._follow()
        if segment is not None:
            segment.open_records += 1
        return segment

    def _follow(self) -> Segment | None:
        self.close()
        self._count += 1
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{self._name}-{self._count:06d}{SUFFIX}"
            self._segment = Segment(path)
        except OSError as error:
            log.error("no journal can be begun, a kill would lose what is said now: %s", error)
        return self._segment

    def write(self, segment: Segment | None, record: bytes) -> None:
        """Append a record of an exchange."""
        if segment is None:
            return
        try:
            segment.write(record)
        except OSError as error:
            log.error(
                "the journal cannot be written, a kill would lose what is said now: %s", error
            )

    def end(self, segment: Segment | None) -> None:
        """The exchange is kept elsewhere. The last one empties the file."""
        if segment is None:
            return
        segment.open_records -= 1
        if segment.open_records == 0:
            if segment.closed:
                segment.drop()
            else:
                segment.empty()

    def close(self) -> None:
        """Begin no more in the present file."""
        if self._segment is not None:
            self._segment.closed = True
            if self._segment.open_records == 0:
                self._segment.drop()
            self._segment = None


def abandoned(folder: Path) -> Iterator[Path]:
    """The files whose process has died. Each is locked, so that one process takes it, and is to
    be unlinked by who takes it.
    """
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue  # its process lives
            if path.exists():
                yield path


def records(path: Path) -> Iterator[bytes]:
    """The records of a file, without one that was cut short by a power failure."""
    with path.open("rb") as file:
        while len(header := file.read(HEADER.size)) == HEADER.size:
            (length,) = HEADER.unpack(header)
            record = file.read(length)
            if len(record) < length:
                log.warning("the last record of %s is cut short", path.name)
                return
            yield record
