"""Kills the server in mid-load, again and again: nothing acknowledged is missing or doubled.

python benchmarks/crash.py [--rounds 20] [--seconds 2]

Each round starts `causerie serve --tls-self-signed` on the same folder, sends threads and upserts
through the unmodified `context-python` client from several threads, and ends with SIGKILL at a
random moment. At the end everything that was acknowledged is compared with what the read API has.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError
from getcontext import ContextAPI
from getcontext.generated.models import Conversation, Message, Thread
from getcontext.token import Credential

from causerie.testing import ServerProcess

CLIENTS = 6


@dataclass
class Ledger:
    """What was sent and what of it was acknowledged: conversation name to texts in order."""

    sent: dict[str, list[str]] = field(default_factory=dict)
    acknowledged: dict[str, list[str]] = field(default_factory=dict)


def connect(server: ServerProcess, key: str) -> Any:
    """The unmodified client, told where to connect and whom to trust; it tries once."""
    return ContextAPI(
        credential=Credential(key),
        endpoint=server.endpoint,
        connection_verify=str(server.authority),
        retry_total=0,
    )


def load(client: Any, name: str, ledger: Ledger, stop: threading.Event) -> None:
    """One client: a thread that grows message by message, and an upsert that grows beside it."""
    turns: list[str] = []
    thread = f"{name}-thread"
    upsert = f"{name}-upsert"
    while not stop.is_set():
        turns.append(f"{name} says {len(turns)}")
        messages = [Message(role="user", message=text) for text in turns]
        try:
            ledger.sent.setdefault(thread, []).append(turns[-1])
            body = {"conversation": Thread(id=thread, messages=messages[-1:])}
            client.log.conversation_thread(body=body)
            ledger.acknowledged.setdefault(thread, []).append(turns[-1])
            if len(turns) > 1:
                ledger.sent[upsert] = list(turns)
                whole = Conversation(messages=messages, metadata={"session": name})
                client.log.conversation_upsert(body={"conversation": whole})
                ledger.acknowledged[upsert] = list(turns)
        except AzureError:
            return  # killed; what was not acknowledged may or may not be there


def round_of(server: ServerProcess, key: str, number: int, ledger: Ledger, seconds: float) -> None:
    """Start, load, kill."""
    server.start()
    stop = threading.Event()
    threads = [
        threading.Thread(target=load, args=(connect(server, key), f"r{number}c{n}", ledger, stop))
        for n in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(random.uniform(0.3, seconds))
    server.kill()
    stop.set()
    for thread in threads:
        thread.join()


def kept(client: Any) -> tuple[dict[str, list[str]], int]:
    """What the read API has, by the names that the ledger uses, and how often a name came twice."""
    found: dict[str, list[str]] = {}
    doubled = 0
    page = 1
    while page:
        answer = client.conversations(per_page=100, page=page)
        for one in answer.conversations:
            session = one.metadata.get("session")
            name = f"{session}-upsert" if session else one.id
            doubled += name in found
            found[name] = [message.message for message in one.messages]
        page = answer.pagination.next_page
    return found, doubled


def compare(ledger: Ledger, found: dict[str, list[str]]) -> Counter[str]:
    """Acknowledged messages, and those missing, doubled, or that nobody sent."""
    count: Counter[str] = Counter()
    for name, texts in ledger.acknowledged.items():
        count["acknowledged"] += len(texts)
        count["missing"] += len(Counter(texts) - Counter(found.get(name, [])))
    for name, texts in found.items():
        count["kept"] += len(texts)
        count["doubled"] += len(texts) - len(set(texts))
        count["out of order"] += texts != sorted(texts, key=lambda text: int(text.split()[-1]))
        count["never sent"] += len(set(texts) - set(ledger.sent.get(name, [])))
    return count


def run(folder: Path, rounds: int, seconds: float) -> Counter[str]:
    """All rounds, then the comparison."""
    server, ledger = ServerProcess(folder, "--tls-self-signed"), Ledger()
    key = server.key("admin")
    for number in range(rounds):
        round_of(server, key, number, ledger, seconds)
    server.start()
    server.settle()
    found, doubled = kept(connect(server, key))
    server.stop()
    result = compare(ledger, found)
    result["conversations doubled"] = doubled
    return result


def main() -> None:
    """Run and print; exit code 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), chosen.rounds, chosen.seconds)
    for name, value in result.items():
        print(f"{name:24} {value:8,}")
    wrong = ("missing", "doubled", "out of order", "never sent", "conversations doubled")
    sys.exit(any(result[name] for name in wrong))


if __name__ == "__main__":
    main()
