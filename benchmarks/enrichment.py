"""How fast what comes in is understood, and what that costs those who send: the whole chain.

    python benchmarks/enrichment.py [--messages 100000] [--corpus FILE ...]

Starts `causerie serve` twice on fresh folders. Once with no work, to see how long a log request
takes (idle). Once beside an import of real conversations, from the moment that the import has
filled the inbox until nothing lacks meaning any more: messages a second, and the same requests
meanwhile (busy). Memory is that of the server and its children together, at its highest.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from causerie.config import Settings
from causerie.store.progress import Progress, Standing
from causerie.store.state import open_state
from causerie.testing import ServerProcess

CORPORA = (
    "../shared/data/conversations/corpus-open.jsonl.gz",
    "../shared/data/conversations/corpus-llm.jsonl.gz",
)
REQUESTS_IDLE = 400
PAUSE_S = 0.02
LOOK_S = 1.0


@dataclass
class Sender:
    """Sends small transcripts one after another, and keeps how long each took, in seconds."""

    url: str
    key: str
    latencies: list[float] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def send(self) -> None:
        """One more."""
        number = next(self.numbers)
        said = [
            {"role": "user", "message": f"Where is my order number {number}?"},
            {"role": "assistant", "message": "It left our centre this morning."},
        ]
        request = urllib.request.Request(
            f"{self.url}/api/v1/log/conversation",
            json.dumps({"conversation": {"messages": said}}).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        start = time.perf_counter()
        with urllib.request.urlopen(request) as answer:
            answer.read()
        self.latencies.append(time.perf_counter() - start)
        time.sleep(PAUSE_S)

    def percentile(self, share: int) -> float:
        """In milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[share - 1] * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--processes", default="1")
    parser.add_argument("--corpus", nargs="*", default=list(CORPORA))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        messages = gather(arguments.corpus, corpus, arguments.messages)
        idle = measure_idle(Path(folder) / "idle")
        busy = Path(folder) / "busy"
        measure_busy(busy, corpus, messages, idle, arguments.processes)


def gather(files: list[str], target: Path, most: int) -> int:
    """The first conversations of the files by turns, until there are so many messages."""
    messages = 0
    with ExitStack() as opened, target.open("w", encoding="utf-8") as output:
        streams = [opened.enter_context(gzip.open(file, "rt", encoding="utf-8")) for file in files]
        while messages < most:
            for stream in streams:
                line = stream.readline()
                if line:
                    output.write(line)
                    messages += len(json.loads(line)["messages"])
    return messages


@contextmanager
def serving(folder: Path, **given: str) -> Iterator[tuple[ServerProcess, Sender]]:
    """A server that has begun, and somebody who sends to it."""
    server = ServerProcess(folder, **given)
    server.start()
    try:
        yield server, Sender(server.endpoint, server.key("ingest"))
    finally:
        server.stop()


def measure_idle(folder: Path) -> Sender:
    with serving(folder, CAUSERIE_MEANING_PROCESSES="0") as (_, sender):
        for _ in range(REQUESTS_IDLE):
            sender.send()
    tell("idle", sender)
    return sender


def measure_busy(folder: Path, corpus: Path, messages: int, idle: Sender, processes: str) -> None:
    with serving(folder, CAUSERIE_MEANING_PROCESSES=processes) as (server, sender):
        subprocess.run(
            [sys.executable, "-m", "causerie", "import", str(corpus), "--data", str(folder)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        start, highest, own = time.monotonic(), 0, 0
        looked = start
        while True:
            sender.send()
            if time.monotonic() - looked >= LOOK_S:
                looked = time.monotonic()
                highest = max(highest, memory_of(server.pid))
                own = max(own, resident(server.pid))
                standing = standing_of(folder)
                if standing and not standing.left and looked - start > 10 * LOOK_S:
                    break
        seconds = time.monotonic() - start
    tell("busy", sender)
    print(f"{messages:,} messages in {seconds:.0f} s: {messages / seconds:,.0f} a second")
    print(f"p99 busy / idle: {sender.percentile(99) / idle.percentile(99):.2f}")
    most, server_most = highest / 2**20, own / 2**20
    print(f"memory at its highest: {most:,.0f} MiB, of the server alone {server_most:,.0f} MiB")


def standing_of(folder: Path) -> Standing | None:
    engine = open_state(Settings(data=folder).state_address)
    try:
        return Progress(engine).get("default")
    finally:
        engine.dispose()


def memory_of(pid: int) -> int:
    """Bytes that a process and all below it have in memory."""
    found = 0
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        found += resident(one)
        for task in Path(f"/proc/{one}/task").iterdir():
            waiting += [int(child) for child in (task / "children").read_text().split()]
    return found


def resident(pid: int) -> int:
    """Bytes of a process that are in memory, shared ones counted in part."""
    kept = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(kept.partition("\nPss:")[2].split()[0]) * 1024


def tell(what: str, sender: Sender) -> None:
    p50, p99 = sender.percentile(50), sender.percentile(99)
    print(f"log requests, {what}: {len(sender.latencies):,}, p50 {p50:.1f} ms, p99 {p99:.1f} ms")


if __name__ == "__main__":
    main()
