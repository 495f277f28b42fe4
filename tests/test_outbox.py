"""The outbox in front of a real server that is away, slow, killed, or answered for by nonsense."""

from __future__ import annotations

import gc
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from causerie.client import Client, message
from causerie.client.backoff import BACKOFF_SECONDS_MAX, Backoff, pause_s
from causerie.client.complaints import COMPLAINT_INTERVAL_S, Complaints
from causerie.client.delivery import TRIES_MAX
from causerie.client.senders import SENDERS_MAX
from causerie.testing import ServerProcess
from tests.troubled_line import CUT, MISTAKE, NONSENSE, SILENT, TroubledLine

SHORT_S = 0.3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def key(server: ServerProcess) -> str:
    return server.key("admin")


@pytest.fixture
def line(server: ServerProcess) -> Iterator[TroubledLine]:
    with TroubledLine(server.endpoint) as line:
        yield line


@pytest.fixture
def connect(line: TroubledLine, key: str) -> Iterator[Callable[..., Client]]:
    """Makes clients at the other end of the line, of one tenant, that are closed in the end."""
    made: list[Client] = []
    tenant = uuid.uuid4().hex[:12]

    def client(**options: Any) -> Client:
        made.append(Client(key, line.url, tenant=tenant, **options))
        return made[-1]

    yield client
    for one in made:
        one.close(0)


def append(client: Client, thread: str, count: int, first: int = 0) -> list[str]:
    """Append so many messages, one by one."""
    texts = [f"{thread} {number}" for number in range(first, first + count)]
    for text in texts:
        client.append(thread, message("user", text))
    return texts


def texts(client: Client, thread: str) -> list[str]:
    return [said.message for said in client.conversation(thread).messages]


def until(true: Callable[[], bool]) -> None:
    """Wait for what happens in another thread."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# ---- trouble -------------------------------------------------------------------------------------


def test_what_was_said_while_the_server_was_away_arrives_when_it_is_back(
    line: TroubledLine, connect: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = connect()
    line.hang_up()
    said = append(client, "t", 50)
    assert not client.flush(SHORT_S)
    assert client.stats == (0, 50, 0, 0)
    line.pick_up()
    assert client.flush()
    assert client.stats == (50, 0, 0, 0)
    assert texts(client, "t") == said
    assert [record.getMessage().count("ConnectionRefused") for record in caplog.records] == [1]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_for_an_answer_loses_and_doubles_nothing(
    line: TroubledLine, connect: Callable[..., Client], nonsense: str
) -> None:
    client = connect()
    line.trouble = nonsense
    said = append(client, "t", 5)
    assert not client.flush(SHORT_S)
    assert client.stats == (0, 5, 0, 0)
    line.trouble = ""
    assert client.flush()
    assert client.stats == (5, 0, 0, 0)
    assert texts(client, "t") == said


def test_an_answer_that_was_lost_doubles_nothing(
    line: TroubledLine, connect: Callable[..., Client]
) -> None:
    client = connect()
    line.trouble = CUT
    said = append(client, "t", 3)
    until(lambda: line.requests[CUT] > 1)
    line.trouble = ""
    assert client.flush()
    assert texts(client, "t") == said


def test_a_server_that_does_not_answer_costs_the_caller_nothing(
    line: TroubledLine, connect: Callable[..., Client]
) -> None:
    client = connect(timeout=0.5)
    line.trouble = SILENT
    said = append(client, "t", 200)
    assert client.stats == (0, 200, 0, 0)
    until(lambda: line.requests[SILENT] > 1)
    line.trouble = ""
    assert client.flush()
    assert texts(client, "t") == said


def test_a_server_that_is_killed_in_between_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = ServerProcess(tmp_path_factory.mktemp("killed"))
    key = server.key("admin")
    server.start()
    with TroubledLine(server.endpoint) as line, Client(key, line.url) as client:
        said = {f"t{number}": append(client, f"t{number}", 60) for number in range(4)}
        until(lambda: client.stats.sent > 20)
        server.kill()
        for thread in said:
            said[thread] += append(client, thread, 20, 60)
        server.start()
        line.target = server.endpoint
        assert client.flush()
        assert client.stats == (320, 0, 0, 0)
        assert {thread: texts(client, thread) for thread in said} == said
    server.stop()


def test_what_the_server_fails_at_again_and_again_does_not_stop_the_others(
    line: TroubledLine, connect: Callable[..., Client]
) -> None:
    client = connect()
    line.trouble = MISTAKE
    append(client, "bad", 1)
    assert client.flush()
    assert client.stats == (0, 0, 0, 1)
    assert line.requests[MISTAKE] == TRIES_MAX
    line.trouble = ""
    said = append(client, "t", 1)
    assert client.flush() and texts(client, "t") == said


# ---- bounds --------------------------------------------------------------------------------------


def test_a_full_outbox_drops_the_oldest_counts_them_and_says_so_once(
    line: TroubledLine, connect: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(letters_max=10)
    line.hang_up()
    said = append(client, "t", 25)
    assert client.stats == (0, 10, 15, 0)
    warned = [record for record in caplog.records if "oldest" in record.getMessage()]
    assert len(warned) == 1
    line.pick_up()
    assert client.flush()
    assert texts(client, "t") == said[15:]
    assert client.stats == (10, 0, 15, 0)


def test_the_outbox_is_bounded_in_bytes(line: TroubledLine, connect: Callable[..., Client]) -> None:
    client = connect(bytes_max=100_000)
    line.hang_up()
    for _ in range(20):
        client.log([message("user", "x" * 9_000)])
    client.log([message("user", "x" * 100_000)])
    assert client.stats == (0, 10, 11, 0)


def test_what_is_left_when_a_client_is_closed_is_counted_and_said(
    line: TroubledLine, connect: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = connect()
    line.hang_up()
    append(client, "t", 3)
    assert not client.close(SHORT_S)
    append(client, "t", 1)
    assert client.stats == (0, 0, 4, 0)
    assert any("3 letters to" in record.getMessage() for record in caplog.records)


# ---- connections and threads ---------------------------------------------------------------------


def test_one_connection_is_kept_and_each_request_sent_once(
    line: TroubledLine, connect: Callable[..., Client]
) -> None:
    client = connect()
    for number in range(20):
        client.append("t", message("user", str(number)))
        assert client.flush()
    assert (line.accepted, line.requests[""]) == (1, 20)


def test_a_few_are_on_their_way_at_once_but_of_one_thread_one(
    line: TroubledLine, connect: Callable[..., Client]
) -> None:
    client = connect()
    line.resume.clear()
    append(client, "t", 10)
    until(lambda: line.requests[""] == 1)
    assert not client.flush(SHORT_S)
    assert line.requests[""] == 1
    for number in range(10):
        client.log([message("user", f"l{number}")])
    line.resume.set()
    until(lambda: client.stats.sent >= 1)
    line.resume.clear()
    for number in range(40):
        client.log([message("user", f"m{number}")])
    until(lambda: line.accepted > 1)
    line.resume.set()
    assert client.flush()
    assert client.stats == (60, 0, 0, 0)
    assert line.accepted <= SENDERS_MAX
    assert texts(client, "t") == [f"t {number}" for number in range(10)]


def test_nothing_is_connected_and_no_thread_runs_before_something_is_said(
    line: TroubledLine, connect: Callable[..., Client]
) -> None:
    before = threading.active_count()
    client = connect()
    assert client.flush()
    assert (threading.active_count(), line.accepted) == (before, 0)


def test_many_threads_may_write_at_once(connect: Callable[..., Client]) -> None:
    client = connect()
    said: dict[str, list[str]] = {}

    def write(name: str) -> None:
        said[name] = append(client, name, 50)

    threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush()
    assert client.stats == (400, 0, 0, 0)
    assert {name: texts(client, name) for name in said} == said


def test_a_client_that_is_dropped_still_sends(line: TroubledLine, connect: Any, key: str) -> None:
    reader = connect()
    dropped = Client(key, line.url, tenant=reader._tenant)
    said = append(dropped, "t", 20)
    del dropped
    gc.collect()
    until(lambda: line.requests[""] >= 20)
    until(lambda: texts(reader, "t") == said)


def test_a_log_handler_that_logs_here_stops_nothing(
    line: TroubledLine, connect: Callable[..., Client]
) -> None:
    client = connect(letters_max=20)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            client.append("log", message("system", record.getMessage()))

    log, handler = logging.getLogger("causerie.client"), Handler()
    log.addHandler(handler)
    try:
        line.hang_up()
        append(client, "t", 30)
        assert not client.flush(SHORT_S)
        line.pick_up()
        assert client.flush()
        assert any("oldest" in text for text in texts(client, "log"))
    finally:
        log.removeHandler(handler)


# ---- parts ---------------------------------------------------------------------------------------


def test_pauses_double_and_are_never_the_same_for_all() -> None:
    longest = [pause_s(failures, lambda: 1.0, BACKOFF_SECONDS_MAX) for failures in range(1, 12)]
    assert longest[:4] == [0.25, 0.5, 1.0, 2.0] and longest[-1] == BACKOFF_SECONDS_MAX
    assert pause_s(3, lambda: 0.0, BACKOFF_SECONDS_MAX) == 0.5
    assert pause_s(10_000, lambda: 1.0, BACKOFF_SECONDS_MAX) == BACKOFF_SECONDS_MAX


def test_a_server_that_says_how_long_is_obeyed_within_reason() -> None:
    backoff = Backoff(lambda: 1.0)
    backoff.fail(20.0)
    assert 10 < backoff.rest_s <= 20
    backoff.fail(86_400.0)
    assert backoff.rest_s <= 60
    backoff.succeed()
    assert backoff.rest_s == 0


def test_a_complaint_is_repeated_after_its_interval(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    complaints = Complaints(lambda: now[0])
    for at in (0.0, 1.0, COMPLAINT_INTERVAL_S, COMPLAINT_INTERVAL_S + 1):
        now[0] = at
        complaints.say("a", "at %s", at)
        complaints.once("b", "once")
    told = [record.getMessage() for record in caplog.records]
    assert told == ["at 0.0", "once", f"at {COMPLAINT_INTERVAL_S}"]
