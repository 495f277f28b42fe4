"""The commands, as an operator types them."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import httpx
import pytest

from causerie import cli
from causerie.__main__ import MODULES, main
from causerie.testing import ServerProcess

TALK: dict[str, Any] = {
    "id": "from-file",
    "metadata": {"user_id": "u1", "plan": "plus"},
    "feedback": "good",
    "messages": [
        {"role": "user", "message": "hi", "event_timestamp": "2026-01-02T03:04:05.678901Z"},
        {"type": "tool", "name": "search", "input": {"q": 1}, "observation": "x"},
        {"role": "assistant", "message": "hello", "rating": 1, "metadata": {"k": "v"}},
        {"type": "event", "name": "Paid", "metadata": {"sum": "3"}},
    ],
}
LINES = [
    json.dumps({"conversation": TALK, "tenant_id": "acme"}),
    "{not json",
    json.dumps({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}),
    json.dumps({"messages": [{"role": "user", "content": "q2"}]}),
]


@pytest.fixture
def server(tmp_path: Path) -> ServerProcess:
    """A server that is not started: its commands work on its folder alone."""
    return ServerProcess(tmp_path / "data")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose conversations are those of the file that is imported beside it."""
    server = ServerProcess(tmp_path_factory.mktemp("running"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "talks.jsonl"
    path.write_text("\n".join(LINES))
    return path


@dataclass(frozen=True)
class Moved:
    """What was imported, exported, imported again and elsewhere, in this order."""

    said: str
    first: list[dict[str, Any]]
    again: list[dict[str, Any]]
    elsewhere: list[dict[str, Any]]


@pytest.fixture(scope="module")
def moved(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Moved:
    """By commands that have the folders to themselves: each opens the engine in its own process."""
    folder = tmp_path_factory.mktemp("moved")
    server, other = ServerProcess(folder / "data"), ServerProcess(folder / "other")
    said = server.command("import", str(file))
    server.command("export", "--output", str(folder / "all.jsonl"))
    first = [json.loads(line) for line in (folder / "all.jsonl").read_text().splitlines()]
    packed = folder / "talks.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    server.command("import", str(file), str(packed))
    other.command("import", str(folder / "all.jsonl"))
    return Moved(said, first, exported(server), exported(other))


def exported(server: ServerProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.command("export").splitlines()]


@pytest.mark.parametrize("word", MODULES)
def test_a_command_that_is_loaded_alone_says_the_same(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["causerie", word, "--help"])
    said = []
    for run in (cli.main, main):
        with pytest.raises(SystemExit) as ended:
            run()
        assert ended.value.code == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert f"causerie {word} " in said[0]


@pytest.mark.parametrize("word", ["serve", "key"])
def test_a_command_loads_nothing_that_few_starts_need(word: str) -> None:
    program = "import sys; from causerie.__main__ import MODULES, load; load(MODULES[sys.argv[1]])"
    shown = "print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; {shown}", word],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"alembic", "chdb", "pytest", "scipy"}
    assert ("aiohttp" in loaded) == (word == "serve")


def test_a_key_is_printed_once_kept_as_its_hash_and_listed_as_revoked_once_it_is(
    server: ServerProcess,
) -> None:
    token = server.command("key", "create", "--kind", "ingest")
    assert token.startswith("csr_ingest_")
    listed = server.command("key", "list")
    assert token not in listed and token[-4:] in listed and "revoked" not in listed
    folder = Path(server._folder)
    assert all(
        token.encode() not in file.read_bytes() for file in folder.iterdir() if file.is_file()
    )
    server.command("key", "revoke", listed.split()[0])
    assert "revoked" in server.command("key", "list")


def test_a_project_that_is_not_there_is_said_with_those_that_are(server: ServerProcess) -> None:
    with pytest.raises(RuntimeError, match=r"no project 'x'; there are: default"):
        server.command("key", "create", "--kind", "read", "--project", "x")


def test_an_import_counts_and_names_malformed_lines(moved: Moved) -> None:
    assert "3 conversations, 7 messages kept, 1 lines left out" in moved.said
    assert "line 2:" in moved.said


def test_a_repeated_import_changes_nothing(moved: Moved) -> None:
    assert moved.again == moved.first and len(moved.first) == 3


def test_an_export_can_be_imported_elsewhere_and_is_the_same(moved: Moved) -> None:
    assert moved.elsewhere == moved.first
    (kept,) = [one for one in moved.first if one.get("tenant_id") == "acme"]
    assert kept["conversation"]["feedback"] == "good"
    assert [item.get("rating", 0) for item in kept["conversation"]["messages"]] == [0, 0, 1, 0]
    assert kept["conversation"]["messages"][1]["input"] == {"q": 1}


def test_an_import_beside_a_running_server_arrives_there(
    running: ServerProcess, file: Path
) -> None:
    assert "running server" in running_import(running, file)
    running.settle()
    address, token = f"{running.endpoint}/api/v1/export", running.key("read")
    headers = {"Authorization": f"Bearer {token}"}
    with urlopen(Request(address, headers=headers)) as answer:
        assert len(answer.read().splitlines()) == 3
    said = running.command("export", "--url", running.endpoint, "--key", token)
    assert len(said.splitlines()) == 3


def running_import(running: ServerProcess, file: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "causerie", "import", str(file)],
        env=running._environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout + done.stderr


def test_an_export_that_is_cut_short_is_said_and_replaces_nothing(
    server: ServerProcess, tmp_path: Path
) -> None:
    # Between two chunks, as a server ends that fails in the middle of an answer.
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n"
    earlier = tmp_path / "all.jsonl"
    earlier.write_text("an earlier export")
    with answering(answer) as port:
        asked = ("export", "--url", f"http://127.0.0.1:{port}", "--key", "k")
        with pytest.raises(RuntimeError, match="did not answer to the end"):
            server.command(*asked, "--output", str(earlier))
    assert earlier.read_text() == "an earlier export"


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """The port of something that answers one request with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join()


def test_a_server_that_was_killed_goes_on_at_once_where_it_was(server: ServerProcess) -> None:
    server.start()
    headers = {"Authorization": f"Bearer {server.key('admin')}"}
    body = json.dumps({"conversation": {"id": "T", "messages": [TALK["messages"][0]]}}).encode()
    for _ in range(3):
        path = "/api/v1/log/conversation/thread"
        urlopen(Request(server.endpoint + path, data=body, headers=headers)).close()
    server.kill()
    server.start()
    with urlopen(Request(f"{server.endpoint}/api/v1/conversations/T", headers=headers)) as answer:
        assert len(json.load(answer)["messages"]) == 3
    server.stop()


def test_a_second_process_on_the_folder_is_told_who_has_it(running: ServerProcess) -> None:
    with pytest.raises(RuntimeError, match=f"in use by process {running.pid}"):
        running.command("serve", "--port", "0")
    with pytest.raises(RuntimeError, match="in use by process"):
        running.command("export")


def test_a_port_that_is_taken_is_said(running: ServerProcess, tmp_path: Path) -> None:
    port = running.endpoint.rsplit(":", 1)[1]
    with pytest.raises(RuntimeError, match=f"port {port}"):
        running.command("serve", "--data", str(tmp_path / "other"), "--port", port)


def test_doctor_says_what_is_configured_reachable_and_waiting(running: ServerProcess) -> None:
    said = running.command("doctor")
    assert "CAUSERIE_DATA" in said and "SQLite" in said and "0 entries wait" in said
    assert f"open in the running server (process {running.pid})" in said


def test_doctor_names_what_is_broken_and_hides_passwords(tmp_path: Path) -> None:
    broken = ServerProcess(
        tmp_path / "data",
        CAUSERIE_EVENTS_URL="clickhouse://user:hidden@127.0.0.1:1/db",
        CAUSERIE_STATE_URL="postgresql://user:hidden@127.0.0.1:1/db",
    )
    with pytest.raises(RuntimeError) as said:
        broken.command("doctor")
    text = str(said.value)
    assert text.count("broken") == 2 and "hidden" not in text


def test_each_start_prints_a_link_while_nobody_is_there_and_a_polite_end_is_clean(
    server: ServerProcess,
) -> None:
    server.start()
    first = server.sign_in_link
    server.stop()
    assert first.startswith(server.endpoint)
    server.start()
    assert server.sign_in_link != first  # nobody has signed in yet
    process = server._process
    assert process is not None
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 0
    server._close()


def test_a_member_who_forgot_the_password_gets_a_link_only_if_there_is_such_a_member(
    server: ServerProcess,
) -> None:
    with pytest.raises(RuntimeError, match="no member"):
        server.command("member", "link", "nobody@example.org")


def test_enrich_understands_what_was_imported(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    said = [
        {"role": "user", "content": "Hola, ¿dónde está mi pedido? Estoy muy enfadado"},
        {"role": "assistant", "content": "Ya lo miro."},
    ]
    file.write_text(json.dumps({"id": "one", "messages": said}) + "\n")
    server = ServerProcess(tmp_path / "data")
    server.command("import", str(file))
    server.command("enrich")
    server.start()
    try:
        headers = {"Authorization": f"Bearer {server.key('read')}"}
        url = f"{server.endpoint}/api/v1/conversations/one"
        answer = httpx.get(url, headers=headers).raise_for_status().json()
    finally:
        server.stop()
    assert [one["language"] for one in answer["messages"]] == ["es", "es"]
    assert answer["messages"][0]["sentiment"] < 0
