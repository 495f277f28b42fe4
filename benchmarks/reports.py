"""Every page and series endpoint, timed from outside at two sizes of history.

python benchmarks/reports.py [--messages 100000 3000000] [--rounds 20]

Fills a fresh folder with made-up conversations of 1 to 9 messages over a year, starts
`causerie serve` on it, and asks for each page and endpoint in turn over one connection.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import clickhouse_connect

from causerie.accounts import Role
from causerie.config import Settings
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore, embedded_address
from causerie.store.sign_ins import SignIns
from causerie.store.state import open_state
from causerie.testing import ServerProcess

CHUNKS = 12
MEAN_MESSAGES = 5
DAYS = 365
WORDS = [
    "card",
    "transfer",
    "refund",
    "account",
    "please",
    "thanks",
    "delivery",
    "exchange",
    "rate",
    "travel",
    "insurance",
    "password",
    "login",
    "invoice",
    "statement",
    "fee",
    "merchant",
    "pending",
    "declined",
    "abroad",
    "limit",
    "raise",
    "block",
    "order",
    "address",
]

CONVERSATIONS = """
INSERT INTO conversations
SELECT
  'default', started_at, if(number % 10 = 0, concat('tenant', toString(number % 7)), ''),
  concat('conversation-', toString(number)), started_at + INTERVAL 300 SECOND, user, model,
  map('user_id', user, 'model', model, 'plan', ['free', 'plus', 'business'][number % 3 + 1]),
  '', 'log', 'Where is my new card, it should have been here on Monday',
  count, intDiv(count + 1, 2), intDiv(count, 2), 0, number % 20 = 0,
  number % 11 = 0, number % 17 = 0, 1, 0
FROM (
  SELECT
    number,
    toDateTime64({now:DateTime}, 6, 'UTC')
    - toIntervalSecond(cityHash64(number) % ({days:UInt32} * 86400))
      AS started_at,
    concat('user-', toString(cityHash64(number, 1) % {users:UInt64})) AS user,
    ['gpt-4o-mini', 'claude-haiku-4-5', 'mistral-small'][number % 3 + 1] AS model,
    number % 9 + 1 AS count
  FROM numbers({first:UInt64}, {conversations:UInt64}))
"""

MESSAGES = """
INSERT INTO messages
SELECT
  'default', if(number % 10 = 0, concat('tenant', toString(number % 7)), ''),
  concat('conversation-', toString(number)), number * 1048576 + place,
  concat('e_', toString(number), '_', toString(place)),
  toDateTime64({now:DateTime}, 6, 'UTC')
    - toIntervalSecond(cityHash64(number) % ({days:UInt32} * 86400))
    + toIntervalSecond(place * 20),
  'message', ['user', 'assistant'][place % 2 + 1],
  arrayStringConcat(arrayMap(
    w -> {words:Array(String)}[cityHash64(number, place, w) % length({words:Array(String)}) + 1],
    range(8 + cityHash64(number, place) % 30)), ' '),
  0, '', '', '', '', map(), 1, 0
FROM (
  SELECT number, arrayJoin(range(number % 9 + 1)) AS place
  FROM numbers({first:UInt64}, {conversations:UInt64}))
"""


def fill(folder: Path, messages: int) -> None:
    """A history of about that many messages, in several inserts as it would have come."""
    events = EventStore(embedded_address(folder))
    events.open()
    events.close()
    client = clickhouse_connect.get_client(interface="chdb", path=embedded_address(folder))
    per_chunk = messages // MEAN_MESSAGES // CHUNKS
    for chunk in range(CHUNKS):
        parameters = {
            "now": datetime.now(UTC).replace(microsecond=0, tzinfo=None),
            "days": DAYS,
            "users": max(100, messages // 50),
            "first": chunk * per_chunk,
            "conversations": per_chunk,
            "words": WORDS,
        }
        client.command(CONVERSATIONS, parameters)
        client.command(MESSAGES, parameters)
    client.close()


def sign_in(folder: Path) -> str:
    """The cookie of a member who owns the default project."""
    engine = open_state(Settings(data=folder).state_address)
    accounts = Accounts(engine)
    now = datetime.now(UTC)
    member = accounts.create_member("bench@example.com", now)
    accounts.join("default", member.id, Role.OWNER)
    return f"causerie-session={SignIns(engine).create_session(member.id, now)[0]}"


def paths() -> list[str]:
    """What is asked for."""
    page = "/p/default"
    series = "/api/v1/conversations/series"
    return [
        page,
        f"{page}?days=90",
        f"{page}?days=365&period=week",
        f"{page}/conversations",
        f"{page}/conversations?days=90&model=mistral-small&rating=down",
        f"{page}/conversations?days=90&meta=plan:plus&sort=longest",
        f"{page}/conversations?days=90&text=insurance+password",
        f"{page}/conversations/conversation-4242",
        f"{page}/users",
        f"{page}/users?days=90",
        f"{page}/start",
        f"{page}/settings",
        "/api/v1/conversations",
        "/api/v1/conversations/conversation-4242",
        series,
        f"{series}/volume",
        f"{series}/rating",
        f"{series}/sentiment",
        f"{series}/volume?period=month&start_time={datetime.now(UTC).year - 1}-12-01T00:00:00Z",
    ]


def time_paths(
    server: ServerProcess, headers: dict[str, str], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds of each request, whole answer read, first round not counted."""
    taken: dict[str, list[float]] = {path: [] for path in paths()}
    connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc)
    for counted in range(rounds + 1):
        for path in taken:
            begin = time.perf_counter()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path} answered {answer.status}")
            if counted:
                taken[path].append((time.perf_counter() - begin) * 1000)
    return taken


def measure(messages: int, rounds: int) -> dict[str, tuple[float, float]]:
    """p50 and p95 of every path, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        fill(Path(folder), messages)
        print(f"{messages:,} messages made in {time.monotonic() - begin:.0f} s", flush=True)
        server = ServerProcess(Path(folder))
        server.start()
        key, cookie = server.key("read"), sign_in(Path(folder))
        headers = {"Cookie": cookie, "Authorization": f"Bearer {key}"}
        try:
            taken = time_paths(server, headers, rounds)
        finally:
            server.stop()
        return {path: quantiles(times) for path, times in taken.items()}


def quantiles(times: list[float]) -> tuple[float, float]:
    """p50 and p95."""
    twenty = statistics.quantiles(times, n=20)
    return twenty[9], twenty[18]


def main() -> None:
    """Measure each size and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, nargs="+", default=[100_000, 3_000_000])
    parser.add_argument("--rounds", type=int, default=20)
    chosen = parser.parse_args()
    results = {size: measure(size, chosen.rounds) for size in chosen.messages}
    print("path".ljust(72) + "".join(f"{size:>12,} p50   p95" for size in results))
    for path in paths():
        cells = "".join(
            f"{p50:16.0f} {p95:5.0f}" for p50, p95 in (r[path] for r in results.values())
        )
        print(path.ljust(72) + cells)
    worst = {size: max(p95 for _, p95 in result.values()) for size, result in results.items()}
    print(json.dumps({"worst p95 in ms": worst}))


if __name__ == "__main__":
    main()
