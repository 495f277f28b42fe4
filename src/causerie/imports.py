"""Reading: the conversations in a file that another program wrote, one after another.

JSON lines or one JSON array, plain or gzip, recognised by content. Memory stays bounded by one
conversation; what cannot be read is told with its line and the reading goes on.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from causerie.conversations import Conversation
from causerie.errors import Invalid
from causerie.formats import recognise

LINE_BYTES_MAX = 64 * 1024 * 1024
"""The longest line, or item of an array, that is read."""
CHUNK_BYTES = 1024 * 1024
Stream = BinaryIO | gzip.GzipFile
GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Malformed:
    """A line that was left out. `line` counts from 1; in a JSON array it counts the items."""

    file: str
    line: int
    reason: str


class Reading(Iterator[Conversation | Malformed]):
    """One pass over a file. `position` of `size` bytes are behind it, for a progress bar.

    Both count the file as it lies on the disk, compressed or not. Raises OSError where the file
    cannot be opened.
    """

    def __init__(self, path: Path, now: datetime) -> None:
        self.size = size(path)
        self._path = path
        self._now = now
        self._file = path.open("rb")
        self._found = self._read()

    def __next__(self) -> Conversation | Malformed:
        return next(self._found)

    @property
    def position(self) -> int:
        """Bytes of the file that have been read; `size` when it is done."""
        return self.size if self._file.closed else self._file.tell()

    def close(self) -> None:
        """Lets go of the file, also when not all of it has been read."""
        self._found.close()
        self._file.close()

    def _read(self) -> Generator[Conversation | Malformed]:
        number = 0
        with self._file:
            try:
                for number, line in enumerate(_pieces(_opened(self._file)), start=1):
                    if line is not None and not line.strip():
                        continue
                    yield self._understood(line, number)
            except (EOFError, zlib.error, gzip.BadGzipFile, Invalid) as error:
                yield Malformed(str(self._path), number + 1, _ending(error))

    def _understood(self, line: bytes | None, number: int) -> Conversation | Malformed:
        try:
            return recognise(_decoded(line), self._now)
        except Invalid as error:
            reason = f"{error.field}: {error.message}" if error.field else error.message
            return Malformed(str(self._path), number, reason)


def read(path: Path, now: datetime) -> Reading:
    """The conversations of a file and what could not be read in it, in its order.

    `now` dates conversations without any time.
    """
    return Reading(path, now)


def size(path: Path) -> int:
    """Bytes of the file on the disk."""
    return path.stat().st_size


def _opened(file: BinaryIO) -> Stream:
    magic = file.read(len(GZIP_MAGIC))
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if magic == GZIP_MAGIC else file


def _ending(error: Exception) -> str:
    if isinstance(error, Invalid):
        return error.message
    if isinstance(error, EOFError):
        return "file: the gzip data ends too early"
    return "file: the gzip data is damaged"


# ---- from bytes to lines or items --------------------------------------------------------------


def _pieces(stream: Stream) -> Iterator[bytes | None]:
    """Lines, or the items of an array. None stands for a line that is longer than the limit."""
    first = stream.readline(CHUNK_BYTES).removeprefix(BYTE_ORDER_MARK)
    while first and not first.strip():
        yield first
        first = stream.readline(CHUNK_BYTES)
    if first.lstrip().startswith(b"["):
        yield from _items(first, stream)
    elif first.strip() == b"{":
        yield _rest(first, stream)
    else:
        yield from _lines(first, stream)


def _lines(start: bytes, stream: Stream) -> Iterator[bytes | None]:
    line = start if start.endswith(b"\n") else start + stream.readline(LINE_BYTES_MAX)
    while line:
        if len(line) <= LINE_BYTES_MAX:
            yield line
        else:
            _skip_line(line, stream)
            yield None
        line = stream.readline(LINE_BYTES_MAX + 1)


def _skip_line(line: bytes, stream: Stream) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(CHUNK_BYTES)


def _rest(start: bytes, stream: Stream) -> bytes | None:
    """One object that is spread over many lines."""
    whole = start + stream.read(LINE_BYTES_MAX)
    return whole if len(whole) <= LINE_BYTES_MAX else None


TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+("|\\?\Z)|[\[\]{},]', re.DOTALL)
"""A whole string, or a string that is not over yet (group 1 is no quote), or a bracket or comma."""


class _Array:
    """Where the items of a JSON array begin and end, found without decoding them."""

    def __init__(self) -> None:
        self.rest = b""
        self.depth = 0
        self._scanned = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The items that end in `chunk`."""
        self.rest += chunk
        start = 0
        end = len(self.rest)
        for token in TOKEN.finditer(self.rest, self._scanned):
            if token[0][:1] == b'"' and token[1] != b'"':
                end = token.start()
                break
            if self._is_border(token[0]):
                if self.rest[start : token.start()].strip():
                    yield self.rest[start : token.start()]
                start = token.end()
        self.rest = self.rest[start:]
        self._scanned = end - start

    def _is_border(self, token: bytes) -> bool:
        """Whether an item may begin or end at this token."""
        before = self.depth
        self.depth += (token in b"[{") - (token in b"]}")
        return (token == b"," and before == 1) or 0 in (before, self.depth)


def _items(chunk: bytes, stream: Stream) -> Iterator[bytes]:
    array = _Array()
    while chunk:
        yield from array.feed(chunk)
        if len(array.rest) > LINE_BYTES_MAX:
            raise Invalid(f"item: longer than {LINE_BYTES_MAX} bytes; the rest is left out")
        chunk = stream.read(CHUNK_BYTES)
    if array.depth != 0 or array.rest.strip():
        raise Invalid("file: the array does not end as it should")


# ---- from a line to a value --------------------------------------------------------------------


def _decoded(line: bytes | None) -> Any:
    if line is None:
        raise Invalid(f"line: longer than {LINE_BYTES_MAX} bytes")
    try:
        value = msgspec.json.decode(line)
    except UnicodeDecodeError as error:
        raise Invalid("line: invalid UTF-8") from error
    except msgspec.DecodeError as error:
        raise Invalid(f"line: bad JSON: {error}") from error
    except RecursionError as error:
        raise Invalid("line: bad JSON: nested too deeply") from error
    if b"\\u0000" in line:
        _refuse_nul(value, "")
    return value


def _refuse_nul(value: Any, path: str) -> None:
    if isinstance(value, str) and "\0" in value:
        raise Invalid("holds a NUL character", field=path.lstrip("."))
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_nul(item, f"{path}.{key}".replace("\0", "?"))
            _refuse_nul(key, f"{path}.{key}".replace("\0", "?"))
    if isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_nul(item, f"{path}[{index}]")
