"""What a call through a gateway costs: ours, LiteLLM's proxy and Portkey's, beside the direct call.

python benchmarks/gateway.py [--quick] [--only Causerie LiteLLM Portkey] [--fill-seconds 240]

One run against one provider on this machine that answers at once. All servers run all the time and
are measured in turn, round after round, so that the machine's moods hit all alike; every number is
the median over the rounds. Ours logs every call; the peers keep nothing. The first run installs
the peers into `.venvs/`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Run as a script, the first folder of imports is this one's and not the tree's.
sys.path[0] = str(ROOT)

from rich.console import Console  # noqa: E402
from rich.progress import Progress, TaskID  # noqa: E402

from benchmarks.gateway_load import Order, Result  # noqa: E402
from benchmarks.gateway_peers import (  # noqa: E402
    LITELLM,
    PATH,
    PORTKEY,
    Gateway,
    causerie,
    litellm,
    mock,
    portkey,
)

CONNECTIONS = 64
CALLS_AN_ORDER = 1_000_000
WARM_CALLS = 50
MEMORY_CALLS_STEP = 10_000
MEMORY_GROWTH_MAX = 1.1
CORE_FULL = 0.9
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PEERS = {"Causerie": causerie, "LiteLLM": litellm, "Portkey": portkey}


@dataclass(frozen=True)
class Plan:
    """How much is measured. A round ends a kind of call after its number or its seconds, whichever
    is first. Memory is read after `first_calls` and after `last_calls`.
    """

    rounds: int = 5
    calls: int = 4_000
    streams: int = 1_000
    single_seconds_max: float = 4
    seconds: float = 5
    first_calls: int = 10_000
    last_calls: int = 100_000
    last_calls_seconds_max: float = 240


QUICK = Plan(
    rounds=2,
    calls=1_000,
    streams=200,
    single_seconds_max=1,
    seconds=1.5,
    first_calls=1_000,
    last_calls=5_000,
    last_calls_seconds_max=8,
)


@dataclass
class Sample:
    """One gateway in one round. Cores are CPU seconds per second of the run of load."""

    single: Result
    streamed: Result
    loaded: Result
    settled_s: float
    """From the first call of the load to the moment when all of it is in the log."""
    cpu_s: float
    """CPU time of the gateway's processes for the load, until it is in the log."""
    cores: dict[str, float]


@dataclass
class Measured:
    """All of one gateway. Memory is in MiB, by calls answered since its start."""

    gateway: Gateway
    samples: list[Sample] = field(default_factory=list)
    memory: dict[int, float] = field(default_factory=dict)
    calls: int = 0
    logged: int | None = None
    """How many of the calls were in its log in the end, for a gateway that keeps one."""

    def middle(self, value: Callable[[Sample], float]) -> float:
        """The median over the rounds."""
        return statistics.median(value(sample) for sample in self.samples)


class Bench:
    """Sends the orders and reads the clocks."""

    def __init__(self, plan: Plan, provider: Gateway, progress: Progress, task: TaskID) -> None:
        self._plan = plan
        self._provider = provider
        self._progress = progress
        self._task = task
        self._numbers = itertools.count(0, CALLS_AN_ORDER)

    def warm(self, row: Measured) -> None:
        """The first calls, at 64 connections, and some of each kind; then the first memory."""
        self._step(row, "warm-up")
        for streaming in (False, True):
            self._send(row, calls=WARM_CALLS, streaming=streaming)
        self._send(row, connections=CONNECTIONS, calls=self._plan.first_calls - row.calls)
        row.gateway.settle()
        row.memory[row.calls] = memory_mib(row.gateway.pid)

    def measure(self, row: Measured) -> None:
        """One round."""
        self._step(row, "measuring")
        at_most = self._plan.single_seconds_max
        single = self._send(row, calls=self._plan.calls, seconds=at_most)
        streamed = self._send(row, calls=self._plan.streams, seconds=at_most, streaming=True)
        row.gateway.settle()
        pids = {"gateway": row.gateway.pid, "provider": self._provider.pid}
        before, busy, begin = {n: cpu_s(p) for n, p in pids.items()}, busy_s(), time.monotonic()
        loaded = self._send(row, connections=CONNECTIONS, seconds=self._plan.seconds)
        used = {n: cpu_s(p) - before[n] for n, p in pids.items()} | {"load": loaded.cpu_s}
        if row.gateway is self._provider:
            used["gateway"] = 0.0
        used["others"] = max(0.0, busy_s() - busy - sum(used.values()))
        answered_s = time.monotonic() - begin
        row.gateway.settle()
        row.samples.append(
            Sample(
                single,
                streamed,
                loaded,
                settled_s=loaded.seconds + time.monotonic() - begin - answered_s,
                cpu_s=cpu_s(row.gateway.pid) - before["gateway"],
                cores={name: seconds / loaded.seconds for name, seconds in used.items()},
            )
        )

    def fill(self, row: Measured) -> None:
        """The calls that are still missing for the last memory, as far as time allows."""
        end = time.monotonic() + self._plan.last_calls_seconds_max
        for _ in range(0, self._plan.last_calls, MEMORY_CALLS_STEP):
            self._step(row, f"{self._plan.last_calls:,} calls")
            calls = min(MEMORY_CALLS_STEP, self._plan.last_calls - row.calls)
            left = end - time.monotonic()
            if calls > 0 and left > 0:
                self._send(row, connections=CONNECTIONS, calls=calls, seconds=left)
        row.gateway.settle()
        row.memory[row.calls] = memory_mib(row.gateway.pid)

    def _send(
        self,
        row: Measured,
        *,
        calls: int = CALLS_AN_ORDER,
        seconds: float = 1e9,
        connections: int = 1,
        streaming: bool = False,
    ) -> Result:
        order = Order(
            row.gateway.port,
            PATH,
            row.gateway.model,
            row.gateway.headers,
            next(self._numbers),
            streaming,
            connections,
            calls,
            seconds,
        )
        result = sent(order)
        if result.failures:
            raise RuntimeError(f"{row.gateway.name} answered: {result.failures[0]}")
        row.calls += result.calls
        return result

    def _step(self, row: Measured, what: str) -> None:
        self._progress.update(self._task, advance=1, description=f"{row.gateway.name}: {what}")


def sent(order: Order) -> Result:
    """An order, carried out by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gateway_load"],
        cwd=ROOT,
        input=json.dumps(asdict(order)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Result(**json.loads(done.stdout))


def family(pid: int) -> Iterator[int]:
    """A process and those that it started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, with those that it started, running or ended."""
    ticks = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS_A_SECOND


def busy_s() -> float:
    """CPU seconds that the whole machine has worked so far."""
    fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / TICKS_A_SECOND


def memory_mib(pid: int) -> float:
    """Resident memory of a process and of those that it started."""
    lines = itertools.chain.from_iterable(
        Path(f"/proc/{one}/status").read_text().splitlines() for one in family(pid)
    )
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def measure(plan: Plan, names: list[str]) -> list[Measured]:
    """Start all, measure all in turn, end all. The direct call is the first row."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        provider = running.enter_context(mock())
        rows = [Measured(provider)]
        progress = running.enter_context(Progress(console=Console(stderr=True)))
        fills = len(range(0, plan.last_calls, MEMORY_CALLS_STEP)) * len(names)
        steps = (len(names) + 1) * (plan.rounds + 1) + fills
        task = progress.add_task("installing and starting", total=steps)
        for name in names:
            rows.append(Measured(running.enter_context(PEERS[name](folder, provider.port))))
        bench = Bench(plan, provider, progress, task)
        for row in rows:
            bench.warm(row)
        for _ in range(plan.rounds):
            for row in rows:
                bench.measure(row)
        for row in rows[1:]:
            bench.fill(row)
        for row in rows:
            row.logged = row.gateway.logged() if row.gateway.logged else None
        return rows


def added_ms(row: Measured, direct: Measured, value: Callable[[Sample], float]) -> float:
    """What a gateway adds to the direct call of the same round."""
    pairs = zip(row.samples, direct.samples, strict=True)
    return statistics.median(1000 * (value(ours) - value(bare)) for ours, bare in pairs)


def rate(row: Measured) -> float:
    """Calls a second at 64 connections, answered."""
    return row.middle(lambda sample: sample.loaded.calls / sample.loaded.seconds)


def logged_rate(row: Measured) -> float:
    """The same, until all of it was in the log too."""
    return row.middle(lambda sample: sample.loaded.calls / sample.settled_s)


def lines(row: Measured, direct: Measured) -> dict[str, str]:
    """The table's column of one gateway."""

    def added(kind: Callable[[Sample], tuple[float, float]]) -> str:
        p50 = added_ms(row, direct, lambda sample: kind(sample)[0])
        p99 = added_ms(row, direct, lambda sample: kind(sample)[1])
        return f"{p50:.2f}, {p99:.2f}"

    def loaded_ms(at: int) -> float:
        return 1000 * row.middle(lambda sample: sample.loaded.whole[at])

    return {
        "whole call, one at a time, added: p50, p99 ms": added(lambda s: s.single.whole),
        "first token of a stream, added: p50, p99 ms": added(lambda s: s.streamed.first_word),
        "whole stream, added: p50, p99 ms": added(lambda s: s.streamed.whole),
        "64 connections: calls a second": f"{rate(row):,.0f}",
        "… until they are in the log": f"{logged_rate(row):,.0f}",
        "64 connections: p50, p99 ms": f"{loaded_ms(0):.1f}, {loaded_ms(1):.1f}",
        "CPU per call, ms": f"{row.middle(lambda s: 1000 * s.cpu_s / s.loaded.calls):.3f}",
        "cores meanwhile: gateway, provider, load, others": cores(row),
        "bound by": bound(row),
        "memory, MiB": ", ".join(f"{mib:.0f}" for mib in row.memory.values()),
        "… after calls": ", ".join(f"{calls:,}" for calls in row.memory),
        "calls in its log, of all": "" if row.logged is None else f"{row.logged:,} / {row.calls:,}",
    }


def cores_of(name: str, sample: Sample) -> float:
    """Cores that one of them used."""
    return sample.cores[name]


def whole_of(at: int, sample: Sample) -> float:
    """A quantile of one connection's calls, in seconds."""
    return sample.single.whole[at]


def shares(row: Measured) -> dict[str, float]:
    """Cores in use while 64 connections called: of the gateway, the provider, the load, others."""
    return {name: row.middle(partial(cores_of, name)) for name in row.samples[0].cores}


def cores(row: Measured) -> str:
    """The same for the table."""
    return ", ".join(f"{share:.2f}" for share in shares(row).values())


def bound(row: Measured) -> str:
    """What a faster number would have needed more of."""
    used = shares(row)
    others = used.pop("others")
    busiest = max(used, key=lambda name: used[name])
    if used[busiest] >= CORE_FULL:
        return f"{busiest}: a whole core"
    full = CORE_FULL * (os.cpu_count() or 1)
    return "the machine" if sum(used.values()) + others >= full else "waiting"


def print_table(rows: list[Measured]) -> None:
    """Everything, as Markdown."""
    columns = [lines(row, rows[0]) for row in rows]
    print("| | " + " | ".join(row.gateway.name for row in rows) + " |")
    print("|---" * (len(rows) + 1) + "|")
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(column[name] for column in columns) + " |")


def print_aims(rows: list[Measured]) -> None:
    """Ours against each peer, next to what was aimed at."""
    by_name = {row.gateway.name: row for row in rows}
    ours = by_name.get("Causerie")
    if ours is None:
        return
    for peer, latency, throughput in (("LiteLLM", 0.25, 10), ("Portkey", 1, 1)):
        if peer not in by_name:
            continue
        for at, quantile in enumerate(("p50", "p99")):
            mine, theirs = (
                added_ms(row, rows[0], partial(whole_of, at)) for row in (ours, by_name[peer])
            )
            print_aim(f"added latency {quantile} / {peer}'s", mine / theirs, latency, most=True)
        theirs = rate(by_name[peer])
        print_aim(f"throughput / {peer}'s", rate(ours) / theirs, throughput)
        print_aim(f"… until logged / {peer}'s", logged_rate(ours) / theirs, throughput)
    memory = list(ours.memory.values())
    print_aim("memory, last / first", memory[-1] / memory[0], MEMORY_GROWTH_MAX, most=True)
    print_aim("calls in the log / calls", (ours.logged or 0) / ours.calls, 1)


def print_aim(what: str, ratio: float, aim: float, *, most: bool = False) -> None:
    """One ratio; `most` where less is better."""
    reached = ratio <= aim if most else ratio >= aim
    bound = "at most" if most else "at least"
    print(f"{what:32} {ratio:8.2f}   aim: {bound} {aim:g}   {'reached' if reached else 'missed'}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute, and rough")
    parser.add_argument("--only", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument(
        "--fill-seconds",
        type=float,
        help="each gateway's time for the calls before the last memory",
    )
    chosen = parser.parse_args()
    plan = QUICK if chosen.quick else Plan()
    if chosen.fill_seconds is not None:
        plan = replace(plan, last_calls_seconds_max=chosen.fill_seconds)
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows = measure(plan, chosen.only)
    print(f"{LITELLM}, {PORTKEY}, Python {sys.version.split()[0]}, {os.cpu_count()} cores\n")
    print_table(rows)
    print()
    print_aims(rows)


if __name__ == "__main__":
    main()
