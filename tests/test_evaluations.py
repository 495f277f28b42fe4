"""Test sets from an app's own code, from a terminal, and from an app's tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from causerie.client.errors import ClientError, Invalid
from causerie.evaluations import Evaluations
from tests.conftest import AppServer
from tests.session_cast import ENDPOINT

HELLO = [{"role": "user", "content": "Say hello"}]
CONTAINS = {"evaluator": "context_contains_phrase", "options": {"phrase": "ello there"}}
ONLY_ANSWER = {
    "evaluator": "context_contains_phrase",
    "options": {"phrase": "hello", "context": "model_response_only"},
}
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sets(app_server: AppServer) -> Iterator[Evaluations]:
    with Evaluations(app_server.key, app_server.url) as sets:
        yield sets


@pytest.fixture
def name() -> str:
    return f"set {uuid.uuid4().hex[:8]}"


@pytest.fixture
def command(app_server: AppServer, tmp_path: Path) -> Command:
    """Runs `causerie eval` in a folder of its own."""

    def run(
        *arguments: str, program: tuple[str, ...] = ("causerie", "eval"), **environ: str
    ) -> Any:
        settings = {"CAUSERIE_URL": app_server.url, "CAUSERIE_KEY": app_server.key, **environ}
        return subprocess.run(
            [sys.executable, "-m", *program, *arguments],
            env={**os.environ, **settings},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def given(**answers: str) -> list[dict[str, Any]]:
    return [
        {"name": case, "messages": HELLO, "pregenerated_response": text}
        for case, text in answers.items()
    ]


# ---- from code ---------------------------------------------------------------------------------


def test_an_app_is_judged_by_what_its_own_code_answers(sets: Evaluations, name: str) -> None:
    def answer(messages: list[dict[str, str]]) -> str:
        return "Hello to you" if "hello" in messages[-1]["message"] else "No."

    talks = {"polite": HELLO, "curt": [{"role": "user", "content": "Goodbye"}]}
    report = sets.judge(name, talks, answer, [ONLY_ANSWER])
    assert [(one.case, one.text, one.passed) for one in report.answers] == [
        ("polite", "Hello to you", True),
        ("curt", "No.", False),
    ]
    assert report.share == 0.5
    report.expect(0.5)
    with pytest.raises(AssertionError, match="curt.*'No.'") as failed:
        report.expect(0.6)
    assert "context_contains_phrase: negative" in str(failed.value)


def test_progress_is_told_to_the_end(sets: Evaluations, name: str) -> None:
    told: list[tuple[int, int]] = []
    sets.add(name, given(one="hello", two="bye"), [ONLY_ANSWER])
    sets.run(name, iterations=3, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (6, 6)
    assert {total for _, total in told} == {6}


def test_a_model_may_answer_what_the_cases_had_answers_to(sets: Evaluations, name: str) -> None:
    sets.add(name, given(one="given"), [ONLY_ANSWER])
    assert [one.text for one in sets.run(name).answers] == ["given"]
    [answer] = sets.run(name, model=ENDPOINT).answers
    assert answer.text and answer.text != "given"


def test_what_the_server_refuses_says_which_field(sets: Evaluations, name: str) -> None:
    with pytest.raises(Invalid, match="evaluators"):
        sets.add(name, given(one="hello"), [{"evaluator": "vibes"}])
    with pytest.raises(LookupError):
        sets.run(name)


def test_a_key_that_is_none_is_refused(app_server: AppServer, name: str) -> None:
    with Evaluations("csr_admin_of_nobody", app_server.url) as sets, pytest.raises(ClientError):
        sets.latest(name)


# ---- from a terminal ---------------------------------------------------------------------------


def test_a_pipeline_ends_with_what_came_of_it(command: Command, name: str, tmp_path: Path) -> None:
    cases = given(good="hello there", bad="\x00 nothing & <more>")
    lines = "\n".join(map(json.dumps, cases))
    (tmp_path / "cases.jsonl").write_text(lines)
    (tmp_path / "evaluators.json").write_text(json.dumps([ONLY_ANSWER]))
    added = command("add", name, "cases.jsonl", "--evaluators", "evaluators.json")
    assert (added.returncode, added.stdout.strip()) == (0, f"{name}, version 1")
    half = command("run", name, "--fail-under", "0.5", "--junit", "out.xml")
    assert half.returncode == 0, half.stderr
    assert "1 of 2 answers passed" in half.stdout
    [suite] = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["bad [1]"]
    whole = command("run", name)
    assert whole.returncode == 1
    assert "context_contains_phrase: negative" in whole.stdout


def test_sets_and_runs_are_listed_and_deleted(
    command: Command, sets: Evaluations, name: str
) -> None:
    sets.add(name, given(one="hello"), [ONLY_ANSWER])
    sets.add(name, given(two="hello"), [ONLY_ANSWER], keeps_prior=True)
    first, second = sets.run(name, 1), sets.run(name, 2)
    assert f"{name}, version 2, cases 2" in command("list").stdout
    removed = command("remove-run", first.run.id)
    assert (removed.returncode, removed.stdout) == (0, "results 1 are deleted\n")
    removed = command("remove", name)
    assert removed.stdout == "versions 2, runs 1, results 2 are deleted\n"
    assert sets.versions(name) == []
    for gone in (lambda: sets.remove(name), lambda: sets.remove_run(second.run.id)):
        with pytest.raises(ClientError):
            gone()
    assert name in command("remove", name).stderr


def test_what_cannot_be_run_ends_with_two(command: Command, name: str) -> None:
    unknown = command("run", name)
    assert (unknown.returncode, name in unknown.stderr) == (2, True)
    nobody = command("run", name, CAUSERIE_URL="http://127.0.0.1:9")
    assert nobody.returncode == 2
    assert "Traceback" not in nobody.stderr + unknown.stderr


def test_an_answer_that_cannot_be_judged_is_an_error_and_no_pass(
    command: Command, sets: Evaluations, name: str, tmp_path: Path
) -> None:
    lost = [{"name": "lost", "messages": HELLO, "model": "gpt-none"}]
    sets.add(name, lost, [CONTAINS])
    ended = command("run", name, "--fail-under", "0.1", "--junit", "out.xml")
    assert ended.returncode == 1
    [suite] = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")


# ---- from an app's tests -----------------------------------------------------------------------

APP_TEST = """
def test_support(evaluations):
    talks = {"polite": [{"role": "user", "content": "Say hello"}]}
    uses = [{"evaluator": "length", "options": {"max": 5}}]
    evaluations.judge(NAME, talks, lambda messages: TEXT, uses).expect()
"""


@pytest.mark.parametrize(("text", "code"), [("Hello", 0), ("Hello there", 1)])
def test_the_plugin_judges_within_an_apps_tests(
    command: Command, name: str, tmp_path: Path, text: str, code: int
) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["causerie.evaluations"]\n')
    program = APP_TEST.replace("NAME", repr(name)).replace("TEXT", repr(text))
    (tmp_path / "test_app.py").write_text(program)
    ran = command("-q", "-p", "no:cacheprovider", program=("pytest",))
    assert ran.returncode == code, ran.stdout
    assert ("It has 11 characters" in ran.stdout) == bool(code)


def test_the_plugin_skips_where_there_is_no_server(command: Command, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["causerie.evaluations"]\n')
    (tmp_path / "test_app.py").write_text(APP_TEST.replace("NAME", "''").replace("TEXT", "''"))
    ran = command("-q", "-rs", program=("pytest",), CAUSERIE_URL="")
    assert ran.returncode == 0
    assert "1 skipped" in ran.stdout and "CAUSERIE_URL" in ran.stdout
