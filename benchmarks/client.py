"""What a call of the client costs the thread that makes it, beside a bare append to a list.

    python benchmarks/client.py [--calls 3000] [--pause-ms 1]

Starts `causerie serve` on a temporary folder. Each case logs the same transcript again and again,
with a pause between two calls as an app has, and every call is timed alone: the server up, away
(nothing listens), silent (it takes what comes and never answers), and up with a spool. Exit code 1
when the median of any case is over the 100 microseconds that are promised.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from causerie.client import Client
from causerie.testing import ServerProcess

PROMISE_US = 100.0
TEXT = "Where is the card that I ordered last week, and what do I do if it is lost? " * 3
SIZES = {"2 messages": 2, "20 messages": 20, "200 messages": 200}


class Case(NamedTuple):
    """A way to hand over a transcript."""

    name: str
    call: Callable[[list[dict[str, Any]]], None]


class Cost(NamedTuple):
    """Microseconds of a call."""

    median: float
    p99: float
    mean: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=3_000)
    parser.add_argument("--pause-ms", type=float, default=1.0)
    chosen = parser.parse_args()
    with ExitStack() as stack:
        cases = list(made(stack, Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        table, worst = measured(cases, chosen.calls, chosen.pause_ms / 1_000)
    Console().print(table)
    print(f"worst median: {worst:.1f} µs (promised: {PROMISE_US:.0f})")
    sys.exit(worst > PROMISE_US)


def made(stack: ExitStack, folder: Path) -> Iterator[Case]:
    """Every case, with what it needs running."""
    server = ServerProcess(folder / "server")
    server.start()
    stack.callback(server.stop)
    key = server.key("ingest")
    bare: list[Any] = []
    yield Case("bare list append", bare.append)
    silent = stack.enter_context(listener())
    away = "http://127.0.0.1:1"
    for name, url, spool in (
        ("server up", server.endpoint, None),
        ("server away", away, None),
        ("server silent", silent, None),
        ("server up, spool", server.endpoint, folder / "up"),
        ("server away, spool", away, folder / "away"),
    ):
        client = Client(key, url, spool=spool)
        stack.callback(client.close, 0)
        yield Case(name, partial(client.log, user="u1"))


@contextmanager
def listener() -> Iterator[str]:
    """The address of one who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


def measured(cases: list[Case], calls: int, pause_s: float) -> tuple[Table, float]:
    """The table, and the worst median."""
    table = Table("transcript", "case", "median µs", "p99 µs", "mean µs", "of a bare append")
    worst = 0.0
    for size, count in SIZES.items():
        roles = ("user", "assistant")
        messages = [{"role": roles[n % 2], "content": TEXT} for n in range(count)]
        costs = {case.name: timed(case, messages, calls, pause_s) for case in cases}
        bare = costs[cases[0].name].median
        for name, cost in costs.items():
            numbers = (f"{value:.2f}" for value in cost)
            table.add_row(size, name, *numbers, f"{cost.median / bare:.0f} times")
            worst = max(worst, cost.median)
    return table, worst


def timed(case: Case, messages: list[dict[str, Any]], calls: int, pause_s: float) -> Cost:
    """What one call costs, of so many."""
    taken = []
    for _ in range(calls):
        before = time.perf_counter()
        case.call(messages)
        taken.append((time.perf_counter() - before) * 1e6)
        time.sleep(pause_s)
    taken.sort()
    return Cost(statistics.median(taken), taken[int(calls * 0.99)], statistics.fmean(taken))


if __name__ == "__main__":
    main()
