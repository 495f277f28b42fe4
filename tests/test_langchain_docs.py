"""The pages that show an old integration and its new form: the new one runs, in every language."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from causerie.client import Client
from causerie.testing import ServerProcess

ROOT = Path(__file__).parents[1]
SCRIPTED_OPENAI = ROOT / "tests" / "clients" / "scripted_openai.py"
LANGUAGES = ("fr", "es", "zh")


def code(name: str) -> list[str]:
    text = (ROOT / "docs" / name).read_text()
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def shape(name: str) -> list[str]:
    """The headings and the first column of every table."""
    text = (ROOT / "docs" / name).read_text()
    return re.findall(r"^(#+) |^\| (`\w+`)", text, re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_code_and_the_same_chapters(language: str) -> None:
    assert code(f"langchain.{language}.md") == code("langchain.md")
    assert shape(f"langchain.{language}.md") == shape("langchain.md")


@pytest.fixture(scope="module")
def openai_url() -> Iterator[str]:
    command = [sys.executable, str(SCRIPTED_OPENAI)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as model:
        assert model.stdout is not None
        yield f"http://127.0.0.1:{model.stdout.readline().strip()}/v1"
        model.terminate()


def test_the_new_form_of_every_pair_runs_and_arrives(
    openai_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ServerProcess(tmp_path, CAUSERIE_FLUSH_INTERVAL_MS="20")
    server.start()
    key = server.key("admin")
    monkeypatch.setenv("CAUSERIE_URL", server.endpoint)
    monkeypatch.setenv("CONTEXT_API_TOKEN", key)
    monkeypatch.setenv("OPENAI_BASE_URL", openai_url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    program = "\n".join(now(code("langchain.md")))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    server.settle()
    with Client(key, server.endpoint) as client:
        kept = client.conversations().conversations
        (visit,) = [one for one in kept if one.id == "visit-7"]
        server.stop()
    assert done.returncode == 0, done.stderr
    assert len(kept) == 3
    assert visit.metadata["user_id"] == "123"
    assert [(said.role, said.rating) for said in visit.messages] == [("user", 0), ("assistant", 1)]


def now(blocks: list[str]) -> list[str]:
    """The second of each pair, and what stands alone at the end."""
    *pairs, last = blocks
    return [*pairs[1::2], last]
