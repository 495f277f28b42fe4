"""The named statements: files in `store/sql`, and what of one is sent.

In a file, a line `--include NAME` stands for the file of that name beside it, or in another folder
where the name has one. Lines from `--when NAME…` to `--end` are of a statement only where one of
those parameters asks for something: a list or a text that is not empty, a number but 0, true; or,
as `--when NAME=VALUE`, where it is that value. Those from `--unless NAME…` on are of it only where
none does. What nobody asks for is neither read nor understood by the engine, which takes longer
over a long statement than over a month of conversations.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

WHEN, UNLESS, END = "--when ", "--unless ", "--end"


def statement(name: str, parameters: Mapping[str, Any]) -> str:
    """What of a named statement, such as `reports/totals`, answers for these parameters. Raises
    LookupError for no such name, or a parameter that it needs to know.
    """
    kept: list[str] = []
    open_blocks: list[bool] = []
    for line in _lines(name):
        if line.startswith((WHEN, UNLESS)):
            word, *conditions = line.split()
            holds = any(_holds(condition, parameters) for condition in conditions)
            open_blocks.append(holds == (word == WHEN.strip()))
        elif line == END:
            open_blocks.pop()
        elif all(open_blocks):
            kept.append(line)
    return "\n".join(kept)


def bound(text: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parameters that a statement binds. The driver keeps the fraction of a second
    only of names that end in `_64`, which may be missing in the text.
    """
    return {
        name: value
        for name, value in parameters.items()
        if f"{{{name}:" in text or f"{{{name.removesuffix('_64')}:" in text
    }


def _holds(condition: str, parameters: Mapping[str, Any]) -> bool:
    name, equals, value = condition.partition("=")
    return parameters[name] == value if equals else bool(parameters[name])


@cache
def _lines(name: str) -> tuple[str, ...]:
    folder, _, _ = name.rpartition("/")
    file = resources.files("causerie.store") / "sql" / f"{name}.sql"
    if not file.is_file():
        raise LookupError(f"no statement {name}")
    found: list[str] = []
    for line in file.read_text().splitlines():
        if line.startswith("--include "):
            found += _lines(_included(folder, line.split()[1]))
        else:
            found.append(line)
    return tuple(found)


def _included(folder: str, name: str) -> str:
    return name if "/" in name else f"{folder}/{name}"
