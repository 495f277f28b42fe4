"""Spool: what waits, on the disk, so that it outlives its process.

A process writes into segments of its own run, below the lock of that run, which ends with the
process however it ends. Who finds a run without an owner takes it over: one of them, because the
lock is one. What is settled is noted beside its segment; a segment in which all is settled goes.

    20260520T120000-4711-3f9a.lock       held while its process lives
    20260520T120000-4711-3f9a-0.spool    frames: length, checksum, letter
    20260520T120000-4711-3f9a-0.done     numbers of the frames that are settled
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SEGMENT_BYTES_MAX = 4 * 1024 * 1024
SUFFIXES = (".lock", ".spool", ".done")
FRAME = struct.Struct("<II")
NUMBER = struct.Struct("<I")


@dataclass(eq=False, slots=True)
class Segment:
    """A file of frames. `left` counts those that are not settled, `run` is its lock."""

    path: Path
    run: Lock
    size: int = 0
    count: int = 0
    left: int = 0
    writer: int | None = None

    @property
    def done(self) -> Path:
        """Where it is noted what is settled."""
        return self.path.with_suffix(".done")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a letter is."""

    segment: Segment
    number: int
    offset: int
    length: int


@dataclass(eq=False, slots=True)
class Lock:
    """A run's lock, held by this process as long as the file is open."""

    path: Path
    file: int
    segments: set[Path] = field(default_factory=set)

    @classmethod
    def take(cls, path: Path) -> Lock | None:
        """The lock, unless another has it. Raises OSError."""
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last owner may have removed it since it was opened.
            if os.fstat(file).st_ino == os.stat(path).st_ino:
                return cls(path, file)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(file)
        return None

    def release(self) -> None:
        """Let others have it; it is removed when the run has nothing left."""
        if not self.segments:
            self.path.unlink(missing_ok=True)
        os.close(self.file)


class Spool:
    """A folder that processes share. Safe in threads; its methods raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.RLock()
        self._own: Lock | None = None
        self._segment: Segment | None = None
        self._segments = 0
        self._taken: list[Lock] = []

    # ---- writing ---------------------------------------------------------------------------------

    def put(self, data: bytes) -> Place:
        """Write it down. A kill of the process loses nothing for which this has returned."""
        with self._lock:
            segment = self._writable()
            frame = FRAME.pack(len(data), zlib.crc32(data)) + data
            assert segment.writer is not None
            try:
                written = os.write(segment.writer, frame)
                if written != len(frame):
                    raise OSError(f"only {written} of {len(frame)} bytes were written")
            except OSError:
                # What follows half a frame could not be found again.
                self._seal()
                raise
            place = Place(segment, segment.count, segment.size + FRAME.size, len(data))
            segment.size += len(frame)
            segment.count += 1
            segment.left += 1
            return place

    def _writable(self) -> Segment:
        if self._segment is not None and self._segment.size >= SEGMENT_BYTES_MAX:
            self._seal()
        if self._segment is None:
            self._segment = self._new_segment()
        return self._segment

    def _new_segment(self) -> Segment:
        run = self._run()
        path = self._folder / f"{run.path.stem}-{self._segments:06}.spool"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        writer = os.open(path, flags, 0o600)
        self._segments += 1
        run.segments.add(path)
        return Segment(path, run, writer=writer)

    def _run(self) -> Lock:
        while self._own is None:
            at = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
            name = f"{at}-{os.getpid()}-{os.urandom(4).hex()}"
            # Another who looks for runs without an owner may be quicker.
            self._own = Lock.take(self._folder / f"{name}.lock")
        return self._own

    def _seal(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None and segment.writer is not None:
            os.close(segment.writer)
            segment.writer = None
            self._sweep(segment)

    # ---- reading ---------------------------------------------------------------------------------

    def read(self, place: Place) -> bytes:
        """What stands there."""
        with place.segment.path.open("rb") as file:
            file.seek(place.offset)
            return file.read(place.length)

    def settle(self, place: Place) -> None:
        """It need not be sent again."""
        with self._lock:
            segment = place.segment
            segment.left -= 1
            if segment.left or segment.writer is not None:
                with segment.done.open("ab", buffering=0) as file:
                    file.write(NUMBER.pack(place.number))
            self._sweep(segment)

    def _sweep(self, segment: Segment) -> None:
        if segment.left or segment.writer is not None:
            return
        segment.path.unlink(missing_ok=True)
        segment.done.unlink(missing_ok=True)
        segment.run.segments.discard(segment.path)
        if segment.run in self._taken and not segment.run.segments:
            self._taken.remove(segment.run)
            segment.run.release()

    # ---- what others left ------------------------------------------------------------------------

    def left_behind(
        self, room: int, lane_of: Callable[[bytes], str | None]
    ) -> list[tuple[Place, str | None]]:
        """What a run without an owner left, oldest first, with its lanes; it is ours from now on.
        Nothing when there is none, or none with at most `room` letters.
        """
        with self._lock:
            for path in self._runs():
                taken = Lock.take(path)
                if taken is None:
                    continue
                found = self._open(taken, lane_of)
                if found and len(found) <= room:
                    self._taken.append(taken)
                    return found
                taken.release()
        return []

    def _runs(self) -> list[Path]:
        """The locks of all runs but ours, also of those that lost theirs."""
        own = {run.path for run in (self._own, *self._taken) if run is not None}
        found = {
            self._folder / f"{'-'.join(file.stem.split('-')[:3])}.lock"
            for file in self._folder.iterdir()
            if file.suffix in SUFFIXES
        }
        return sorted(found - own)

    def _open(
        self, run: Lock, lane_of: Callable[[bytes], str | None]
    ) -> list[tuple[Place, str | None]]:
        found: list[tuple[Place, str | None]] = []
        for path in sorted(self._folder.glob(f"{run.path.stem}-*.spool")):
            run.segments.add(path)
            segment = Segment(path, run)
            settled = _settled(segment)
            for place, data in _frames(segment):
                if place.number not in settled:
                    segment.left += 1
                    found.append((place, lane_of(data)))
            self._sweep(segment)
        for note in self._folder.glob(f"{run.path.stem}-*.done"):
            if not note.with_suffix(".spool").exists():
                note.unlink(missing_ok=True)
        return found

    # ---- the end ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Leave what is not settled to who comes next."""
        with self._lock:
            self._seal()
            for run in (self._own, *self._taken):
                if run is not None:
                    run.release()
            self._own = None
            self._taken = []

    def forget(self) -> None:
        """In a child after a fork: all that is written so far is the parent's."""
        owned = (self._own, *self._taken)
        files = [run.file for run in owned if run is not None]
        if self._segment is not None and self._segment.writer is not None:
            files.append(self._segment.writer)
        for file in files:
            with contextlib.suppress(OSError):
                os.close(file)
        self._begin()


def _settled(segment: Segment) -> set[int]:
    try:
        data = segment.done.read_bytes()
    except FileNotFoundError:
        return set()
    whole = len(data) - len(data) % NUMBER.size
    return {number for (number,) in NUMBER.iter_unpack(data[:whole])}


def _frames(segment: Segment) -> Iterator[tuple[Place, bytes]]:
    """Every whole frame; what was cut off by a kill or a full disk is the last."""
    with segment.path.open("rb") as file:
        while len(head := file.read(FRAME.size)) == FRAME.size:
            length, checksum = FRAME.unpack(head)
            data = file.read(length)
            if len(data) != length or zlib.crc32(data) != checksum:
                return
            yield Place(segment, segment.count, segment.size + FRAME.size, length), data
            segment.size += FRAME.size + length
            segment.count += 1
