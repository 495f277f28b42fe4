"""The spool: what is written outlives its process, and belongs to one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from causerie.client import Client
from causerie.client.spool import SEGMENT_BYTES_MAX, Place, Spool

ROOM = 1_000_000


def left(spool: Spool, room: int = ROOM) -> list[tuple[Place, str | None]]:
    """What others left, its lane being its text."""
    return spool.left_behind(room, lambda data: data.decode())


def texts(found: list[tuple[Place, str | None]]) -> list[str | None]:
    return [lane for _, lane in found]


def test_what_was_not_settled_is_found_once_the_owner_is_gone(tmp_path: Path) -> None:
    first, second, third = (Spool(tmp_path) for _ in range(3))
    places = [first.put(text.encode()) for text in "abcd"]
    assert first.read(places[2]) == b"c"
    first.settle(places[1])
    assert left(second) == []
    first.close()
    found = left(second)
    assert texts(found) == ["a", "c", "d"]
    assert [second.read(place) for place, _ in found] == [b"a", b"c", b"d"]
    assert left(third) == []


def test_runs_are_found_oldest_first_and_leave_nothing_when_settled(tmp_path: Path) -> None:
    for text in ("first", "second"):
        spool = Spool(tmp_path)
        # Names have seconds; within one any order is right, so these are told apart by hand.
        place = spool.put(text.encode())
        assert place.segment.run.path.exists()
        spool.close()
    heir = Spool(tmp_path)
    found = [*left(heir), *left(heir)]
    assert sorted(map(str, texts(found))) == ["first", "second"]
    for place, _ in found:
        heir.settle(place)
    heir.close()
    assert list(tmp_path.iterdir()) == []


def test_what_an_heir_settled_is_not_found_by_the_next(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for text in "abc":
        spool.put(text.encode())
    spool.close()
    heir = Spool(tmp_path)
    heir.settle(left(heir)[1][0])
    heir.close()
    assert texts(left(Spool(tmp_path))) == ["a", "c"]


def test_a_frame_that_was_cut_off_is_the_end_and_costs_no_other(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put(b"whole")
    place = spool.put(b"cut off")
    spool.close()
    os.truncate(place.segment.path, place.offset + 3)
    assert texts(left(Spool(tmp_path))) == ["whole"]


@pytest.mark.parametrize("damage", [b"\0" * 40, b"\xff" * 40, b"x"])
def test_damage_is_the_end_of_a_segment(tmp_path: Path, damage: bytes) -> None:
    spool = Spool(tmp_path)
    place = spool.put(b"whole")
    spool.close()
    with place.segment.path.open("ab") as file:
        file.write(damage)
    found = left(Spool(tmp_path))
    assert texts(found)[0] == "whole"
    assert all(text == "" for text in texts(found)[1:])


def test_segments_are_short_and_go_when_all_in_them_is_settled(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    data = b"x" * (SEGMENT_BYTES_MAX // 2)
    places = [spool.put(data) for _ in range(6)]
    assert len(list(tmp_path.glob("*.spool"))) == 3
    for place in places[:4]:
        spool.settle(place)
    assert len(list(tmp_path.glob("*.spool"))) == 1
    spool.close()
    assert len(left(Spool(tmp_path))) == 2


def test_a_run_for_which_there_is_no_room_is_left_to_others(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for text in "abc":
        spool.put(text.encode())
    spool.close()
    assert left(Spool(tmp_path), room=2) == []
    assert texts(left(Spool(tmp_path), room=3)) == ["a", "b", "c"]


def test_files_of_others_and_leftovers_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not ours")
    (tmp_path / "20200101T000000-1-abcd-000000.done").write_bytes(b"\0\0\0\0")
    (tmp_path / "20200101T000001-1-abcd.lock").touch()
    assert left(Spool(tmp_path)) == []
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_what_is_written_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    place = Spool(folder).put(b"private")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, place.segment.path)]
    assert modes == [0o700, 0o600]


def test_a_client_without_a_place_for_its_spool_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ValueError, match="no spool"):
        Client("key", "http://127.0.0.1:1", spool=file)


def never(_: bytes) -> str | None:
    raise AssertionError("nothing is to be read")


def test_one_process_does_not_take_its_own_run(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put(b"mine")
    look: Callable[[bytes], str | None] = never
    assert spool.left_behind(ROOM, look) == []
