"""One row of the tables in docs/quality.md, and how a labelled set is read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SHARED = Path("../shared/data")


class Row(NamedTuple):
    """One measured figure beside the one that was aimed at and a trivial way to get there."""

    what: str
    """What is measured, in words."""
    data: str
    """The set, with how many of it were used."""
    measured: str
    baseline: str
    """The trivial baseline on the same rows, and which it is."""
    aim: str
    met: bool | None
    """None where there is no aim."""


def labelled(name: str) -> Iterator[dict[str, Any]]:
    """The lines of a labelled set, such as `intents/clinc150_train`."""
    with (SHARED / "labelled" / f"{name}.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
