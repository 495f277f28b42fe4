"""How long a run of a test set takes, from asking for it to its results.

python -m benchmarks.evaluations [--cases 1000] [--iterations 1]

A server on a folder of its own, and a provider on this machine that answers at once: what is
measured is our own work. Each answer is judged by every evaluator that needs no judge.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.contexts import MOCK_ENDPOINT, mock
from causerie.evaluations import Evaluations, Report
from causerie.testing import ServerProcess

SET = "a benchmark"
USES: list[dict[str, Any]] = [
    {"evaluator": "golden_response", "options": {"golden_response": "Within five days."}},
    {"evaluator": "context_contains_phrase", "options": {"phrase": "five working days"}},
    {
        "evaluator": "semantic_match",
        "options": {"semantic_match_string": "The card comes within a working week."},
    },
    {"evaluator": "attempts_answer"},
    {"evaluator": "no_refusal"},
    {"evaluator": "no_apology"},
    {"evaluator": "language_match", "options": {"language": "en"}},
    {"evaluator": "json_schema"},
    {"evaluator": "regex", "options": {"pattern": "[0-9]+|days"}},
    {"evaluator": "length", "options": {"max": 80, "unit": "words"}},
    {"evaluator": "latency", "options": {"max_ms": 2_000}},
    {"evaluator": "cost", "options": {"max": 0.01}},
]
QUESTIONS = (
    "I ordered a card {} days ago and it has not come. When does it?",
    "Ma carte, commandée il y a {} jours, n'est pas arrivée. Quand l'aurai-je ?",
    "Pedí una tarjeta hace {} días y no ha llegado. ¿Cuándo llega?",
    "我 {} 天前申请的卡还没有收到，什么时候能到？",
)


def main() -> None:
    """Print what each part took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--iterations", type=int, default=1, choices=(1, 3, 5, 7))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, mock() as url:
        server = ServerProcess(Path(folder), CAUSERIE_MEANING_PROCESSES="0")
        server.start()
        try:
            where = ("--upstream", url, "--model", "mock-model", "--id", MOCK_ENDPOINT)
            price = ("--input-price", "0.4", "--output-price", "1.6")
            server.command("endpoint", "add", "Mock", *where, *price)
            measure(server, asked.cases, asked.iterations)
        finally:
            server.stop()


def measure(server: ServerProcess, count: int, iterations: int) -> None:
    """Give a set, run it, read what came of it."""
    with Evaluations(server.key("admin"), server.endpoint) as evaluations:
        began = time.perf_counter()
        evaluations.add(SET, cases(count), USES)
        added = time.perf_counter()
        report = run_shown(evaluations, iterations)
        ended = time.perf_counter()
    table = Table("", "seconds")
    table.add_row(f"a version of {count:,} cases is made", f"{added - began:.2f}")
    judged = f"{len(report.answers):,} answers, each judged by {len(USES)} evaluators"
    table.add_row(judged, f"{ended - added:.1f}")
    console = Console()
    console.print(table)
    console.print(outcomes(report))


def cases(count: int) -> list[dict[str, Any]]:
    """Questions in four languages, no two alike."""
    return [
        {
            "name": f"case {at}",
            "messages": [
                {"role": "system", "message": "You are the assistant of a small bank."},
                {"role": "user", "message": QUESTIONS[at % len(QUESTIONS)].format(at)},
            ],
            "model": MOCK_ENDPOINT,
        }
        for at in range(count)
    ]


def run_shown(evaluations: Evaluations, iterations: int) -> Report:
    """The run, with its progress."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn()) as progress:
        task = progress.add_task("answers", total=None)

        def shown(completed: int, total: int) -> None:
            progress.update(task, completed=completed, total=total)

        return evaluations.run(SET, iterations=iterations, progress=shown)


def outcomes(report: Report) -> Table:
    """How many answers each evaluator was content with: that all of them worked."""
    counts: dict[str, dict[str, int]] = {}
    for answer in report.answers:
        for one in answer.evaluations:
            of = counts.setdefault(one.evaluator_name, {})
            of[one.outcome] = of.get(one.outcome, 0) + 1
    table = Table("evaluator", "outcomes")
    for name, of in counts.items():
        table.add_row(name, ", ".join(f"{count:,} {outcome}" for outcome, count in of.items()))
    return table


if __name__ == "__main__":
    main()
