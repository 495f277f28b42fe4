"""The journal: records outlive their process, files of the dead are found, kept ones go."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

from causerie.journal import HEADER, SEGMENT_BYTES_MAX, Journal, Segment, abandoned, records

DIE = """
import os, sys
from pathlib import Path
from causerie.journal import Journal
journal = Journal(Path(sys.argv[1]), "dead")
segment = journal.begin()
for word in sys.argv[2:]:
    journal.write(segment, word.encode())
os.kill(os.getpid(), 9)
"""

LOOK = """
import sys
from pathlib import Path
from causerie.journal import abandoned
print(list(abandoned(Path(sys.argv[1]))))
"""


def begun(journal: Journal) -> Segment:
    """A file of the journal that can be written."""
    segment = journal.begin()
    assert segment is not None
    return segment


def die(folder: Path, *words: str) -> None:
    """A process writes that, and is killed."""
    subprocess.run([sys.executable, "-c", DIE, str(folder), *words], check=False)


def test_a_killed_process_leaves_its_records(tmp_path: Path) -> None:
    die(tmp_path, "one", "two")
    (path,) = abandoned(tmp_path)
    assert list(records(path)) == [b"one", b"two"]


def test_a_living_process_keeps_its_files(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mine")
    journal.write(begun(journal), b"one")
    command = [sys.executable, "-c", LOOK, str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


def test_what_is_kept_elsewhere_leaves_no_trace(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mine")
    first, second = begun(journal), begun(journal)
    journal.write(first, b"one")
    journal.write(second, b"two")
    journal.end(first)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_size > 0, "the other is not kept yet"
    journal.end(second)
    assert path.stat().st_size == 0
    journal.close()
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_long_enough_is_followed_by_another(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mine")
    first = begun(journal)
    journal.write(first, bytes(SEGMENT_BYTES_MAX + 1))
    second = begun(journal)
    assert second.path != first.path
    journal.end(first)
    assert list(tmp_path.iterdir()) == [second.path]


def test_a_record_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    die(tmp_path, "one", "two")
    (path,) = tmp_path.iterdir()
    os.truncate(path, path.stat().st_size - 1)
    assert list(records(path)) == [b"one"]
    os.truncate(path, HEADER.size + 3 + 2)
    assert list(records(path)) == [b"one"]


def test_a_full_disk_stops_nobody(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mine")
    segment = begun(journal)
    os.close(segment._file)
    segment._file = os.open("/dev/full", os.O_WRONLY)
    journal.write(segment, b"one")
    segment.closed = True
    journal.end(segment)


def test_a_folder_that_cannot_be_made_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = Journal(tmp_path / "file", "mine")
    segment = journal.begin()
    assert segment is None
    journal.write(segment, b"one")
    journal.end(segment)


def test_half_a_record_is_taken_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "mine")
    segment = begun(journal)
    journal.write(segment, b"one")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (segment.size + 10, limits[1]))
    try:
        journal.write(segment, b"much longer than there is room for")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    journal.write(segment, b"two")
    assert list(records(segment.path)) == [b"one", b"two"]
