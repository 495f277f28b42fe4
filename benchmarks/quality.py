"""How well Causerie understands: measures everything that docs/quality.md states, in minutes.

    python benchmarks/quality.py                    every table
    python benchmarks/quality.py languages moods    some of them
    python benchmarks/quality.py --markdown         as docs/quality.md has them

Reads the labelled sets below ../shared/data, beside the repository. Each table is a module of this
folder, `quality_<name>.py`, with a function `rows()`.
"""

import argparse
import importlib
import time

from quality_rows import SHARED, Row
from rich.console import Console
from rich.table import Table

TABLES = ("languages", "moods", "topics", "privacy")
HEADINGS = ("what", "set", "measured", "baseline", "aim", "met")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tables", nargs="*", choices=[[], *TABLES], help="all if none is named")
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        raise SystemExit(f"{SHARED} is not there: it holds the labelled sets")
    for name in arguments.tables or TABLES:
        start = time.monotonic()
        rows = importlib.import_module(f"quality_{name}").rows()
        show = show_markdown if arguments.markdown else show_table
        show(name, rows, time.monotonic() - start)


def show_table(name: str, rows: list[Row], seconds: float) -> None:
    table = Table(*HEADINGS, title=f"{name} ({seconds:.0f} s)")
    for row in rows:
        table.add_row(*cells(row))
    Console(width=160).print(table)


def show_markdown(name: str, rows: list[Row], seconds: float) -> None:
    print(f"\n<!-- {name}: {seconds:.0f} s -->\n\n| {' | '.join(HEADINGS)} |")
    print("|" + " --- |" * len(HEADINGS))
    for row in rows:
        print(f"| {' | '.join(cells(row))} |")


def cells(row: Row) -> tuple[str, ...]:
    return (*row[:5], {True: "yes", False: "**no**", None: ""}[row.met])


if __name__ == "__main__":
    main()
