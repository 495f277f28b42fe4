"""Kills in mid-load through the real client. `benchmarks/crash.py` does twenty rounds of it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.crash import run

WRONG = ("missing", "doubled", "out of order", "never sent", "conversations doubled")


def test_nothing_acknowledged_is_missing_or_doubled_after_kills(tmp_path: Path) -> None:
    result = run(tmp_path, rounds=3, seconds=2.5)
    assert result["acknowledged"] > 50
    assert {name: result[name] for name in WRONG} == dict.fromkeys(WRONG, 0)
