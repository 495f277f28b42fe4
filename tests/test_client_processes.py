"""Apps that end, are killed, or fork, with the client in them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from causerie.client import Client
from causerie.testing import ServerProcess
from tests.troubled_line import TroubledLine

APP_SECONDS_MAX = 60
HEAD = """
import multiprocessing, os, random, resource, sys, threading, time
from causerie import Client
spool, tenant = sys.argv[1:]
client = Client(tenant=tenant, spool=spool or None)
def say(thread, count, client=client, first=0):
    for number in range(first, first + count):
        client.append(thread, {"role": "user", "content": f"{thread} {number}"})
"""


@dataclass
class Stage:
    """A server at the end of a line, and apps at its beginning."""

    line: TroubledLine
    key: str
    spool: Path
    tenant: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def start(self, program: str, *, spool: bool = False) -> subprocess.Popen[str]:
        """An app with that program after the head."""
        return subprocess.Popen(
            [sys.executable, "-c", HEAD + program, str(self.spool) if spool else "", self.tenant],
            env={**os.environ, "CAUSERIE_KEY": self.key, "CAUSERIE_URL": self.line.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: str, *, spool: bool = False) -> tuple[str, str]:
        """What an app prints and complains of. It has to end well."""
        app = self.start(program, spool=spool)
        said, complaints = app.communicate(timeout=APP_SECONDS_MAX)
        assert app.returncode == 0, complaints
        return said, complaints

    def client(self, *, spool: bool = False) -> Client:
        """One in this process."""
        folder = self.spool if spool else None
        return Client(self.key, self.line.url, tenant=self.tenant, spool=folder)

    def texts(self, *threads: str) -> list[str]:
        """What the server has of these threads."""
        with self.client() as client:
            found = [client.conversation(thread).messages for thread in threads]
        return [said.message for messages in found for said in messages]


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
def stage(server: ServerProcess, key: str, tmp_path: Path) -> Iterator[Stage]:
    with TroubledLine(server.endpoint) as line:
        yield Stage(line, key, tmp_path / "spool")


def expected(thread: str, count: int, first: int = 0) -> list[str]:
    return [f"{thread} {number}" for number in range(first, first + count)]


# ---- the end -------------------------------------------------------------------------------------


def test_what_waits_is_sent_when_an_app_ends(stage: Stage) -> None:
    assert stage.run('say("t", 50)') == ("", "")
    assert stage.texts("t") == expected("t", 50)


def test_what_waits_is_sent_when_an_app_fails_or_exits(stage: Stage) -> None:
    app = stage.start('say("t", 5)\nraise SystemExit(3)')
    app.communicate(timeout=APP_SECONDS_MAX)
    assert app.returncode == 3
    assert stage.texts("t") == expected("t", 5)


def test_an_app_ends_though_the_server_is_away_and_says_what_is_lost(stage: Stage) -> None:
    stage.line.hang_up()
    _, complaints = stage.run('say("t", 5)')
    assert "5 letters to http://127.0.0.1" in complaints


def test_an_app_ends_though_the_server_does_not_answer(stage: Stage) -> None:
    stage.line.trouble = "silent"
    _, complaints = stage.run('say("t", 5)')
    assert "5 letters to http://127.0.0.1" in complaints


# ---- forks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("spool", [False, True])
def test_a_fork_doubles_nothing_and_both_go_on(stage: Stage, spool: bool) -> None:
    program = """
say("before", 20)
child = os.fork()
say("child" if not child else "parent", 20)
if child:
    sys.exit(os.waitpid(child, 0)[1])
"""
    stage.line.resume.clear()
    app = stage.start(program, spool=spool)
    while not stage.line.requests[""]:
        time.sleep(0.01)
    stage.line.resume.set()
    _, complaints = app.communicate(timeout=APP_SECONDS_MAX)
    assert (app.returncode, complaints) == (0, "")
    assert stage.line.requests[""] == 60
    for thread in ("before", "child", "parent"):
        assert stage.texts(thread) == expected(thread, 20)


def test_children_of_multiprocessing_send_what_they_said(stage: Stage) -> None:
    program = """
say("parent", 1)
fork = multiprocessing.get_context("fork")
children = [fork.Process(target=say, args=(f"c{n}", 10)) for n in range(3)]
for child in children: child.start()
for child in children: child.join()
sys.exit(sum(child.exitcode for child in children))
"""
    _, complaints = stage.run(program)
    assert complaints == ""
    for thread in ("c0", "c1", "c2"):
        assert stage.texts(thread) == expected(thread, 10)


def test_the_sender_imports_nothing_that_a_fork_could_lock_for_ever(stage: Stage) -> None:
    program = """
class Watch:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            print(name)
sys.meta_path.insert(0, Watch())
say("t", 1)
client.flush()
"""
    assert stage.run(program) == ("", "")
    assert stage.texts("t") == expected("t", 1)


def test_forks_in_the_middle_of_writing_never_hang(stage: Stage) -> None:
    program = """
going = True
def write():
    while going: client.append("parent", {"role": "user", "content": "x"}); time.sleep(0)
writers = [threading.Thread(target=write) for _ in range(3)]
for writer in writers: writer.start()
failures = 0
for number in range(15):
    child = os.fork()
    if not child:
        say(f"c{number}", 2)
        os._exit(0 if client.flush(20) and client.stats.sent == 2 else 1)
    failures += os.waitpid(child, 0)[1] != 0
going = False
for writer in writers: writer.join()
os._exit(failures)
"""
    stage.run(program)


# ---- kills ---------------------------------------------------------------------------------------


def test_what_was_said_while_the_server_was_away_survives_a_kill_of_the_app(stage: Stage) -> None:
    stage.line.hang_up()
    program = """
threads = [threading.Thread(target=say, args=(f"t{n}", 100)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("said", flush=True)
time.sleep(60)
"""
    app = stage.start(program, spool=True)
    assert app.stdout is not None and app.stdout.readline() == "said\n"
    app.kill()
    app.communicate()
    stage.line.pick_up()
    with stage.client(spool=True) as client:
        assert client.flush()
        assert client.stats == (400, 0, 0, 0)
    assert stage.line.requests[""] == 400
    for number in range(4):
        assert stage.texts(f"t{number}") == expected(f"t{number}", 100)
    assert list(stage.spool.iterdir()) == []


def test_kills_in_the_middle_of_sending_lose_and_double_nothing(stage: Stage) -> None:
    said = {}
    for name in ("t0", "t1", "t2", "t3"):
        program = f"""
for number in range(100_000):
    say("{name}", 1, first=number)
    print(number, flush=True)
    time.sleep(0.002)
"""
        app = stage.start(program, spool=True)
        assert app.stdout is not None
        while int(app.stdout.readline()) < 60:
            pass
        app.kill()
        rest, _ = app.communicate()
        said[name] = 61 + rest.count("\n")
    with stage.client(spool=True) as client:
        assert client.flush()
        assert client.stats.failed == client.stats.dropped == 0
    for name, count in said.items():
        kept = stage.texts(name)
        # The one that was said and not yet printed may be there.
        assert kept in (expected(name, count), expected(name, count + 1))


def test_two_processes_on_one_spool_double_nothing(stage: Stage) -> None:
    stage.line.hang_up()
    stage.run('say("left", 100)\nclient.close(0)', spool=True)
    stage.line.pick_up()
    apps = [stage.start(f'say("own{n}", 30)', spool=True) for n in range(3)]
    for app in apps:
        _, complaints = app.communicate(timeout=APP_SECONDS_MAX)
        assert (app.returncode, complaints) == (0, "")
    assert stage.line.requests[""] == 190
    assert stage.texts("left") == expected("left", 100)
    for number in range(3):
        assert stage.texts(f"own{number}") == expected(f"own{number}", 30)


def test_what_is_left_comes_before_what_the_app_says_when_it_is_back(stage: Stage) -> None:
    stage.line.hang_up()
    _, complaints = stage.run('say("t", 50)', spool=True)
    assert "50 letters wait in the spool" in complaints
    stage.line.pick_up()
    stage.run('say("t", 50, first=50)', spool=True)
    assert stage.texts("t") == expected("t", 100)


def test_a_full_disk_costs_the_durability_and_nothing_else(stage: Stage) -> None:
    program = """
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
say("t", 100)
"""
    _, complaints = stage.run(program, spool=True)
    assert complaints.count("the spool cannot be written") == 1
    assert stage.texts("t") == expected("t", 100)
