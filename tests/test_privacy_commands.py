"""`causerie privacy scan`, as an operator types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from causerie import privacy_commands
from causerie.cli import app
from causerie.errors import CauserieError, Conflict, Invalid
from causerie.removals import Removal, Stage
from causerie.store.folder import DataFolder

LINES = [
    {"messages": [{"role": "user", "content": "mail ada@corp.fr"}, {"content": "EMP-123456"}]},
    {"conversation": {"messages": [{"message": "ada@corp.fr again", "phone": 6125550143}]}},
    "my name is Ada",
]


def run(*words: str, given: str = "") -> Result:
    """A command; what it refuses is raised."""
    return command("scan", *words, given=given)


def command(*words: str, given: str = "") -> Result:
    """Any of the group."""
    result = CliRunner().invoke(app, ["privacy", *words], input=given or None)
    if isinstance(result.exception, CauserieError):
        raise result.exception
    return result


def lines() -> str:
    return "\n".join(json.dumps(line) for line in LINES)


def test_a_file_is_read_and_no_value_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text(lines())
    told = run(str(file), "--pattern", r"employee=EMP-\d{6}", "--json").stdout
    found = json.loads(told)
    counts = {one["kind"]: (one["hits"], one["conversations"]) for one in found["kinds"]}
    assert counts == {"email": (2, 2), "employee": (1, 1), "phone": (1, 1)}
    assert (found["conversations"], found["messages"]) == (3, 4)
    assert "corp" not in told and "123456" not in told and "6125550143" not in told


def test_standard_input_is_read_and_names_are_tried() -> None:
    told = run("-", "--names", given=lines()).stdout
    assert "name" in told and "nothing was changed" in told
    assert "nothing would be masked" in run("-", given='"hello"').stdout


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(Invalid, match="line 2"):
        run("-", given='"a"\n{')
    with pytest.raises(Invalid, match="cannot be read"):
        run("/nowhere/at/all")
    with pytest.raises(Invalid, match="too many ways"):
        run("-", "--pattern", "slow=(a+)+b", given="")


def test_a_store_that_a_server_has_is_not_read(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.hold()
    with pytest.raises(Conflict, match="in use"):
        run("--data", str(tmp_path))
    folder.close()


def test_a_user_is_asked_to_go_while_a_server_has_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Removal] = []

    def serve(look: Callable[[], Removal]) -> Removal:
        asked.append(look())
        return msgspec.structs.replace(asked[0], stage=Stage.DONE)

    monkeypatch.setattr(privacy_commands, "_awaited", serve)
    folder = DataFolder(tmp_path)
    folder.hold()
    try:
        with pytest.raises(Conflict, match="another process"):
            command("forget", "ada", "--tenant", "t", "--data", str(tmp_path))
    finally:
        folder.close()
    target = asked[0].target
    assert target is not None and (target.tenant, "ada" in target.names) == ("t", True)
