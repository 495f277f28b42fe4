"""What a call of a chain takes with our handler on it, beside the same call without.

    python benchmarks/langchain.py [--calls 200] [--model-ms 50]

One run, one process, one chain (a prompt and `ChatOpenAI`) against a model on this machine that
answers after so many milliseconds; calls with and without the handler take turns. The server is up,
away (nobody listens), slow (10 s for each reply), or answers garbage; afterwards it is back, and
what was logged in each state is counted. Exit code 1 when a ratio is over 1.02, or something is
lost.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
# Run as a script, the first folder of imports is this one's and not the tree's.
sys.path[0] = str(ROOT)

from langchain_core.prompts import ChatPromptTemplate  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from causerie.client import Client  # noqa: E402
from causerie.langchain import ContextCallbackHandler  # noqa: E402
from causerie.testing import ServerProcess  # noqa: E402
from tests.clients.apps import scripted_openai  # noqa: E402
from tests.troubled_line import TroubledLine  # noqa: E402

PROMISE = 1.02
SLOW_SECONDS = 10.0
WARM_CALLS = 10
PROMPT = ChatPromptTemplate.from_messages([("system", "Be kind."), ("human", "{question}")])
STATES = ("up", "away", "slow", "garbage")


class Cost(NamedTuple):
    """Milliseconds of a call without and with the handler, and the ratio of their sums."""

    bare: float
    handled: float
    ratio: float
    median_ratio: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--model-ms", type=int, default=50)
    chosen = parser.parse_args()
    with ExitStack() as stack:
        server = ServerProcess(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        server.start()
        stack.callback(server.stop)
        url = stack.enter_context(scripted_openai(chosen.model_ms))
        chain: Any = PROMPT | ChatOpenAI(model="gpt-4", base_url=url, api_key="none")
        costs = dict(measured(server, chain, chosen.calls))
        lost = missing(server, chosen.calls)
    Console().print(shown(costs, lost))
    sys.exit(any(cost.ratio > PROMISE for cost in costs.values()) or any(lost.values()))


def measured(server: ServerProcess, chain: Any, calls: int) -> Iterator[tuple[str, Cost]]:
    """Every state, and what calls cost meanwhile."""
    key = server.key("admin")
    for state in STATES:
        with TroubledLine(server.endpoint) as line:
            trouble(line, state)
            handler = ContextCallbackHandler(key, url=line.url, metadata={"state": state})
            yield state, cost_of(chain, handler, calls)
            heal(line, state)
            handler.client.close(60)


def trouble(line: TroubledLine, state: str) -> None:
    """Bring a line into a state."""
    if state == "away":
        line.hang_up()
    elif state == "slow":
        line.delay_s = SLOW_SECONDS
    elif state == "garbage":
        line.trouble = "noise"


def heal(line: TroubledLine, state: str) -> None:
    """As if nothing had been."""
    line.delay_s, line.trouble = 0.0, ""
    if state == "away":
        line.pick_up()


def cost_of(chain: Any, handler: Any, calls: int) -> Cost:
    """Calls without and with the handler, by turns."""
    configs: tuple[dict[str, Any], ...] = ({}, {"callbacks": [handler]})
    for _ in range(WARM_CALLS):
        chain.invoke({"question": "warm"})
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(calls):
        # First the one, then the other, so that neither has the better place.
        for which in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            chain.invoke({"question": f"call {number}"}, config=configs[which])
            taken[which].append(time.perf_counter() - began)
    bare, handled = map(statistics.fmean, taken)
    medians = [statistics.median(one) for one in taken]
    return Cost(bare * 1e3, handled * 1e3, handled / bare, medians[1] / medians[0])


def missing(server: ServerProcess, calls: int) -> dict[str, int]:
    """How many conversations of each state are not there."""
    server.settle()
    found = dict.fromkeys(STATES, 0)
    with Client(server.key("admin"), server.endpoint) as client:
        page: int | None = 1
        while page is not None:
            answer = client.conversations(page=page, per_page=100)
            for one in answer.conversations:
                found[one.metadata["state"]] += 1
            page = answer.pagination.next_page
    return {state: calls - count for state, count in found.items()}


def shown(costs: dict[str, Cost], lost: dict[str, int]) -> Table:
    """All of it as a table."""
    table = Table("server", "without, ms", "with, ms", "ratio", "of medians", "lost")
    for state, cost in costs.items():
        numbers = (f"{cost.bare:.2f}", f"{cost.handled:.2f}")
        ratios = (f"{cost.ratio:.3f}", f"{cost.median_ratio:.3f}")
        table.add_row(state, *numbers, *ratios, str(lost[state]))
    return table


if __name__ == "__main__":
    main()
