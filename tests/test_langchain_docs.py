"""The pages that show an old integration and its new form: the new one runs, in every language."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from causerie.client import Client
from tests.conftest import AppServer

ROOT = Path(__file__).parents[1]
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


def test_the_new_form_of_every_pair_runs_and_arrives(
    app_server: AppServer, openai_url: str, tmp_path: Path
) -> None:
    given = {
        "CAUSERIE_URL": app_server.url,
        "CONTEXT_API_TOKEN": app_server.key,
        "OPENAI_BASE_URL": openai_url,
        "OPENAI_API_KEY": "none",
    }
    known = {one.id for one in kept(app_server)}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(now(code("langchain.md")))],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    arrived = {one.id: one for one in kept(app_server) if one.id not in known}
    assert len(arrived) == 4
    visit, talk = arrived["visit-7"], arrived["visit-8"]
    assert visit.metadata["user_id"] == "123"
    assert [(said.role, said.rating) for said in visit.messages] == [("user", 0), ("assistant", 1)]
    assert [said.role for said in talk.messages] == ["user", "assistant"]


def kept(server: AppServer) -> list[Any]:
    server.process.settle()
    with Client(server.key, server.url) as client:
        return client.conversations(per_page=100).conversations


def now(blocks: list[str]) -> list[str]:
    """The second of each pair, and what stands alone at the end."""
    *pairs, last = blocks
    return [*pairs[1::2], last]
