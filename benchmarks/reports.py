"""Every page and report, timed from outside at several sizes of history.

PYTHONPATH=. python benchmarks/reports.py [--messages 100000 3000000 10000000] [--rounds 20]

Fills a fresh folder with made-up conversations of 1 to 9 messages over a year, with what is
understood of them and the calls of a quarter of them, starts `causerie serve` on it, and asks for
each page and endpoint in turn over one connection while ten conversations a second come in.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import clickhouse_connect

from causerie.accounts import Role
from causerie.config import Settings
from causerie.grounds import generation, judging
from causerie.metrics import CONVERSATION_SPLITS
from causerie.store.accounts import Accounts
from causerie.store.events import EventStore, embedded_address
from causerie.store.meaning_settings import MeaningSettingsStore
from causerie.store.sign_ins import SignIns
from causerie.store.state import open_state
from causerie.store.topics import Topics
from causerie.terminal import first_project
from causerie.testing import ServerProcess
from causerie.topics import Definition, Topic, TopicKind
from causerie.vault import open_vault
from causerie.web.explore_pages import FIRST, METRICS
from causerie.web.sql_examples import EXAMPLES
from tests.tour import fill as fill_in
from tests.tour import paths as page_paths

CHUNKS = 12
MEAN_MESSAGES = 5
DAYS = 365
PATH_CHARS = 76
INGEST_INTERVAL_S = 0.1
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

TOPICS = 40
DIMENSIONS = 384
KEPT_TOPICS = 10

# Whom, when and about what: a few users talk much, a few topics are large, days have their hours.
ROWS = """
  SELECT
    number,
    number % 9 + 1 AS count,
    toDateTime64({now:DateTime}, 6, 'UTC')
      - toIntervalDay(cityHash64(number) % {days:UInt32})
      - toIntervalSecond(intDiv(cityHash64(number, 4) % 57600 + cityHash64(number, 5) % 57600, 2))
      AS started_at,
    if(number % 10 = 0, concat('tenant', toString(number % 7)), '') AS tenant,
    concat('conversation-', toString(number)) AS id,
    concat('user-', toString(toUInt64({users:UInt64}
      * pow(cityHash64(number, 1) % 1000000 / 1000000, 2)))) AS user,
    ['gpt-4o-mini', 'claude-haiku-4-5', 'mistral-small'][number % 3 + 1] AS model,
    toUInt64({topics:UInt64} * pow(cityHash64(number, 2) % 1000000 / 1000000, 2)) AS topic,
    ['en', 'en', 'en', 'fr', 'es', 'zh'][cityHash64(number, 3) % 6 + 1] AS language,
    toFloat32((cityHash64(number, 6) % 2001 - 1000.) / 1000 * 0.7) AS mood,
    ['reasked', 'thanked', 'complained', '', '', ''][cityHash64(number, 8) % 6 + 1] AS signal,
    if(topic < {kept:UInt64}, concat('topic-', toString(topic)), '') AS kept_topic,
    if(topic < {kept:UInt64}, '', concat('topic-', toString(topic))) AS found_topic
  FROM numbers({first:UInt64}, {conversations:UInt64})
"""

CONVERSATIONS = f"""
INSERT INTO conversations (project, started_at, tenant, id, ended_at, user, model, metadata, source,
  preview, messages, user_messages, assistant_messages, events, thumbs_up, thumbs_down, language,
  sentiment, scored, trend, signals, topics, suggested, meaning, judged, version, deleted)
SELECT
  'default', started_at, tenant, id, started_at + INTERVAL 300 SECOND, user, model,
  map('user_id', user, 'model', model, 'plan', ['free', 'plus', 'business'][number % 3 + 1]),
  'log', 'Where is my new card, it should have been here on Monday',
  count, intDiv(count + 1, 2), intDiv(count, 2), number % 20 = 0, number % 11 = 0, number % 17 = 0,
  language, mood, intDiv(count + 1, 2),
  ['', 'improved', 'worsened'][cityHash64(number, 7) % 3 + 1],
  arrayFilter(s -> s != '', [signal]), arrayFilter(t -> t != '', [kept_topic]),
  arrayFilter(t -> t != '', [found_topic]),
  {{meaning:UInt64}}, {{judged:UInt64}}, 1, 0
FROM ({ROWS})
"""

MESSAGES = f"""
INSERT INTO messages (project, tenant, conversation, position, id, at, kind, role, text, rating,
  name, version, deleted)
SELECT
  'default', tenant, id, number * 1048576 + place,
  concat('e_', toString(number), '_', toString(place)),
  started_at + toIntervalSecond(place * 20),
  if(place = 0 AND number % 20 = 0, 'event', 'message'), ['user', 'assistant'][place % 2 + 1],
  arrayStringConcat(arrayMap(
    w -> {{words:Array(String)}}[
      cityHash64(number, place, w) % length({{words:Array(String)}}) + 1],
    range(8 + cityHash64(number, place) % 30)), ' '),
  multiIf(place = 1 AND number % 11 = 0, 1, place = 1 AND number % 17 = 0, -1, 0),
  if(place = 0 AND number % 20 = 0, ['Paid', 'Left', 'Checkout'][number % 3 + 1], ''), 1, 0
FROM ({ROWS}) ARRAY JOIN range(count) AS place
"""

MEANINGS = f"""
INSERT INTO meanings (project, tenant, conversation, position, message, at, user, role, language,
  sentiment, signals, topics, suggested, model, vector, revision, version, deleted)
SELECT
  'default', tenant, id, number * 1048576 + place,
  concat('e_', toString(number), '_', toString(place)),
  started_at + toIntervalSecond(place * 20), user, ['user', 'assistant'][place % 2 + 1], language,
  if(place % 2 = 0, mood, NULL),
  arrayFilter(s -> s != '' AND place = 0, [signal]),
  arrayFilter(t -> t != '' AND place % 2 = 0, [kept_topic]),
  if(place % 2 = 0, found_topic, ''), if(place % 2 = 0, 'made-up', ''),
  if(place % 2 = 0, randomString({DIMENSIONS}), ''), 1, 1, 0
FROM ({ROWS}) ARRAY JOIN range(count) AS place
"""

EXCHANGES = f"""
INSERT INTO exchanges (project, at, id, api, key, endpoint, model, upstream, user, tenant,
  conversation, first_token_ms, total_ms, input_tokens, output_tokens, cost, currency, status,
  error, streamed, version, deleted)
SELECT
  'default', started_at + toIntervalSecond(place * 20),
  concat('x', toString(number), '_', toString(place)),
  'chat', 'key-1', ['ep-a', 'ep-b'][number % 2 + 1], model, 'one', user, tenant, id,
  200 + cityHash64(number, place) % 900, 800 + cityHash64(number, place) % 4000, 300 + place * 90,
  120, toDecimal64(0.0004 + place * 0.0001, 9), 'USD', if(number % 97 = 0, 502, 200),
  if(number % 97 = 0, 'upstream: refused', ''), 1, 1, 0
FROM ({ROWS}) ARRAY JOIN arrayFilter(p -> p % 2 = 1, range(count)) AS place
WHERE number % 4 = 0
"""


def fill(folder: Path, messages: int) -> None:
    """A history of about that many messages, in several inserts as it would have come: messages,
    what is understood of them, and the calls of a quarter of the conversations.
    """
    engine = open_state(Settings(data=folder).state_address)
    first_project(Accounts(engine))
    for number in range(TOPICS):
        Topics(engine).put(topic(number))
    settings = MeaningSettingsStore(engine, open_vault(folder, "")).get("default")
    topics = tuple(Topics(engine).all("default"))
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
            "topics": TOPICS,
            "kept": KEPT_TOPICS,
            "meaning": generation(settings, topics, 0),
            "judged": judging(settings, topics),
        }
        for statement in (CONVERSATIONS, MESSAGES, MEANINGS, EXCHANGES):
            client.command(statement, parameters)
    client.close()
    engine.dispose()


def topic(number: int) -> Topic:
    """The first are kept ones, the others were found."""
    kept = number < KEPT_TOPICS
    name, now = f"{WORDS[number % len(WORDS)]} {number}", datetime.now(UTC)
    definition = (
        Definition(words=(WORDS[number],))
        if kept
        else Definition(found_name=name, terms=(WORDS[number % len(WORDS)],), size=100)
    )
    return Topic(
        project="default",
        id=f"topic-{number}",
        kind=TopicKind.KEYWORD if kept else TopicKind.SUGGESTED,
        definition=definition,
        created_at=now,
        changed_at=now,
        name=name if kept else "",
    )


def sign_in(folder: Path) -> str:
    """The cookie of a member who owns the default project."""
    engine = open_state(Settings(data=folder).state_address)
    accounts = Accounts(engine)
    now = datetime.now(UTC)
    member = accounts.create_member(f"bench-{now.timestamp():.0f}@example.com", now)
    accounts.join("default", member.id, Role.OWNER)
    return f"causerie-session={SignIns(engine).create_session(member.id, now)[0]}"


PLACES = {
    "{project}": "default",
    "{id:path}": "conversation-4242",
    "{user:path}": "user-7",
    "{topic}": "topic-12",
}
MISSING = (
    "{context}",
    "{endpoint}",
    "{alert}",
    "{removal}",
    "{topic}/edit",
    "funnels/conversations",
    "{set:path}",
    "{run}",
    "{evaluator}",
)
"""What this history has none of: the topic was found, and a person changes only what is kept; and
what is asked for below, with what it needs.
"""
VARIANTS = [
    "?days=90",
    "?days=365&period=week",
    "/conversations?days=90&model=mistral-small&rating=down",
    "/conversations?days=90&meta=plan:plus&sort=longest",
    "/conversations?days=90&sort=rating",
    "/conversations?days=90&sort=mood&language=fr",
    "/conversations?days=90&topic=topic-12",
    "/conversations?days=90&people=returning",
    "/conversations?days=90&event=Paid",
    "/conversations?days=90&text=insurance+password",
    "/conversations?days=all",
    "/users?days=90",
    "/users/retention?days=365&period=month",
    "/users/engagement?days=90",
    "/topics?days=90",
    "/models?days=90&by=model",
    "/search?days=90&q=insurance+password",
    "/reports/funnels?days=90&step=first&step=topic:topic-12&step=event:Paid",
    "/reports/funnels?days=90&step=first&step=event:Paid&by=user&split=model",
    "/reports/funnels/conversations?days=90&step=first&step=event:Paid&reached=2",
]


def paths() -> list[str]:
    """What is asked for: every page, pages with filters and over longer times, each metric and how
    one is split, the reading API.
    """
    page, api = "/p/default", "/api/v1"
    own = [path for path in page_paths() if not any(place in path for place in MISSING)]
    explored = [f"{page}/reports?days=90&metric={metric}" for metric in METRICS]
    splits = [
        f"{page}/reports?days=90&metric={FIRST}&split={split}" for split in CONVERSATION_SPLITS
    ]
    examples = [
        f"{page}/reports/sql?{urlencode({'days': '90', 'sql': example.sql})}"
        for example in EXAMPLES
    ]
    series = f"{api}/conversations/series"
    year = f"period=month&start_time={datetime.now(UTC).year - 1}-12-01T00:00:00Z"
    return [
        *(fill_in(path, PLACES) for path in own),
        *(page + variant for variant in VARIANTS),
        *explored,
        *splits,
        *examples,
        f"{api}/conversations",
        f"{api}/conversations/conversation-4242",
        series,
        *(f"{series}/{what}" for what in ("volume", "rating", "sentiment")),
        f"{series}/volume?{year}",
        f"{api}/suggested_topics",
        f"{api}/topic_suggestions",
        f"{api}/metrics/{FIRST}",
    ]


def keep_coming(server: ServerProcess, key: str, stopped: threading.Event) -> None:
    """Log a conversation every 100 ms until stopped, so that reports read what is being written."""
    connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    said = [
        {"role": "user", "message": "Where is my card?"},
        {"role": "assistant", "message": "There."},
    ]
    body = json.dumps({"conversation": {"messages": said, "metadata": {"user_id": "user-7"}}})
    while not stopped.wait(INGEST_INTERVAL_S):
        connection.request("POST", "/api/v1/log/conversation", body, headers)
        connection.getresponse().read()


class Taken(NamedTuple):
    """What one request took, in ms: of time, and of the server's processors."""

    time: float
    work: float


def time_paths(
    server: ServerProcess, asked: list[str], headers: dict[str, str], rounds: int
) -> dict[str, list[Taken]]:
    """What each request took, whole answer read, first round not counted. Raises RuntimeError for a
    path that is refused.
    """
    taken: dict[str, list[Taken]] = {path: [] for path in asked}
    connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc)
    for counted in range(rounds + 1):
        for path in taken:
            worked, begin = work_ms(server), time.perf_counter()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path} answered {answer.status}")
            if counted:
                took = (time.perf_counter() - begin) * 1000
                taken[path].append(Taken(took, work_ms(server) - worked))
    return taken


def work_ms(server: ServerProcess) -> float:
    """Processor time of the server so far."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def memory_mib(server: ServerProcess) -> int:
    """The most that the server has held in memory."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) // 1024 if found else 0


@contextmanager
def kept(keep: Path | None, messages: int) -> Iterator[Path]:
    """The folder of a history, for once or for good."""
    if keep is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    folder = keep / str(messages)
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


def measure(folder: Path, messages: int, rounds: int, like: list[str]) -> dict[str, list[Taken]]:
    """What each path took."""
    begin = time.monotonic()
    if not any(folder.iterdir()):
        fill(folder, messages)
        print(f"{messages:,} messages made in {time.monotonic() - begin:.0f} s", flush=True)
    server = ServerProcess(folder)
    server.start()
    key, cookie = server.key("read"), sign_in(folder)
    headers = {"Cookie": cookie, "Authorization": f"Bearer {key}"}
    stopped = threading.Event()
    coming = threading.Thread(target=keep_coming, args=(server, server.key("ingest"), stopped))
    coming.start()
    try:
        asked = [path for path in paths() if any(one in path for one in like)]
        taken = time_paths(server, asked, headers, rounds)
        print(f"{messages:,} messages: {memory_mib(server)} MiB at most", flush=True)
    finally:
        stopped.set()
        coming.join()
        server.stop()
    return taken


def row(taken: list[Taken]) -> tuple[float, float, float]:
    """p50, p95, and the median of the processors' work."""
    twenty = statistics.quantiles((one.time for one in taken), n=20, method="inclusive")
    return twenty[9], twenty[18], statistics.median(one.work for one in taken)


def main() -> None:
    """Measure each size and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [100_000, 3_000_000, 10_000_000]
    parser.add_argument("--messages", type=int, nargs="+", default=sizes)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--like", nargs="+", default=[""], help="only addresses with one of these")
    parser.add_argument("--keep", type=Path, help="where histories are, or are made and stay")
    chosen = parser.parse_args()
    results = {}
    for size in chosen.messages:
        with kept(chosen.keep, size) as folder:
            taken = measure(folder, size, chosen.rounds, chosen.like)
        results[size] = {path: row(times) for path, times in taken.items()}
    print("path".ljust(PATH_CHARS) + "".join(f"{size:>12,} p50   p95  work" for size in results))
    for path in next(iter(results.values())):
        cells = "".join(
            f"{p50:16.0f} {p95:5.0f} {work:5.0f}"
            for p50, p95, work in (result[path] for result in results.values())
        )
        print(path[:PATH_CHARS].ljust(PATH_CHARS) + cells)
    worst = {size: round(max(p95 for _, p95, _ in rows.values())) for size, rows in results.items()}
    print(json.dumps({"worst p95 in ms": worst}))


if __name__ == "__main__":
    main()
