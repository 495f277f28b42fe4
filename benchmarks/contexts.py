"""What a kept context saves, and whether many of them cost more than one.

python benchmarks/contexts.py [--turns 20] [--rounds 200] [--live 1 1000 100000]

First, on the local model, the same conversation in several ways: the caller resends everything,
or a session context keeps it, with either strategy and a history small enough that turns are
dropped. Tokens recomputed are those of the prompt that the model did not find in its cache.

Then, against a provider that answers at once, how long creating a context, its first turn and
deleting it take while so many other contexts are live, each with three turns. There is a server for
each number, and they are asked in turn, so that what else the machine does strikes all alike. The
calls go over one keep-alive connection; the provider is measured in the same way and subtracted.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from causerie.config import Settings
from causerie.contexts import Context, Mode, Strategy, Truncation, Turn
from causerie.endpoints import LOCAL_ENDPOINT, Endpoint, Upstream
from causerie.store.contexts import Contexts
from causerie.store.endpoints import Endpoints
from causerie.store.state import open_state
from causerie.testing import ServerProcess
from causerie.vault import open_vault

Body = dict[str, Any]
PROJECT = "default"
MOCK_ENDPOINT = "ep-mock"
ANSWER_TOKENS_MAX = 48
LAST_HISTORY_TOKENS = 600
WINDOW_TOKENS, BLOCK_TOKENS = 900, 300
KEPT_TURNS = 3
WARM_UP_ROUNDS = 20
FLAT_RATIO_MAX = 1.25
SYSTEM = (
    "You are the assistant of Brume, a small digital bank. Answer in one or two short sentences. "
    "Cards arrive within five working days. A transfer in euros takes one working day and is free. "
    "Withdrawals abroad cost two per cent. Refunds take up to ten days. The office is in Lyon. "
    "If you do not know an answer, say so and offer to ask a colleague. "
)
QUESTIONS = (
    "Hello, I ordered a card nine days ago and it has not arrived. What can I do about it?",
    "I leave on a journey next Monday. Will it come before that, or should I ask for another one?",
    "How much does it cost to take money out of a machine in another country?",
    "And if I pay in a shop there with the card instead, is there a fee as well?",
    "I sent two hundred euros to my sister this morning. When does she have them?",
    "She says that her bank asks for a reference number. Where do I find it in the app?",
    "A hotel has charged me twice for the same night. Can you give me the money back?",
    "How long does a refund of that kind usually take until I see it on my account?",
    "I would like to change the address on my account, because I have moved to another town.",
    "Do I need to send a document for that, or is it enough to type it into the app?",
)


class Caller:
    """One keep-alive connection to a server, as a client library has it."""

    def __init__(self, base_url: str, key: str = "") -> None:
        parts = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}

    def send(self, method: str, path: str, body: Body | None = None) -> tuple[Body, float]:
        """The answer and how many seconds it took. Raises RuntimeError when refused."""
        data = None if body is None else json.dumps(body).encode()
        begin = time.perf_counter()
        self._connection.request(method, path, data, self._headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        took = time.perf_counter() - begin
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {raw.decode()}")
        said: Body = json.loads(raw) if raw else {}
        return said, took


# ---- one conversation, in several ways -----------------------------------------------------------


@dataclass
class Talk:
    """What the turns of one conversation took."""

    name: str
    sent: list[int] = field(default_factory=list)
    """Bytes that the caller sent, by turn."""
    prompt: list[int] = field(default_factory=list)
    cached: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, sent: Body, answer: Body, seconds: float) -> str:
        """Count a turn. Returns what was answered."""
        usage = answer["usage"]
        self.sent.append(len(json.dumps(sent)))
        self.prompt.append(usage["prompt_tokens"])
        self.cached.append((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
        self.seconds.append(seconds)
        text: str = answer["choices"][0]["message"]["content"]
        return text

    @property
    def recomputed(self) -> list[int]:
        """Tokens that the model had to read, by turn."""
        return [all - cached for all, cached in zip(self.prompt, self.cached, strict=True)]


def resend(caller: Caller, name: str, turns: int, step: Callable[[], None], **more: Any) -> Talk:
    """The caller keeps the conversation itself and sends all of it each time."""
    talk = Talk(name)
    messages = [{"role": "system", "content": f"{name}. {SYSTEM}"}]
    for turn in range(turns):
        messages.append({"role": "user", "content": QUESTIONS[turn % len(QUESTIONS)]})
        body = {**request(messages), **more}
        text = talk.add(body, *caller.send("POST", "/v1/chat/completions", body))
        messages.append({"role": "assistant", "content": text})
        step()
    return talk


def session(
    caller: Caller, name: str, turns: int, step: Callable[[], None], strategy: Body
) -> Talk:
    """The server keeps it; the caller sends what is new."""
    talk = Talk(name)
    system = {"role": "system", "content": f"{name}. {SYSTEM}"}
    create = {"model": LOCAL_ENDPOINT, "messages": [system], "truncation_strategy": strategy}
    created, _ = caller.send("POST", "/api/v3/context/create", create)
    for turn in range(turns):
        said = {"role": "user", "content": QUESTIONS[turn % len(QUESTIONS)]}
        body = {**request([said]), "context_id": created["id"]}
        talk.add(body, *caller.send("POST", "/api/v3/context/chat/completions", body))
        step()
    return talk


def request(messages: list[dict[str, str]]) -> Body:
    """A call of the local model that is as good as the same each time."""
    fixed = {"temperature": 0, "max_tokens": ANSWER_TOKENS_MAX}
    return {"model": LOCAL_ENDPOINT, "messages": messages, **fixed}


def talks(caller: Caller, turns: int, progress: Progress) -> list[Talk]:
    """The conversation in each of the ways."""
    task = progress.add_task("one conversation on the local model", total=4 * turns)

    def step() -> None:
        progress.advance(task)

    last = {"type": "last_history_tokens", "last_history_tokens": LAST_HISTORY_TOKENS}
    rolling = {
        "type": "rolling_tokens",
        "rolling_tokens": True,
        "max_window_tokens": WINDOW_TOKENS,
        "rolling_window_tokens": BLOCK_TOKENS,
    }
    return [
        resend(caller, "Resend everything, no cache", turns, step, cache_prompt=False),
        resend(caller, "Resend everything", turns, step),
        session(caller, f"Session, last {LAST_HISTORY_TOKENS} tokens", turns, step, last),
        session(caller, f"Session, rolling, {WINDOW_TOKENS} tokens", turns, step, rolling),
    ]


def talks_table(found: list[Talk]) -> Table:
    """Sums over the conversation, and times of a turn."""
    first = found[0]
    table = Table(title=f"One conversation of {len(first.prompt)} turns on {LOCAL_ENDPOINT}")
    table.add_column("way")
    for head in (
        "bytes sent",
        "prompt tokens",
        "recomputed",
        "share",
        "s a turn p50",
        "p95",
        "last 5",
        "s in all",
    ):
        table.add_column(head, justify="right")
    for talk in found:
        table.add_row(
            talk.name,
            f"{sum(talk.sent):,}",
            f"{sum(talk.prompt):,}",
            f"{sum(talk.recomputed):,}",
            f"{sum(talk.recomputed) / sum(talk.prompt):.0%}",
            f"{statistics.median(talk.seconds):.2f}",
            f"{statistics.quantiles(talk.seconds, n=20)[18]:.2f}",
            f"{statistics.median(talk.seconds[-5:]):.2f}",
            f"{sum(talk.seconds):.1f}",
        )
    return table


# ---- many contexts -------------------------------------------------------------------------------


@dataclass
class Level:
    """A server with so many live contexts, and the milliseconds of each call there."""

    live: int
    server: ServerProcess
    key: str
    create: list[float] = field(default_factory=list)
    chat: list[float] = field(default_factory=list)
    delete: list[float] = field(default_factory=list)


@contextmanager
def mock() -> Iterator[str]:
    """The base URL of a provider that answers at once."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.gateway_mock"],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.terminate()
        process.wait()


def context_of(number: int, now: datetime) -> Context:
    """One of those that are there and are not called."""
    return Context(
        id=f"ctx-bench-{number:07}",
        project=PROJECT,
        endpoint=MOCK_ENDPOINT,
        mode=Mode.SESSION,
        ttl_s=86_400,
        strategy=Strategy(type=Truncation.LAST_HISTORY, last_history_tokens=4_096),
        initial=json.dumps([{"role": "system", "content": SYSTEM}]).encode(),
        initial_tokens=100,
        created_at=now,
        used_at=now,
        expires_at=now + timedelta(days=1),
        user=f"user-{number % 1000}",
    )


def turn_of(number: int, now: datetime) -> Turn:
    """What one of their turns holds."""
    said = [
        {"role": "user", "content": QUESTIONS[number % len(QUESTIONS)]},
        {"role": "assistant", "content": "It is on its way, and arrives within five working days."},
    ]
    return Turn(position=number, messages=json.dumps(said).encode(), tokens=40, at=now)


def prepare(folder: Path, live: int, base_url: str, progress: Progress) -> Level:
    """A server that is not started, with so many contexts in its store."""
    server = ServerProcess(folder)
    key = server.key("gateway")
    task = progress.add_task(f"making {live:,} contexts", total=live)
    now = datetime.now(UTC)
    engine = open_state(Settings(data=folder).state_address)
    Endpoints(engine, open_vault(folder, "")).add(mock_endpoint(base_url, now))
    contexts = Contexts(engine)
    turns = [turn_of(number, now) for number in range(KEPT_TURNS)]
    for number in range(live):
        contexts.create(context_of(number, now), turns)
        progress.advance(task)
    engine.dispose()
    return Level(live, server, key)


def mock_endpoint(base_url: str, now: datetime) -> Endpoint:
    """The provider that answers at once, as the callers name it."""
    upstream = Upstream(base_url=base_url, model="mock-model")
    return Endpoint(
        project=PROJECT,
        id=MOCK_ENDPOINT,
        name="a provider that answers at once",
        upstreams=(upstream,),
        created_at=now,
    )


def compare(levels: list[Level], rounds: int, progress: Progress) -> None:
    """A round at each level, then the next round."""
    task = progress.add_task("create, chat, delete", total=WARM_UP_ROUNDS + rounds)
    callers = [Caller(level.server.endpoint, level.key) for level in levels]
    for number in range(WARM_UP_ROUNDS + rounds):
        for level, caller in zip(levels, callers, strict=True):
            took = round_of(caller)
            if number >= WARM_UP_ROUNDS:
                for seconds, kept in zip(
                    took, (level.create, level.chat, level.delete), strict=True
                ):
                    kept.append(seconds * 1000)
        progress.advance(task)


def round_of(caller: Caller) -> tuple[float, float, float]:
    """Seconds to create, chat and delete: as many are live after as before."""
    system = {"role": "system", "content": SYSTEM}
    create = {"model": MOCK_ENDPOINT, "messages": [system], "ttl": 3_600}
    created, creating = caller.send("POST", "/api/v3/context/create", create)
    said = {"role": "user", "content": QUESTIONS[0]}
    body = {"model": MOCK_ENDPOINT, "messages": [said], "context_id": created["id"]}
    _, chatting = caller.send("POST", "/api/v3/context/chat/completions", body)
    _, deleting = caller.send("DELETE", f"/api/v3/context/{created['id']}")
    return creating, chatting, deleting


def direct(base_url: str, rounds: int) -> float:
    """Milliseconds, median, of the same call at the provider itself."""
    caller = Caller(base_url)
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTIONS[0]}]
    body = {"model": "mock-model", "messages": messages}
    took = [caller.send("POST", "/v1/chat/completions", body)[1] for _ in range(rounds)]
    return statistics.median(took) * 1000


def levels_table(found: list[Level], provider: float) -> Table:
    """Medians, and how they compare with those of the first level."""
    table = Table(title=f"Create, chat, delete; the provider itself takes {provider:.2f} ms")
    for head in ("live contexts", "create p50", "p95", "added to chat p50", "p95", "delete p50"):
        table.add_column(head, justify="right")
    table.add_column("against the first: create, chat", justify="right")
    first = found[0]
    for level in found:
        ratios = [
            statistics.median(level.create) / statistics.median(first.create),
            (statistics.median(level.chat) - provider) / (statistics.median(first.chat) - provider),
        ]
        flat = "flat" if max(ratios) <= FLAT_RATIO_MAX else "not flat"
        table.add_row(
            f"{level.live:,}",
            f"{statistics.median(level.create):.2f} ms",
            f"{statistics.quantiles(level.create, n=20)[18]:.2f}",
            f"{statistics.median(level.chat) - provider:.2f} ms",
            f"{statistics.quantiles(level.chat, n=20)[18] - provider:.2f}",
            f"{statistics.median(level.delete):.2f} ms",
            f"{ratios[0]:.2f}, {ratios[1]:.2f}: {flat}",
        )
    return table


def run_talks(folder: Path, turns: int, progress: Progress) -> Table:
    """The first measurement, on a server of its own."""
    server = ServerProcess(folder, "--local-model")
    key = server.key("gateway")
    server.start()
    try:
        return talks_table(talks(Caller(server.endpoint, key), turns, progress))
    finally:
        server.stop()


def run_levels(folder: Path, live: list[int], rounds: int, progress: Progress) -> Table:
    """The second measurement, on as many servers as there are levels."""
    with mock() as base_url, ExitStack() as running:
        levels = [
            prepare(folder / f"{number}", number, base_url, progress) for number in sorted(live)
        ]
        for level in levels:
            level.server.start()
            running.callback(level.server.stop)
        compare(levels, rounds, progress)
        return levels_table(levels, direct(base_url, rounds))


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--live", type=int, nargs="+", default=[1, 1_000, 100_000])
    chosen = parser.parse_args()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(width=140)
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress,
    ):
        tables = [
            run_talks(Path(folder) / "talks", chosen.turns, progress),
            run_levels(Path(folder), chosen.live, chosen.rounds, progress),
        ]
    for table in tables:
        console.print(table)


if __name__ == "__main__":
    main()
