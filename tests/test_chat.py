"""`causerie chat`, as it is used: at a terminal, through a pipe, stopped, started again."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from causerie.cli import app
from causerie.client import Client
from causerie.conversations import Conversation
from causerie.imports import read
from causerie.local_models import model_file
from tests.conftest import AppServer
from tests.scripted_upstream import ScriptedUpstream, hold

ROOT = Path(__file__).parents[1]
SECONDS_MAX = 60


class Desk:
    """A user's machine: a folder of data, and an environment with nothing of ours in it."""

    def __init__(self, folder: Path, **given: str) -> None:
        foreign = [name for name in os.environ if name.startswith(("OPENAI_", "CAUSERIE_"))]
        self.given: dict[str, str | None] = {
            **dict.fromkeys(foreign),
            "XDG_DATA_HOME": str(folder),
            **given,
        }

    @property
    def environ(self) -> dict[str, str]:
        """That of a program which is started there."""
        merged = {**os.environ, **self.given}
        return {name: value for name, value in merged.items() if value is not None}

    def chat(self, *lines: str, options: tuple[str, ...] = (), code: int = 0) -> list[str]:
        """What the command prints when these lines are piped in."""
        typed = "".join(f"{line}\n" for line in lines)
        done = CliRunner().invoke(app, ["chat", *options], input=typed, env=self.given)
        assert done.exit_code == code, done.output
        return done.output.splitlines()


@pytest.fixture
def desk(tmp_path: Path, openai_url: str) -> Desk:
    return Desk(tmp_path, OPENAI_BASE_URL=openai_url, OPENAI_API_KEY="none", OPENAI_MODEL="gpt-4o")


def test_each_turn_tells_its_tokens_and_its_cost_and_those_of_the_session(desk: Desk) -> None:
    told = desk.chat("one two", "three")
    # The system prompt has 5 words; gpt-4o takes 2.5 and 10 dollars a million.
    # 7 * 2.5 + 4 * 10 = 57.5; 5 + 2 + 4 + 1 = 12 words, 12 * 2.5 + 3 * 10 = 60
    assert told[1:] == [
        "You said: one two",
        "7 + 4 tokens, USD 0.0000575 · in all 7 + 4 tokens, USD 0.0000575",
        "You said: three",
        "12 + 3 tokens, USD 0.00006 · in all 19 + 7 tokens, USD 0.0001175",
    ]


def test_a_session_goes_on_after_a_restart(desk: Desk) -> None:
    program = [sys.executable, "-m", "causerie", "chat"]
    subprocess.run(program, input="one two\n", env=desk.environ, text=True, check=True)
    told = desk.chat("three", "/history")
    assert told[0].startswith("session main: 2 messages so far")
    assert told[2] == "12 + 3 tokens, USD 0.00006 · in all 19 + 7 tokens, USD 0.0001175"
    assert told[3:] == [
        "user: one two",
        "assistant: You said: one two",
        "user: three",
        "assistant: You said: three",
    ]


def test_sessions_are_listed_begun_opened_and_forgotten(desk: Desk) -> None:
    desk.chat("first", "/new", "second", "/new work", "third")
    told = desk.chat(
        "/sessions", "/open work", "/new work", "/open nowhere", "/forget", "/sessions"
    )
    assert told[1:4] == [
        "  chat-1  2 messages  second",
        "* main  2 messages  first",
        "  work  2 messages  third",
    ]
    assert told[4].startswith("session work: 2 messages so far")
    assert told[5] == "there is a session work already: /open work"
    assert told[6] == "there is no session nowhere; /sessions lists them"
    assert told[7].startswith("session work: nothing said yet")
    assert [line.split()[0] for line in told[8:]] == ["chat-1", "main"]


def test_a_session_is_written_to_a_file_that_import_reads(desk: Desk, tmp_path: Path) -> None:
    text, lines = tmp_path / "a b.md", tmp_path / "talk.jsonl"
    desk.chat("Why [this]?", f"/export {text}", f"/export {lines}")
    assert text.read_text().endswith("**assistant**\n\nYou said: Why [this]?\n")
    (found,) = read(lines, datetime.now(UTC))
    assert isinstance(found, Conversation)
    assert [said.text for said in found.messages] == ["Why [this]?", "You said: Why [this]?"]


def test_an_export_without_a_name_replaces_no_file(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = desk.chat("Hello", "/export", "/export")
    assert told[3] == "written to main.md"
    assert "File exists" in told[4]


def test_the_price_of_an_unknown_model_is_said_to_be_unknown(desk: Desk) -> None:
    told = desk.chat("one two", options=("--model", "nobody-knows-it"))
    unknown = "7 + 4 tokens, cost unknown (no price of nobody-knows-it)"
    assert told[2] == f"{unknown} · in all {unknown}"


def test_a_model_that_fails_is_told_and_the_turn_is_as_if_it_had_not_been(desk: Desk) -> None:
    away = ("--base-url", "http://127.0.0.1:9/v1")
    told = desk.chat("one", "/history", "/help", options=away)
    assert "Connection error" in told[1]
    assert told[2].startswith("/sessions")


@pytest.mark.parametrize("place", ["sqlite", "memory", "elsewhere"])
def test_sessions_are_where_they_are_wanted(desk: Desk, tmp_path: Path, place: str) -> None:
    store = {
        "sqlite": str(tmp_path / "own.db"),
        "memory": ":memory:",
        "elsewhere": str(tmp_path / "no such folder" / "own.db"),
    }[place]
    code = 1 if place == "elsewhere" else 0
    told = desk.chat("Hello", options=("--store", store), code=code)
    if code:
        assert len(told) == 1 and told[0].startswith("causerie: ")
    else:
        assert told[1] == "You said: Hello"
        assert (tmp_path / "own.db").exists() == (place == "sqlite")
    assert not (tmp_path / "causerie" / "chat.db").exists()


def test_the_file_of_sessions_is_its_user_s_alone(desk: Desk, tmp_path: Path) -> None:
    desk.chat("Hello")
    file = tmp_path / "causerie" / "chat.db"
    assert file.parent.stat().st_mode & 0o077 == 0
    assert file.stat().st_mode & 0o077 == 0


def test_what_is_said_is_logged_where_it_is_asked_for(desk: Desk, app_server: AppServer) -> None:
    desk.given |= {"CAUSERIE_URL": app_server.url, "CAUSERIE_KEY": app_server.key}
    session = f"talk-{uuid.uuid4().hex[:8]}"
    desk.chat("not this", options=("--session", session))
    desk.chat("one", "two", options=("--log", "--session", session))
    app_server.process.settle()
    with Client(app_server.key, app_server.url) as client:
        kept = client.conversation(session)
    assert [said.message for said in kept.messages if said.role == "user"] == ["one", "two"]


@pytest.mark.skipif(model_file() is None, reason="the local model is not installed")
def test_without_a_key_or_an_address_the_model_of_this_machine_answers(tmp_path: Path) -> None:
    told = Desk(tmp_path).chat("Say hello.", options=("--system", "Answer with one short word."))
    assert len(told) >= 3 and told[1]
    assert told[-1].count("USD 0 ") == 1 and told[-1].endswith("USD 0")


def test_an_install_without_the_server_has_the_chat_and_says_what_it_lacks(desk: Desk) -> None:
    missing = "import sys; sys.modules['sqlalchemy'] = None; sys.argv[1:] = {!r}\n"
    program = missing + "from causerie.__main__ import main; main()"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program.format(list(words))]
        return subprocess.run(
            command, env=desk.environ, input="one\n", capture_output=True, text=True
        )

    assert "You said: one" in run("chat").stdout
    refused = run("serve")
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        "the server is an extra: pip install 'causerie[server,embedded]'"
    )


# ---- at a terminal -------------------------------------------------------------------------------


def by_hand() -> None:
    """What is started in the background by a shell is deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A chat with somebody in front of it."""

    def __init__(self, desk: Desk) -> None:
        self._fd, inner = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "causerie", "chat"],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env={**desk.environ, "TERM": "dumb"},
            start_new_session=True,
            preexec_fn=by_hand,
        )
        os.close(inner)
        self.seen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._fd)

    def wait_for(self, text: str) -> None:
        """Until the text is on the screen; what is before it is gone then."""
        # Not select: it knows no file with a number over 1,023.
        waiting = select.poll()
        waiting.register(self._fd, select.POLLIN)
        deadline = time.monotonic() + SECONDS_MAX
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if waiting.poll(1_000):
                self.seen += os.read(self._fd, 4096).decode()
        self.seen = self.seen.partition(text)[2]

    def type(self, text: str) -> None:
        """Keys."""
        os.write(self._fd, text.encode())

    def interrupt(self) -> None:
        """Ctrl-C, as slow as a hand is: in the instant of a prompt it would be overlooked."""
        time.sleep(0.3)
        self._process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Its exit code, once it has ended."""
        return self._process.wait(SECONDS_MAX)


def test_ctrl_c_stops_a_reply_and_at_the_prompt_a_line_and_ctrl_d_ends(tmp_path: Path) -> None:
    with ScriptedUpstream() as upstream:
        upstream.then(hold())
        given = {"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "none"}
        with Terminal(Desk(tmp_path, OPENAI_MODEL="gpt-4o", **given)) as terminal:
            terminal.wait_for("> ")
            terminal.interrupt()
            terminal.wait_for("> ")
            terminal.type("Hello\n")
            upstream.until(lambda: len(upstream.requests) == 1)
            terminal.interrupt()
            terminal.wait_for("this turn is forgotten")
            upstream.release()
            terminal.wait_for("> ")
            terminal.type("/history\n/sessions\n")
            terminal.type("\x04")
            assert terminal.end() == 0
            assert "assistant" not in terminal.seen


def test_the_help_of_the_command_loads_no_model(desk: Desk) -> None:
    code = (
        "import sys, json, causerie.chat_command\n"
        "print(json.dumps([m for m in ('langchain_openai', 'langgraph') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
