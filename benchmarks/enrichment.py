"""How fast what comes in is understood, and what that costs those who send: the whole chain.

    python benchmarks/enrichment.py [--messages 100000] [--processes 2] [--corpus FILE ...]

Imports real conversations into two fresh folders and serves them. In one nothing is understood:
that is how long a log request takes otherwise (idle). In the other all is, while the same requests
come (busy): from the start of the server, its models included, until topics are found, every
message is sorted, and nothing lacks meaning. Memory is that of the server and its children
together.
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
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

from causerie.config import Settings
from causerie.store.progress import Progress
from causerie.store.state import open_state
from causerie.store.topics import Topics
from causerie.testing import ServerProcess

CORPORA = (
    "../shared/data/conversations/corpus-open.jsonl.gz",
    "../shared/data/conversations/corpus-llm.jsonl.gz",
)
REQUESTS_IDLE = 2_000
PAUSE_S = 0.02
LOOK_S = 1.0
ON_ITS_WAY = 500
"""So many messages are sent in five seconds: they are not those that are waited for."""
AFTERWARDS = timedelta(seconds=3)


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
    parser.add_argument("--processes", default="2")
    parser.add_argument("--corpus", nargs="*", default=list(CORPORA))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        messages = gather(arguments.corpus, corpus, arguments.messages)
        idle = measure_idle(Path(folder) / "idle", corpus)
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


def measure_idle(folder: Path, corpus: Path) -> Sender:
    imported(folder, corpus)
    with serving(folder, CAUSERIE_MEANING_PROCESSES="0") as (_, sender):
        for _ in range(REQUESTS_IDLE):
            sender.send()
    tell("idle", sender)
    return sender


def measure_busy(folder: Path, corpus: Path, messages: int, idle: Sender, processes: str) -> None:
    imported(folder, corpus)
    start, highest, own = time.monotonic(), 0, 0
    with serving(folder, CAUSERIE_MEANING_PROCESSES=processes) as (server, sender):
        looked = start
        while True:
            sender.send()
            if time.monotonic() - looked >= LOOK_S:
                looked = time.monotonic()
                highest = max(highest, memory_of(server.pid))
                own = max(own, resident(server.pid))
                if is_done(folder):
                    break
        seconds = time.monotonic() - start
    tell("busy", sender)
    print(f"{messages:,} messages in {seconds:.0f} s: {messages / seconds:,.0f} a second")
    print(f"p99 busy / idle: {sender.percentile(99) / idle.percentile(99):.2f}")
    most, server_most = highest / 2**20, own / 2**20
    print(f"memory at its highest: {most:,.0f} MiB, of the server alone {server_most:,.0f} MiB")


def imported(folder: Path, corpus: Path) -> None:
    """Puts the conversations into a folder that no server has yet."""
    command = [sys.executable, "-m", "causerie", "import", str(corpus), "--data", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def is_done(folder: Path) -> bool:
    """Whether all was understood by the topics that were found."""
    engine = open_state(Settings(data=folder).state_address)
    try:
        standing, made = Progress(engine).get("default"), Topics(engine).map("default")
    finally:
        engine.dispose()
    near = standing is not None and standing.left <= ON_ITS_WAY
    return near and made is not None and standing.at > made.made_at + AFTERWARDS


def memory_of(pid: int) -> int:
    """Bytes that a process and all below it have in memory."""
    found = 0
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        # One of the children may end while it is looked at.
        with suppress(FileNotFoundError, ProcessLookupError):
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
